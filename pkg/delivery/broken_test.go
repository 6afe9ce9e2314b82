package delivery_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/caught"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// Each error of a publisher, worker or sweeper is caught by a test that the
// sound ones pass. What goes wrong on the wire is in package sender.
func TestBrokenDeliveriesAreCaught(t *testing.T) {
	again := func(tb testing.TB, w *env) {
		doubledAttempt(tb, w, doubled{failing(500), failing(500), 1, webhook.StatusRetrying, 1})
	}
	for name, tt := range map[string]struct {
		sabotage sabotage
		by       func(testing.TB, *env)
	}{
		"no lease": {sabotage{sweeper: func(c *delivery.SweeperConfig) {
			c.Store = noLease{c.Store}
		}}, leasesDouble},
		"a lease without condition": {sabotage{sweeper: func(c *delivery.SweeperConfig) {
			c.Store = anyLease{c.Store}
		}}, sweptMeanwhile},
		"no attempt condition": {sabotage{worker: func(c *delivery.WorkerConfig) {
			c.Store = anyRecord{c.Store}
		}}, again},
		"the message's number ignored": {sabotage{worker: func(c *delivery.WorkerConfig) {
			c.Store = anyNumber{c.Store}
		}}, dropsOld},
		"jitter that subtracts": {sabotage{worker: func(c *delivery.WorkerConfig) {
			c.Jitter = func(below time.Duration) time.Duration { return -below / 2 }
		}}, func(tb testing.TB, w *env) { keepsSchedule(tb, w, eventKeys[0]) }},
		"accepted and not written": {sabotage{publisher: func(c *delivery.PublisherConfig) {
			c.Store = forgetful{c.Store}
		}}, func(tb testing.TB, w *env) { w.record(tb, w.acceptOne(tb, eventKeys[0])) }},
		"a test taken for an event": {sabotage{worker: func(c *delivery.WorkerConfig) {
			c.Store = unmarked{c.Store}
		}}, func(tb testing.TB, w *env) { leavesNoTrace(tb, w, eventKeys[0], failing(410)) }},
		"nobody is sent for": {sabotage{worker: func(c *delivery.WorkerConfig) {
			c.Queue = sendsNothing{c.Queue}
		}}, func(tb testing.TB, w *env) { keepsSchedule(tb, w, eventKeys[2]) }},
	} {
		t.Run(name, func(t *testing.T) {
			if failed, log := caught.By(t, func(tb testing.TB) { tt.by(tb, newEnv(tb)) }); failed {
				t.Fatalf("the sound one fails: %s", log)
			}
			caught.Must(t, func(tb testing.TB) {
				w := newEnv(tb)
				w.sabotage = tt.sabotage
				tt.by(tb, w)
			})
		})
	}
}

// sweptMeanwhile lets another sweeper go first, between a look and a lease.
func sweptMeanwhile(tb testing.TB, w *env) {
	tb.Helper()
	w.acceptMany(tb, eventKeys[0], 20)
	w.clock.Advance(2 * time.Minute)
	var begun atomic.Bool
	w.store.before = func(call string) error {
		if call == "Lease" && begun.CompareAndSwap(false, true) {
			w.sweep(tb)
		}
		return nil
	}
	w.sweep(tb)
	if sent := len(w.queue.take()); sent != 20 {
		tb.Errorf("%d messages, want 20", sent)
	}
}

// dropsOld sends the message of the first attempt again after it.
func dropsOld(tb testing.TB, w *env) {
	tb.Helper()
	w.receiver.responses = []delivery.Response{failing(500)}
	first := w.acceptOne(tb, eventKeys[0])
	w.attempt(tb, first, delivery.Failed)
	w.clock.Advance(time.Hour)
	drops(tb, w, first, first)
}

// noLease says that it leased, and did not.
type noLease struct{ delivery.SweeperStore }

func (noLease) Lease(context.Context, webhook.Pending, time.Time) error { return nil }

// anyLease leases what another sweeper has leased meanwhile.
type anyLease struct{ delivery.SweeperStore }

func (s anyLease) Lease(ctx context.Context, p webhook.Pending, until time.Time) error {
	_ = s.SweeperStore.Lease(ctx, p, until)
	return nil
}

// anyRecord writes over whatever result came first.
type anyRecord struct{ delivery.WorkerStore }

func (s anyRecord) RecordAttempt(ctx context.Context, result webhook.AttemptResult) (webhook.Delivery, error) {
	input, err := s.AttemptInput(ctx, result.Was.Message())
	if err != nil {
		return webhook.Delivery{}, err
	}
	result.Now.Attempts += input.Delivery.Attempts - result.Was.Attempts
	result.Was = input.Delivery
	return s.WorkerStore.RecordAttempt(ctx, result)
}

// anyNumber has each message find the delivery that it was sent for.
type anyNumber struct{ delivery.WorkerStore }

func (s anyNumber) AttemptInput(ctx context.Context, m webhook.Message) (webhook.AttemptInput, error) {
	input, err := s.WorkerStore.AttemptInput(ctx, m)
	input.Delivery.Attempts = m.Attempt - 1
	return input, err
}

// forgetful adds no delivery.
type forgetful struct{ delivery.PublisherStore }

func (forgetful) AddDelivery(_ context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	return d, nil
}

// sendsNothing loses all messages.
type sendsNothing struct{ delivery.Queue }

func (sendsNothing) Send(context.Context, []webhook.Message) error { return nil }
