package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/intercept"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	leaving   = webhook.Account{API: "test", ID: "leaving"}
	bystander = webhook.Account{API: "test", ID: "bystander"}
)

// errKilled is what a step says at which the deletion is cut off.
var errKilled = errors.New("killed")

// stepping is a store that says before and after each call which one it is.
func stepping(s *sqlite.Store, before, after func(step string) error) intercept.Store {
	return intercept.Store{Store: s, Do: func(step string, do func() error) error {
		if before != nil {
			if err := before(step); err != nil {
				return err
			}
		}
		if err := do(); err != nil {
			return err
		}
		if after != nil {
			return after(step)
		}
		return nil
	}}
}

// recorded is a wait that takes no time.
func recorded(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// populated gives a store with two accounts of the same size: two tokens,
// three records of which two share an id, and two deliveries of which one is
// pending.
func populated(t *testing.T) *sqlite.Store {
	t.Helper()
	s := memory.Open(t)
	for _, a := range []webhook.Account{leaving, bystander} {
		populate(t, s, a, "")
	}
	return s
}

func populate(t *testing.T, s *sqlite.Store, a webhook.Account, stats string) {
	t.Helper()
	if err := s.CreateAccount(t.Context(), webhook.AccountInfo{Account: a, CreatedAt: now.Add(time.Duration(len(stats)) * time.Second)}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"t1", "t2"} {
		id += stats
		if err := s.CreateToken(t.Context(), webhook.Token{ID: id, Account: a, Hash: webhook.HashToken(a.ID + id)}); err != nil {
			t.Fatal(err)
		}
	}
	add(t, s, a, "single"+stats, "a")
	add(t, s, a, "several"+stats, "b", "c")
	publish(t, s, a, "pending"+stats, true)
	publish(t, s, a, "done"+stats, false)
}

// publish keeps a delivery, of which an attempt is to come or not.
func publish(t *testing.T, s *sqlite.Store, a webhook.Account, id string, pending bool) {
	t.Helper()
	d := webhook.Delivery{Account: a, Event: "a", EventID: id, Time: now, WebhookID: "single", AcceptedAt: now, Status: webhook.StatusDelivered}
	if pending {
		d.Status, d.Next, d.Due = webhook.StatusPending, now, now
	}
	if _, err := s.AddDelivery(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// pendingOf are the ids of events of which an attempt is to come.
func pendingOf(t *testing.T, s *sqlite.Store, a webhook.Account) (ids []string) {
	t.Helper()
	err := s.Deliveries(t.Context(), a, time.Time{}, func(d webhook.Delivery) bool {
		if d.Open() {
			ids = append(ids, d.EventID)
		} else if d.Status == webhook.StatusCancelled != (d.Reason == "cancelled: the account was deleted") {
			t.Errorf("delivery %+v, want it cancelled because of its account", d)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// add registers events under one id.
func add(t *testing.T, s *sqlite.Store, a webhook.Account, id string, events ...string) {
	t.Helper()
	var c webhook.Creation
	for _, event := range events {
		c.Webhooks = append(c.Webhooks, webhook.Webhook{Account: a, Event: event, ID: id, RequestID: "claim of " + id, Version: 1})
	}
	if _, err := s.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// holds demands how many tokens and webhooks an account has, and whether it is
// there itself.
func holds(t *testing.T, s *sqlite.Store, a webhook.Account, there bool, tokens, webhooks int) {
	t.Helper()
	gotTokens, err := s.Tokens(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	gotWebhooks, err := s.Webhooks(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Account(t.Context(), a)
	if (err == nil) != there || len(gotTokens) != tokens || len(gotWebhooks) != webhooks {
		t.Errorf("%s has %d tokens and %d webhooks, its own record: %v; want %d, %d, and it there: %v",
			a, len(gotTokens), len(gotWebhooks), err, tokens, webhooks, there)
	}
	if pending := pendingOf(t, s, a); there == (len(pending) == 0) {
		t.Errorf("%s has pending deliveries: %q, want some: %v", a, pending, there)
	}
}

func TestDeleteAccount(t *testing.T) {
	s := populated(t)
	var steps []string
	step := func(name string) error { steps = append(steps, name); return nil }
	wait := func(_ context.Context, d time.Duration) error {
		if d != time.Minute {
			t.Errorf("it waits %v, want a minute", d)
		}
		holds(t, s, leaving, true, 0, 3)
		return step("wait")
	}
	done, err := registry.DeleteAccount(t.Context(), stepping(s, step, nil), leaving, now, wait)
	if err != nil || done != (registry.Deleted{Tokens: 2, Webhooks: 3, Cancelled: 1}) {
		t.Errorf("DeleteAccount = %+v, %v; want 2 tokens, 3 webhooks and a delivery", done, err)
	}
	const want = "[CloseAccount Account Tokens Account RevokeToken RevokeToken Tokens wait Webhooks Account Delete Delete Webhooks Deliveries Account RecordAttempt Deliveries Account DeleteAccount]"
	if got := fmt.Sprint(steps); got != want {
		t.Errorf("steps\n%s, want\n%s", got, want)
	}
	holds(t, s, leaving, false, 0, 0)
	holds(t, s, bystander, true, 2, 3)
	if _, err := registry.DeleteAccount(t.Context(), s, leaving, now, recorded); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("deleted again: %v, want ErrNotFound", err)
	}
}

// Wherever a deletion is cut off, before or after a step did its work, the
// account itself is there as long as anything else is, and the next call
// completes it.
func TestDeleteAccountIsCompleted(t *testing.T) {
	for _, side := range []string{"before", "after"} {
		completed := false
		for cut := 1; !completed; cut++ {
			t.Run(fmt.Sprintf("%s step %d", side, cut), func(t *testing.T) {
				s := populated(t)
				cutOff, steps := killedAt(s, side, cut)
				wait := func(context.Context, time.Duration) error { return steps.next("wait") }
				_, err := registry.DeleteAccount(t.Context(), cutOff, leaving, now, wait)
				completed = steps.n < cut
				if completed != (err == nil) || err != nil && !errors.Is(err, errKilled) {
					t.Fatalf("DeleteAccount = %v after %d steps", err, steps.n)
				}
				complete(t, s)
			})
		}
	}
}

// steps counts the steps of a deletion, of which one is its last.
type steps struct{ n, last int }

// next takes a step. It returns errKilled at the last one.
func (c *steps) next(string) error {
	if c.n++; c.n == c.last {
		return errKilled
	}
	return nil
}

// killedAt returns a store whose user is killed before or after a step, counted
// from 1, did its work.
func killedAt(s *sqlite.Store, side string, step int) (intercept.Store, *steps) {
	count := &steps{last: step}
	if side == "before" {
		return stepping(s, count.next, nil), count
	}
	return stepping(s, nil, count.next), count
}

// complete deletes what an unfinished deletion left.
func complete(t *testing.T, s *sqlite.Store) {
	t.Helper()
	if _, err := s.Account(t.Context(), leaving); err == nil {
		if _, err := registry.DeleteAccount(t.Context(), s, leaving, now, recorded); err != nil {
			t.Errorf("the next call: %v", err)
		}
	}
	holds(t, s, leaving, false, 0, 0)
	holds(t, s, bystander, true, 2, 3)
}

// What is registered while the account is being deleted goes too.
func TestDeleteAccountCatchesLateRegistrations(t *testing.T) {
	s := populated(t)
	late := 0
	racing := stepping(s, func(step string) error {
		if late++; step != "DeleteAccount" && late < 20 {
			add(t, s, leaving, fmt.Sprint("late", late), fmt.Sprint("event", late), fmt.Sprint("other", late))
		}
		return nil
	}, nil)
	done, err := registry.DeleteAccount(t.Context(), racing, leaving, now, recorded)
	if err != nil || done.Webhooks <= 3 {
		t.Errorf("DeleteAccount = %+v, %v; want more than 3 webhooks", done, err)
	}
	holds(t, s, leaving, false, 0, 0)
}

// Registrations without end are an error, and leave the account closing.
func TestDeleteAccountGivesUp(t *testing.T) {
	s := populated(t)
	n := 0
	racing := stepping(s, func(step string) error {
		if n++; step == "Webhooks" {
			add(t, s, leaving, fmt.Sprint("late", n), fmt.Sprint("event", n))
		}
		return nil
	}, nil)
	_, err := registry.DeleteAccount(t.Context(), racing, leaving, now, recorded)
	if !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("DeleteAccount = %v, want ErrUnavailable", err)
	}
	complete(t, s)
}

// What another removes between a list and its use is no failure.
func TestDeleteAccountBesideOthers(t *testing.T) {
	s := populated(t)
	once := map[string]bool{}
	others := stepping(s, func(step string) error {
		if once[step] {
			return nil
		}
		once[step] = true
		switch step {
		case "RevokeToken":
			return s.RevokeToken(t.Context(), leaving, "t1")
		case "Delete":
			w, err := s.Webhook(t.Context(), leaving, "b")
			if err != nil {
				return err
			}
			return s.Delete(t.Context(), []webhook.Webhook{w}) // one of two of its id
		case "DeleteAccount":
			return s.DeleteAccount(t.Context(), leaving)
		}
		return nil
	}, nil)
	done, err := registry.DeleteAccount(t.Context(), others, leaving, now, recorded)
	if err != nil || done != (registry.Deleted{Tokens: 1, Webhooks: 2, Cancelled: 1}) {
		t.Errorf("DeleteAccount = %+v, %v; want 1 token, 2 webhooks and a delivery", done, err)
	}
	holds(t, s, leaving, false, 0, 0)
}

// A deletion that is late finds its account gone, and a new one of the same
// id. It takes nothing of that, wherever it was.
func TestDeleteAccountSparesASuccessor(t *testing.T) {
	for step := 2; step <= 19; step++ { // the first closes whatever stands
		t.Run(fmt.Sprint("step ", step), func(t *testing.T) {
			s := populated(t)
			n := 0
			replace := func(string) error {
				if n++; n == step {
					if _, err := registry.DeleteAccount(t.Context(), s, leaving, now, recorded); err != nil {
						return err
					}
					populate(t, s, leaving, "-new")
				}
				return nil
			}
			wait := func(context.Context, time.Duration) error { return replace("wait") }
			late := stepping(s, replace, nil)
			if _, err := registry.DeleteAccount(t.Context(), late, leaving, now, wait); err != nil {
				t.Errorf("the late deletion: %v", err)
			}
			if n < step {
				t.Fatalf("there are %d steps only", n)
			}
			holds(t, s, leaving, true, 2, 3)
		})
	}
}

func TestDeleteAccountInterrupted(t *testing.T) {
	s := populated(t)
	ctx, cancel := context.WithCancel(t.Context())
	wait := func(ctx context.Context, d time.Duration) error {
		cancel()
		return recorded(ctx, d)
	}
	if _, err := registry.DeleteAccount(ctx, s, leaving, now, wait); !errors.Is(err, context.Canceled) {
		t.Errorf("DeleteAccount = %v, want the context's end", err)
	}
	holds(t, s, leaving, true, 0, 3)
	complete(t, s)
}

func TestDeleteUnknownAccount(t *testing.T) {
	s := populated(t)
	unknown := webhook.Account{API: "test", ID: "unknown"}
	_, err := registry.DeleteAccount(t.Context(), s, unknown, now, func(context.Context, time.Duration) error {
		t.Error("it waits")
		return nil
	})
	if !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("DeleteAccount = %v, want ErrNotFound", err)
	}
}
