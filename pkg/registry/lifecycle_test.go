package registry_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/internal/test/needed"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// newLife gives a registry over a store in memory. Its clock is the bubble's
// where there is one; its ids and keys are numbered.
func newLife(store registry.Store, change ...func(*registry.Config)) (*registry.Registry, *recordSeals) {
	sealer := &recordSeals{sealed: map[string]string{}}
	made := 0
	number := func(what string) (string, error) {
		made++
		return fmt.Sprintf("%s%02d", what, made), nil
	}
	cfg := registry.Config{
		Store: store, Sealer: sealer, Now: time.Now,
		NewRequestID: func() (string, error) { return number("claim") },
		Rules: registry.Rules{
			NewIDs: func(events []string) ([]string, error) {
				id, err := number("id")
				return slices.Repeat([]string{id}, len(events)), err
			},
			NewKey: func() (webhook.Secret, error) {
				key, err := number("key")
				return webhook.NewSecret(key), err
			},
			NewAccountKey: func() (webhook.Secret, error) { return webhook.NewSecret("account key"), nil },
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	return registry.New(cfg), sealer
}

func mustRegister(t *testing.T, r *registry.Registry, events ...string) (id string) {
	t.Helper()
	items := make([]registry.Item, len(events))
	for i, event := range events {
		items[i] = registry.Item{Event: event, URL: "https://" + event}
	}
	registration, err := r.Register(t.Context(), account, items)
	if err != nil {
		t.Fatal(err)
	}
	return registration.Webhooks[0].ID
}

func show(list []webhook.Webhook) string {
	var out []string
	for _, w := range list {
		out = append(out, w.ID+":"+w.Event)
	}
	return strings.Join(out, " ")
}

func TestListAndFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newLife(memory.Open(t))
		first := mustRegister(t, r, "z", "b", "a")
		<-faketime.After(time.Second)
		second := mustRegister(t, r, "c")
		list, err := r.List(t.Context(), account)
		if want := first + ":z " + first + ":b " + first + ":a " + second + ":c"; err != nil || show(list) != want {
			t.Errorf("List = %s, %v, want %s", show(list), err, want)
		}
		found, err := r.Find(t.Context(), account, first)
		if want := first + ":z " + first + ":b " + first + ":a"; err != nil || show(found) != want {
			t.Errorf("Find = %s, %v, want %s", show(found), err, want)
		}
		for _, a := range []webhook.Account{account, {API: account.API, ID: "b"}} {
			if _, err := r.Find(t.Context(), a, "id99"); !errors.Is(err, webhook.ErrNotFound) {
				t.Errorf("Find of an unknown id: %v, want ErrNotFound", err)
			}
		}
	})
}

func TestFindByEvent(t *testing.T) {
	r, _ := newLife(memory.Open(t), func(c *registry.Config) {
		c.Rules.EventOf = func(id string) (string, bool) { return "a", strings.HasPrefix(id, "id") }
	})
	id := mustRegister(t, r, "a")
	if found, err := r.Find(t.Context(), account, id); err != nil || len(found) != 1 {
		t.Errorf("Find = %v, %v", found, err)
	}
	for _, unknown := range []string{"id99", "x"} {
		if _, err := r.Find(t.Context(), account, unknown); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("Find(%s) = %v, want ErrNotFound", unknown, err)
		}
	}
}

// overtaken lets another change come first, a number of times.
type overtaken struct {
	*sqlite.Store
	times int
	calls int
}

func (s *overtaken) Change(ctx context.Context, c webhook.Change) error {
	s.calls++
	if s.calls <= s.times {
		first := webhook.Change{Was: c.Was, Now: slices.Clone(c.Was)}
		first.Now[0].URL, first.Now[0].Version = "https://other", c.Was[0].Version+1
		if err := s.Store.Change(ctx, first); err != nil {
			return err
		}
	}
	return s.Store.Change(ctx, c)
}

func TestChangeIsMadeAnewWhenOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &overtaken{Store: memory.Open(t), times: 2}
		r, _ := newLife(store)
		id := mustRegister(t, r, "a")
		var seen []string
		now, err := r.Change(t.Context(), account, id, func(w []webhook.Webhook) error {
			seen = append(seen, w[0].URL)
			w[0].Event = "b"
			return nil
		})
		if err != nil || now[0].URL != "https://other" || now[0].Event != "b" || now[0].Version != 4 {
			t.Errorf("Change = %+v, %v", now, err)
		}
		if want := []string{"https://a", "https://other", "https://other"}; !slices.Equal(seen, want) {
			t.Errorf("edit saw %v, want %v", seen, want)
		}
		store.times, store.calls = 99, 0
		_, err = r.Change(t.Context(), account, id, func([]webhook.Webhook) error { return nil })
		if !errors.Is(err, webhook.ErrUnavailable) || store.calls != 8 {
			t.Errorf("overtaken for ever: %v after %d tries", err, store.calls)
		}
	})
}

func TestChangeEnablesAndEditMayRefuse(t *testing.T) {
	r, _ := newLife(memory.Open(t))
	id := mustRegister(t, r, "a")
	disable := func(w []webhook.Webhook) error { w[0].Disabled = true; return nil }
	if now, err := r.Change(t.Context(), account, id, disable); err != nil || !now[0].Disabled {
		t.Fatalf("disabled: %+v, %v", now, err)
	}
	refused := errors.New("refused")
	if _, err := r.Change(t.Context(), account, id, func([]webhook.Webhook) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("error %v, want edit's own", err)
	}
	if found, err := r.Find(t.Context(), account, id); err != nil || !found[0].Disabled {
		t.Errorf("a refused change left %+v, %v", found, err)
	}
	now, err := r.Change(t.Context(), account, id, func([]webhook.Webhook) error { return nil })
	if err != nil || now[0].Disabled || now[0].UpdatedAt.IsZero() {
		t.Errorf("changed: %+v, %v; want it enabled", now, err)
	}
}

// TestDisabledUntilChanged: a customer's change enables a webhook again, by
// whomever it was disabled, and clears the reason; a new key does not.
func TestDisabledUntilChanged(t *testing.T) {
	for _, reason := range []string{"the URL answered 410 Gone", ""} {
		r, _ := newLife(memory.Open(t))
		id := mustRegister(t, r, "a", "b")
		_, err := r.Change(t.Context(), account, id, func(records []webhook.Webhook) error {
			for i := range records {
				records[i].Disabled, records[i].DisabledReason = true, reason
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		expect := func(after string, disabled bool, reason string) {
			t.Helper()
			found, err := r.Find(t.Context(), account, id)
			if err != nil || len(found) != 2 {
				t.Fatalf("after %s: %+v, %v", after, found, err)
			}
			for _, w := range found {
				if w.Disabled != disabled || w.DisabledReason != reason {
					t.Errorf("after %s: %s disabled %v for %q, want %v for %q", after, w.Event, w.Disabled, w.DisabledReason, disabled, reason)
				}
			}
		}
		expect("disabling", true, reason)
		if _, err := r.RotateKey(t.Context(), account, id); err != nil {
			t.Fatal(err)
		}
		expect("a rotation", true, reason)
		if _, err := r.Change(t.Context(), account, id, func([]webhook.Webhook) error { return nil }); err != nil {
			t.Fatal(err)
		}
		expect("a change", false, "")
	}
}

func TestRotateKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, sealer := newLife(memory.Open(t))
		id := mustRegister(t, r, "a", "b")
		rotate := func() []webhook.Webhook {
			key, err := r.RotateKey(t.Context(), account, id)
			if err != nil || sealer.sealed[id] != key.Reveal() {
				t.Fatalf("RotateKey = %q, %v; sealed %q", key.Reveal(), err, sealer.sealed[id])
			}
			found, err := r.Find(t.Context(), account, id)
			if err != nil || len(found) != 2 || fmt.Sprint(found[0].RetiredKeys) != fmt.Sprint(found[1].RetiredKeys) {
				t.Fatalf("the records of one registration differ: %+v, %v", found, err)
			}
			return found
		}
		for want := 1; want <= 6; want++ {
			if got := len(rotate()[0].RetiredKeys); got != min(want, 4) {
				t.Errorf("after %d rotations %d keys sign along, want %d", want, got, min(want, 4))
			}
		}
		<-faketime.After(24 * time.Hour)
		retired := rotate()[0].RetiredKeys
		if len(retired) != 1 || !retired[0].Until.Equal(time.Now().Add(24*time.Hour)) {
			t.Errorf("a day later %v sign along, want the last one for 24 hours", retired)
		}
		if _, err := r.RotateKey(t.Context(), account, "unknown"); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("RotateKey of an unknown id: %v, want ErrNotFound", err)
		}
	})
}

func TestDeleteIsWhole(t *testing.T) {
	r, _ := newLife(memory.Open(t))
	id, other := mustRegister(t, r, "a", "b"), mustRegister(t, r, "c")
	if err := r.Delete(t.Context(), account, id); err != nil {
		t.Fatal(err)
	}
	if list, err := r.List(t.Context(), account); err != nil || show(list) != other+":c" {
		t.Errorf("left: %s, %v", show(list), err)
	}
	if err := r.Delete(t.Context(), account, id); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("deleted again: %v, want ErrNotFound", err)
	}
	mustRegister(t, r, "b", "a")
}

func TestRenewAccountKey(t *testing.T) {
	store := memory.Open(t)
	r, sealer := newLife(store)
	if _, err := r.RenewAccountKey(t.Context(), account); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("without the account: %v, want ErrNotFound", err)
	}
	if err := store.CreateAccount(t.Context(), webhook.AccountInfo{Account: account, CreatedAt: now}); err != nil {
		t.Fatal(err)
	}
	key, err := r.RenewAccountKey(t.Context(), account)
	if err != nil || key.Reveal() != "account key" || !slices.Contains(slices.Collect(maps.Values(sealer.sealed)), "account key") {
		t.Errorf("RenewAccountKey = %q, %v; sealed %v", key.Reveal(), err, sealer.sealed)
	}
	if info, err := store.Account(t.Context(), account); err != nil || len(info.SealedKey) == 0 {
		t.Errorf("stored %+v, %v", info, err)
	}
}

// halfRead lists what DynamoDB may show while a record moves: first the given
// lists, then what is there.
type halfRead struct {
	*sqlite.Store
	lists [][]webhook.Webhook
}

func (s *halfRead) Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error) {
	if len(s.lists) > 0 {
		list := s.lists[0]
		s.lists = s.lists[1:]
		return list, nil
	}
	return s.Store.Webhooks(ctx, a)
}

func (s *halfRead) WebhooksByID(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error) {
	list, err := s.Webhooks(ctx, a)
	return slices.DeleteFunc(slices.Clone(list), func(w webhook.Webhook) bool { return w.ID != id }), err
}

func TestListsReadWhileARecordMoves(t *testing.T) {
	store := &halfRead{Store: memory.Open(t)}
	r, _ := newLife(store)
	id := mustRegister(t, r, "a", "b")
	found, err := r.Find(t.Context(), account, id)
	if err != nil {
		t.Fatal(err)
	}
	moved := found[0]
	moved.Event, moved.Version = "c", moved.Version+1

	store.lists = [][]webhook.Webhook{{found[0], found[1], moved}}
	list, err := r.List(t.Context(), account)
	if want := id + ":c " + id + ":b"; err != nil || show(list) != want {
		t.Errorf("both places: List = %s, %v, want %s", show(list), err, want)
	}
	store.lists = [][]webhook.Webhook{{}}
	if found, err := r.Find(t.Context(), account, id); err != nil || len(found) != 2 {
		t.Errorf("neither place: Find = %v, %v, want what is there", found, err)
	}
	store.lists = [][]webhook.Webhook{{}, {}}
	if _, err := r.Find(t.Context(), account, id); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("not there: %v, want ErrNotFound", err)
	}
}

func TestNewNeeds(t *testing.T) {
	newLife(memory.Open(t), func(c *registry.Config) {
		needed.Fields(t, *c, func(c registry.Config) { registry.New(c) })
		registry.New(registry.Config{Store: c.Store, Now: c.Now}) // what does not register
	})
}
