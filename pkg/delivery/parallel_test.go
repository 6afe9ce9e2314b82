package delivery_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/caught"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// sweepsInParallel sweeps a backlog of which each lease, and each hundred
// messages sent, takes a second. One batch is three or four leases long, since
// 32 are made at once, and its messages are sent after them. With four batches
// at once a sweep takes a quarter of the time that they take in turn.
func sweepsInParallel(tb testing.TB, w *env, change func(*delivery.SweeperConfig)) {
	tb.Helper()
	const count, atOnce, batch = 3200, 4, 5 * time.Second
	for i := range count / delivery.MaxEvents {
		list := events(eventKeys[0], (i+1)*delivery.MaxEvents)[i*delivery.MaxEvents:]
		for j := range list {
			list[j].Time = fakeStart
		}
		w.publisher(func(c *delivery.PublisherConfig) { c.Now = time.Now }).Publish(context.Background(), list)
	}
	w.queue.take()
	<-time.After(3 * time.Minute)
	began := time.Now()
	swept, err := w.sweeper(func(c *delivery.SweeperConfig) {
		c.Store, c.Queue, c.Now, c.Parallel = slowLease{c.Store}, slowSend{c.Queue}, time.Now, atOnce
		change(c)
	}).Sweep(context.Background(), time.Time{})
	if err != nil || swept.Sent != count || swept.Failed != 0 || len(w.queue.take()) != count {
		tb.Fatalf("%+v, %v; want %d sent", swept, err, count)
	}
	if took, most := time.Since(began), count/delivery.MaxEvents/atOnce*batch+batch; took > most {
		tb.Errorf("took %v, want %v at most", took, most)
	}
}

func TestSweepInParallel(t *testing.T) {
	for name, change := range map[string]func(*delivery.SweeperConfig){
		"sound":               func(*delivery.SweeperConfig) {},
		"one batch at a time": func(c *delivery.SweeperConfig) { c.Parallel = 1 },
		"one lease at a time": func(c *delivery.SweeperConfig) { c.Store = newOneLease(c.Store) },
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, w *env) {
				failed, log := caught.By(t, func(tb testing.TB) { sweepsInParallel(tb, w, change) })
				if failed != (name != "sound") {
					t.Errorf("failed: %t: %s", failed, log)
				}
			})
		})
	}
}

// A sweep that ends while several batches are under way says what it did: each
// delivery that it counts was leased or is left to the next sweep, and what was
// leased was sent.
func TestSweepInParallelEnds(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *env) {
		list := events(eventKeys[0], 100)
		for i := range list {
			list[i].Time = time.Now()
		}
		w.publisher(func(c *delivery.PublisherConfig) { c.Now = time.Now }).Publish(t.Context(), list)
		w.queue.take()
		<-time.After(3 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		parallel := func(c *delivery.SweeperConfig) {
			c.Store, c.Queue, c.Now, c.Parallel = slowLease{c.Store}, slowSend{c.Queue}, time.Now, 4
		}
		swept, err := w.sweeper(parallel).Sweep(ctx, time.Time{})
		if sent := len(w.queue.take()); !errors.Is(err, context.DeadlineExceeded) || sent != swept.Sent || swept.Sent == 0 || swept.Sent+swept.Failed != 100 {
			t.Errorf("%+v, %v, %d messages; want a part sent and the rest counted", swept, err, sent)
		}
		rest, err := w.sweeper(parallel).Sweep(t.Context(), time.Time{})
		if err != nil || rest.Sent != swept.Failed {
			t.Errorf("then %+v, %v; want the rest", rest, err)
		}
	})
}

// slowLease takes a second for a lease, slowSend for messages.
type slowLease struct{ delivery.SweeperStore }

func (s slowLease) Lease(ctx context.Context, p webhook.Pending, until time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Second):
		return s.SweeperStore.Lease(context.WithoutCancel(ctx), p, until)
	}
}

type slowSend struct{ delivery.Queue }

func (q slowSend) Send(ctx context.Context, messages []webhook.Message) error {
	<-time.After(time.Second)
	return q.Queue.Send(ctx, messages)
}

// oneLease makes one lease at a time.
type oneLease struct {
	delivery.SweeperStore
	turn chan struct{}
}

func newOneLease(s delivery.SweeperStore) oneLease { return oneLease{s, make(chan struct{}, 1)} }

func (s oneLease) Lease(ctx context.Context, p webhook.Pending, until time.Time) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.SweeperStore.Lease(ctx, p, until)
}
