package modeltest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hookline/hookline/internal/test/caught"
	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// broken are stores with a fault each, made around a sound one.
var broken = []struct {
	name string
	wrap func(store.Store) store.Store
	// whenAlone is set for faults that show without concurrency, inSequences for
	// those of operations that only sequences have.
	whenAlone, inSequences bool
}{
	{"deletes twice", func(s store.Store) store.Store { return &deletesTwice{s} }, true, false},
	{"resurrects", func(s store.Store) store.Store { return &resurrects{Store: s} }, true, false},
	{"ignores versions", func(s store.Store) store.Store { return &ignoresVersions{s} }, true, false},
	{"loses what moves", func(s store.Store) store.Store { return &losesMoved{s} }, true, false},
	{"keeps what moved", func(s store.Store) store.Store { return &keepsMoved{s} }, true, false},
	{"remembers who was slow", func(s store.Store) store.Store { return &remembersSlow{s} }, true, true},
	{"moves in two steps", func(s store.Store) store.Store { return &movesInSteps{s} }, false, false},
	{"reads before it creates", func(s store.Store) store.Store { return &readsFirst{s} }, false, false},
}

// deletesTwice says that it deleted what was gone.
type deletesTwice struct{ store.Store }

func (s *deletesTwice) Delete(ctx context.Context, webhooks []webhook.Webhook) error {
	if err := s.Store.Delete(ctx, webhooks); !errors.Is(err, webhook.ErrNotFound) {
		return err
	}
	return nil
}

// resurrects brings back what was deleted at the next creation, as a write
// that arrives late would.
type resurrects struct {
	store.Store
	mu      sync.Mutex
	deleted map[webhook.Account][]webhook.Webhook
}

func (s *resurrects) Delete(ctx context.Context, webhooks []webhook.Webhook) error {
	err := s.Store.Delete(ctx, webhooks)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted == nil {
		s.deleted = map[webhook.Account][]webhook.Webhook{}
	}
	if err == nil {
		s.deleted[webhooks[0].Account] = webhooks
	}
	return err
}

func (s *resurrects) Create(ctx context.Context, c webhook.Creation) ([]webhook.Webhook, error) {
	s.mu.Lock()
	ghosts := s.deleted[c.Webhooks[0].Account]
	delete(s.deleted, c.Webhooks[0].Account)
	s.mu.Unlock()
	if len(ghosts) > 0 {
		_, _ = s.Store.Create(ctx, webhook.Creation{Webhooks: ghosts})
	}
	return s.Store.Create(ctx, c)
}

// ignoresVersions writes over changes that it has not seen.
type ignoresVersions struct{ store.Store }

func (s *ignoresVersions) Change(ctx context.Context, c webhook.Change) error {
	for i := range c.Was {
		if w, err := s.Webhook(ctx, c.Was[i].Account, c.Was[i].Event); err == nil {
			c.Was[i].Version = w.Version
		}
	}
	return s.Store.Change(ctx, c)
}

// losesMoved drops what moves to another event.
type losesMoved struct{ store.Store }

func (s *losesMoved) Change(ctx context.Context, c webhook.Change) error {
	if err := s.Store.Change(ctx, c); err != nil || c.Was[0].Event == c.Now[0].Event {
		return err
	}
	return s.Delete(ctx, c.Now)
}

// keepsMoved leaves the old event taken.
type keepsMoved struct{ store.Store }

func (s *keepsMoved) Change(ctx context.Context, c webhook.Change) error {
	if err := s.Store.Change(ctx, c); err != nil || c.Was[0].Event == c.Now[0].Event {
		return err
	}
	_, err := s.Create(ctx, webhook.Creation{Webhooks: c.Was})
	return err
}

// remembersSlow calls a webhook slow that has another URL now.
type remembersSlow struct{ store.Store }

func (s *remembersSlow) Change(ctx context.Context, c webhook.Change) error {
	if err := s.Store.Change(ctx, c); err != nil || c.Was[0].SlowSince.IsZero() || c.Was[0].URL == c.Now[0].URL {
		return err
	}
	return s.SetSlow(ctx, c.Now[0], c.Was[0].SlowSince)
}

// movesInSteps deletes, and creates some time later.
type movesInSteps struct{ store.Store }

func (s *movesInSteps) Change(ctx context.Context, c webhook.Change) error {
	if c.Was[0].Event == c.Now[0].Event {
		return s.Store.Change(ctx, c)
	}
	if there, err := s.Webhook(ctx, c.Now[0].Account, c.Now[0].Event); err == nil {
		return &webhook.TakenError{IDs: map[string]string{there.Event: there.ID}}
	}
	if err := s.Delete(ctx, c.Was); err != nil {
		return err
	}
	runtime.Gosched()
	_, err := s.Create(ctx, webhook.Creation{Webhooks: c.Now})
	return err
}

// readsFirst creates what was free when it looked, over whatever is there by
// then.
type readsFirst struct{ store.Store }

func (s *readsFirst) Create(ctx context.Context, c webhook.Creation) ([]webhook.Webhook, error) {
	stand, err := s.Webhooks(ctx, c.Webhooks[0].Account)
	if err != nil {
		return nil, err
	}
	taken := map[string]string{}
	for _, w := range stand {
		for _, asked := range c.Webhooks {
			if w.Event == asked.Event {
				taken[w.Event] = w.ID
			}
		}
	}
	if len(taken) > 0 {
		return nil, &webhook.TakenError{IDs: taken}
	}
	runtime.Gosched()
	for _, asked := range c.Webhooks {
		if w, err := s.Webhook(ctx, asked.Account, asked.Event); err == nil {
			_ = s.Delete(ctx, []webhook.Webhook{w})
		}
	}
	return s.Store.Create(ctx, c)
}

// fewest is how many operations a fault may need to show once a sequence is
// shrunk, a Meanwhile counted as one.
const fewest = 5

// In a synctest bubble a sequence takes no time of its own. It is given some,
// so that the time for shrinking stands for a number of sequences, however
// fast the machine.
const (
	running   = 10 * time.Millisecond
	shrinking = 2 * time.Second
)

// TestSequencesFindFaults shows that every fault that can show without
// concurrency is found, and shrunk to a few operations.
func TestSequencesFindFaults(t *testing.T) {
	setFlag(t, "rapid.nofailfile", "true")
	setFlag(t, "rapid.shrinktime", fmt.Sprint(shrinking))
	setFlag(t, "rapid.steps", "12")
	setFlag(t, "rapid.checks", "2000")
	setFlag(t, "rapid.seed", "1") // how far shrinking comes depends on it
	for _, b := range broken {
		if b.whenAlone {
			t.Run(b.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { findFault(t, operations(), nil, fewest, b.wrap) })
			})
		}
	}
}

// TestSequencesFindFaultsOfDeliveries does not shrink them: that takes much
// longer than to find them.
func TestSequencesFindFaultsOfDeliveries(t *testing.T) {
	setFlag(t, "rapid.nofailfile", "true")
	setFlag(t, "rapid.shrinktime", "0s")
	setFlag(t, "rapid.steps", "40")
	setFlag(t, "rapid.checks", "2000")
	setFlag(t, "rapid.seed", "1")
	for _, b := range brokenSending {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { findFault(t, sendOperations(), sendFirst, math.MaxInt, b.wrap) })
		})
	}
}

func findFault(t *testing.T, drawn *rapid.Generator[operation], first []operation, fewest int, wrap func(store.Store) store.Store) {
	latest := 0
	sound := memory.Open(t) // of the bubble; each sequence has accounts of its own
	open := func() store.Store {
		<-faketime.After(running)
		return wrap(sound)
	}
	failed, log := caught.By(t, func(tb testing.TB) {
		rapid.Check(tb, property(drawn, first, open, func(q *sequence) { latest = q.operations }))
	})
	switch {
	case !failed:
		t.Error("not found")
	case strings.Contains(log, "flaky"):
		t.Errorf("not the same each time: %s", log)
	case latest > fewest:
		t.Errorf("shrunk to %d operations, want %d at most: %s", latest, fewest, log)
	}
}

// setFlag sets a flag until the test ends.
func setFlag(t *testing.T, name, value string) {
	t.Helper()
	was := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, was) })
}
