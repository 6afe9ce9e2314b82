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

// Each fault of a publisher, worker or sweeper is caught by a test that the
// sound ones pass. What goes wrong on the wire is in outbound.
func TestBrokenDeliveriesAreCaught(t *testing.T) {
	again := func(tb testing.TB, w *world) {
		doubledAttempt(tb, w, doubled{failing(500), failing(500), 1, webhook.Failed, 1})
	}
	for name, tt := range map[string]struct {
		fault fault
		by    func(testing.TB, *world)
	}{
		"no lease": {fault{sweeper: func(c *delivery.SweeperConfig) {
			c.Store = noLease{c.Store}
		}}, leasesDouble},
		"a lease without condition": {fault{sweeper: func(c *delivery.SweeperConfig) {
			c.Store = anyLease{c.Store}
		}}, sweptMeanwhile},
		"no attempt condition": {fault{worker: func(c *delivery.WorkerConfig) {
			c.Store = anySettle{c.Store}
		}}, again},
		"the message's number ignored": {fault{worker: func(c *delivery.WorkerConfig) {
			c.Store = anyNumber{c.Store}
		}}, dropsOld},
		"jitter that subtracts": {fault{worker: func(c *delivery.WorkerConfig) {
			c.Jitter = func(below time.Duration) time.Duration { return -below / 2 }
		}}, func(tb testing.TB, w *world) { keepsSchedule(tb, w, subjects[0]) }},
		"accepted and not written": {fault{publisher: func(c *delivery.PublisherConfig) {
			c.Store = forgetful{c.Store}
		}}, func(tb testing.TB, w *world) { w.record(tb, w.acceptOne(tb, subjects[0])) }},
		"nobody is sent for": {fault{worker: func(c *delivery.WorkerConfig) {
			c.Queue = sendsNothing{c.Queue}
		}}, func(tb testing.TB, w *world) { keepsSchedule(tb, w, subjects[2]) }},
	} {
		t.Run(name, func(t *testing.T) {
			if failed, log := caught.By(t, func(tb testing.TB) { tt.by(tb, newWorld(tb)) }); failed {
				t.Fatalf("the sound one fails: %s", log)
			}
			caught.Must(t, func(tb testing.TB) {
				w := newWorld(tb)
				w.fault = tt.fault
				tt.by(tb, w)
			})
		})
	}
}

// sweptMeanwhile lets another sweeper go first, between a look and a lease.
func sweptMeanwhile(tb testing.TB, w *world) {
	tb.Helper()
	w.acceptMany(tb, subjects[0], 20)
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
func dropsOld(tb testing.TB, w *world) {
	tb.Helper()
	w.receiver.answers = []delivery.Answer{failing(500)}
	first := w.acceptOne(tb, subjects[0])
	w.attempt(tb, first, delivery.Missed)
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

// anySettle writes over whatever result came first.
type anySettle struct{ delivery.WorkerStore }

func (s anySettle) Settle(ctx context.Context, settlement webhook.Settlement) (webhook.Delivery, error) {
	task, err := s.Task(ctx, settlement.Was.Message())
	if err != nil {
		return webhook.Delivery{}, err
	}
	settlement.Now.Attempts += task.Delivery.Attempts - settlement.Was.Attempts
	settlement.Was = task.Delivery
	return s.WorkerStore.Settle(ctx, settlement)
}

// anyNumber has each message find the delivery that it was sent for.
type anyNumber struct{ delivery.WorkerStore }

func (s anyNumber) Task(ctx context.Context, m webhook.Message) (webhook.Task, error) {
	task, err := s.WorkerStore.Task(ctx, m)
	task.Delivery.Attempts = m.Attempt - 1
	return task, err
}

// forgetful adds no delivery.
type forgetful struct{ delivery.PublisherStore }

func (forgetful) AddDelivery(_ context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	return d, nil
}

// sendsNothing loses all messages.
type sendsNothing struct{ delivery.Queue }

func (sendsNothing) Send(context.Context, []webhook.Message) error { return nil }
