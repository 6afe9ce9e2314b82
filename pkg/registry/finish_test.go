package registry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/record"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// finishAt runs a Finisher at a time.
func finishAt(t *testing.T, s registry.ClosingStore, at time.Time) (log string, err error) {
	t.Helper()
	lines := &record.Buffer{}
	err = registry.NewFinisher(s, func() time.Time { return at }, slog.New(slog.NewJSONHandler(lines, nil))).Finish(t.Context())
	return lines.String(), err
}

// mustFinish runs a Finisher that meets no fault.
func mustFinish(t *testing.T, s registry.ClosingStore, at time.Time) string {
	t.Helper()
	log, err := finishAt(t, s, at)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func mustClose(t *testing.T, s registry.AccountStore) {
	t.Helper()
	if err := registry.CloseAccount(t.Context(), s, leaving, now); err != nil {
		t.Fatal(err)
	}
}

// afterPause is when servers accept no token of an account that was closed now.
var afterPause = now.Add(90 * time.Second)

// A closed account has no tokens and keeps its webhooks until that time has passed;
// then nothing of it is left, and the log says so.
func TestFinish(t *testing.T) {
	s := populated(t)
	mustClose(t, s)
	mustClose(t, s) // again
	for _, early := range []time.Time{now, afterPause.Add(-time.Second)} {
		if log := mustFinish(t, s, early); log != "" {
			t.Errorf("logged %s", log)
		}
		holds(t, s, leaving, true, 0, 3)
	}
	log := mustFinish(t, s, afterPause)
	if !strings.Contains(log, `"msg":"account deleted","api":"test","account":"leaving","webhooks":3,"cancelled":1`) || strings.Count(log, "\n") != 1 {
		t.Errorf("logged %s", log)
	}
	holds(t, s, leaving, false, 0, 0)
	holds(t, s, bystander, true, 2, 3)
	if err := registry.CloseAccount(t.Context(), s, leaving, now); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("closed again: %v, want ErrNotFound", err)
	}
}

// Tokens that a closing which was cut off has left are deleted, and the time
// that servers may accept them begins anew; so it does if the clock was put
// back.
func TestFinishRevokes(t *testing.T) {
	for name, at := range map[string]time.Time{"tokens are left": afterPause, "the clock was put back": now.Add(-time.Hour)} {
		t.Run(name, func(t *testing.T) {
			s := populated(t)
			if name == "tokens are left" {
				if err := s.CloseAccount(t.Context(), leaving, now); err != nil {
					t.Fatal(err)
				}
			} else {
				mustClose(t, s)
			}
			for _, early := range []time.Time{at, at.Add(89 * time.Second)} {
				mustFinish(t, s, early)
				holds(t, s, leaving, true, 0, 3)
			}
			// Created at now, it is finished when the clock has come there.
			for _, late := range []time.Time{at.Add(90 * time.Second), afterPause, afterPause.Add(time.Hour)} {
				mustFinish(t, s, late)
			}
			holds(t, s, leaving, false, 0, 0)
		})
	}
}

// Wherever closing and finishing are cut off, before or after a step did its
// work, later runs complete the deletion.
func TestFinishIsCompleted(t *testing.T) {
	for _, side := range []string{"before", "after"} {
		completed := false
		for cut := 1; !completed; cut++ {
			t.Run(fmt.Sprintf("%s step %d", side, cut), func(t *testing.T) {
				s := populated(t)
				cutOff, steps := killedAt(s, side, cut)
				err := registry.CloseAccount(t.Context(), cutOff, leaving, now)
				if err == nil {
					_, err = finishAt(t, cutOff, afterPause)
				}
				completed = steps.n < cut
				if completed != (err == nil) || err != nil && !errors.Is(err, errKilled) {
					t.Fatalf("error %v after %d steps", err, steps.n)
				}
				if side == "before" && cut == 1 {
					holds(t, s, leaving, true, 2, 3)
					mustClose(t, s)
				}
				mustFinish(t, s, afterPause)
				mustFinish(t, s, afterPause.Add(time.Hour))
				holds(t, s, leaving, false, 0, 0)
				holds(t, s, bystander, true, 2, 3)
			})
		}
	}
}

// A run that is late finds its account deleted and a successor there, which it
// spares, wherever it was; also one that is closing, until its time has passed.
func TestFinishSparesASuccessor(t *testing.T) {
	for _, closes := range []bool{false, true} {
		for step := 1; step <= 11; step++ {
			t.Run(fmt.Sprint("closing ", closes, " step ", step), func(t *testing.T) {
				s := populated(t)
				mustClose(t, s)
				n := 0
				late := stepping(s, func(string) error {
					if n++; n != step {
						return nil
					}
					mustFinish(t, s, afterPause)
					populate(t, s, leaving, "-"+strings.Repeat("n", 100)) // created later
					if closes && step == 1 {
						return s.CloseAccount(t.Context(), leaving, afterPause.Add(time.Minute))
					}
					return nil
				}, nil)
				mustFinish(t, late, afterPause)
				if n < step {
					t.Fatalf("there are %d steps only", n)
				}
				if !closes || step > 1 {
					holds(t, s, leaving, true, 2, 3)
					return
				}
				holds(t, s, leaving, true, 0, 3)
			})
		}
	}
}

// An account that fails keeps none from being deleted, and the error names it.
func TestFinishGoesOn(t *testing.T) {
	s := populated(t)
	for _, a := range []webhook.Account{bystander, leaving} {
		if err := registry.CloseAccount(t.Context(), s, a, now); err != nil {
			t.Fatal(err)
		}
	}
	failing := &brokenFor{s, bystander}
	if _, err := finishAt(t, failing, afterPause); err == nil || !strings.Contains(err.Error(), bystander.String()) {
		t.Errorf("error %v, want one of %v", err, bystander)
	}
	holds(t, s, leaving, false, 0, 0)
	holds(t, s, bystander, true, 0, 3)
}

// brokenFor cannot list the webhooks of one account.
type brokenFor struct {
	*sqlite.Store
	account webhook.Account
}

func (b *brokenFor) Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error) {
	if a == b.account {
		return nil, webhook.ErrUnavailable
	}
	return b.Store.Webhooks(ctx, a)
}
