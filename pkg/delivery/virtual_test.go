package delivery_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/queue/local"
	"github.com/hookline/hookline/pkg/webhook"
)

// losses says what of a hundred messages are lost, doubled, early, late by
// minutes, or sent to the wrong lane.
type losses struct{ lost, doubled, early, late, wrong int64 }

// fakeSQS is a queue like SQS: it counts delays in whole seconds, and has faults.
// early is one that SQS has not.
type fakeSQS struct {
	*simulation
	losses
	ctx     context.Context
	all     sync.WaitGroup
	attempt func(context.Context, webhook.Message)
}

func (c *fakeSQS) Lease(webhook.EventKey) (time.Duration, bool) { return 2 * time.Minute, true }

func (c *fakeSQS) Full() bool { return false }

func (c *fakeSQS) Send(_ context.Context, messages []webhook.Message) error {
	for _, m := range messages {
		m.Fast = m.Fast != c.chance(c.wrong)
		delay := max(time.Until(m.At), 0)
		if delay > delivery.MaxDelay {
			c.t.Errorf("a message %v ahead of its time", delay)
		}
		delay = (delay + time.Second - 1).Truncate(time.Second)
		if !c.chance(c.lost) {
			c.deliver(m, delay+c.upTo(200*time.Millisecond))
		}
		if c.chance(c.doubled) {
			c.deliver(m, delay+c.upTo(time.Hour))
		}
		if c.chance(c.early) {
			c.deliver(m, c.upTo(delay+1))
		}
	}
	return nil
}

func (c *fakeSQS) deliver(m webhook.Message, delay time.Duration) {
	if c.chance(c.late) {
		delay += c.upTo(10 * time.Minute)
	}
	c.all.Go(func() {
		select {
		case <-c.ctx.Done():
		case <-faketime.After(delay):
			c.attempt(c.ctx, m)
		}
	})
}

// The schedules are kept on AWS: a queue like SQS, and a sweep each minute.
func TestVirtualTimeAWS(t *testing.T) {
	faulty := losses{lost: 5, doubled: 10, early: 10, late: 3, wrong: 20}
	for name, tt := range map[string]struct {
		losses
		lasts             time.Duration
		accounts, failing int
		attempts          int64
	}{
		"an hour":           {losses{}, time.Hour, 15, 60, 4},
		"an hour, faulty":   {faulty, time.Hour, 15, 60, 4},
		"four days":         {losses{}, 96 * time.Hour, 2, 95, 10},
		"four days, faulty": {faulty, 96 * time.Hour, 2, 95, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulation(t, tt.accounts, rand.Uint64())
				s.precise, s.failing = tt.losses == losses{}, int64(tt.failing)
				ctx, stop := context.WithTimeout(t.Context(), tt.lasts)
				defer stop()
				c := &fakeSQS{simulation: s, losses: tt.losses, ctx: ctx}
				s.queue = c
				c.attempt = s.attempter()
				sweeper := s.sweeper(func(cfg *delivery.SweeperConfig) { cfg.Queue, cfg.Now, cfg.Parallel = c, time.Now, 4 })
				c.all.Go(func() { s.publish(ctx, time.Now().Add(30*time.Minute)) })
				for tick := range ticks(ctx, time.Minute) {
					if swept, err := sweeper.Sweep(ctx, time.Time{}); err != nil && ctx.Err() == nil || swept.Refused != 0 {
						t.Errorf("sweep at %v: %+v, %v", tick, swept, err)
					}
				}
				c.all.Wait()
				if last := s.check(time.Now()); last != tt.attempts {
					t.Errorf("%d attempts of a delivery at most, want %d", last, tt.attempts)
				}
			})
		})
	}
}

// ticks gives the times of a ticker until the context ends.
func ticks(ctx context.Context, every time.Duration) func(func(time.Time) bool) {
	return func(yield func(time.Time) bool) {
		for tick := time.Now().Add(every); ; tick = tick.Add(every) {
			select {
			case <-ctx.Done():
				return
			case <-faketime.After(time.Until(tick)):
				if !yield(tick) {
					return
				}
			}
		}
	}
}

// The schedules are kept by one process, with its own queue and a sweeper that
// watches.
func TestVirtualTimeLocal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulation(t, 15, rand.Uint64())
		s.precise, s.failing = true, 60
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		queue := local.New(local.Config{})
		s.queue = queue
		sweeper := delivery.NewSweeper(delivery.SweeperConfig{
			Store: s.store, Queue: queue, Now: time.Now, Log: s.logger(), Ahead: 2 * time.Second, Parallel: 1,
		})
		attempt := s.attempter()
		var all sync.WaitGroup
		all.Go(func() { queue.Run(ctx, attempt) })
		all.Go(func() { sweeper.Watch(ctx, queue.Freed()) })
		all.Go(func() { s.publish(ctx, time.Now().Add(30*time.Minute)) })
		all.Wait()
		if last := s.check(time.Now()); last != 4 {
			t.Errorf("%d attempts of a delivery at most, want 4", last)
		}
	})
}

// A backlog that a queue with little room has to take in parts is delivered
// whole, in virtual time, and each delivery once.
func TestVirtualBacklog(t *testing.T) {
	const count = 2000
	synctest.Test(t, func(t *testing.T) {
		w := emptyEnv(t, fakeStart)
		w.addAccount(t, squakeAccount)
		w.register(t, eventKeys[0], "w1")
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		queue := local.New(local.Config{Capacity: 300})
		publisher := w.publisher(func(c *delivery.PublisherConfig) { c.Queue, c.Now = queue, time.Now })
		list := events(eventKeys[0], count)
		for i := range list {
			list[i].Time = time.Now()
		}
		for len(list) > 0 {
			for _, r := range publisher.Publish(ctx, list[:100]) {
				if r.Status != delivery.Accepted {
					t.Fatalf("%+v", r)
				}
			}
			list = list[100:]
		}
		worker := w.worker(func(c *delivery.WorkerConfig) { c.Queue, c.Now = queue, time.Now })
		w.receiver.now = time.Now
		w.receiver.during = func(delivery.Request) { <-faketime.After(10 * time.Millisecond) }
		sweeper := delivery.NewSweeper(delivery.SweeperConfig{
			Store: w.store, Queue: queue, Now: time.Now, Log: w.logger(), Ahead: 2 * time.Second, Parallel: 1,
		})
		var all sync.WaitGroup
		all.Go(func() { sweeper.Watch(ctx, queue.Freed()) })
		all.Go(func() {
			queue.Run(ctx, func(ctx context.Context, m webhook.Message) {
				if _, err := worker.Attempt(ctx, m); err != nil {
					t.Error(err)
				}
				if w.receiver.count() == count {
					stop()
				}
			})
		})
		all.Wait()
		ids := map[string]bool{}
		for _, r := range w.receiver.got {
			ids[r.Header["webhook-id"]] = true
		}
		lasted := time.Since(fakeStart)
		if len(ids) != count || w.receiver.count() != count || lasted > 30*time.Second {
			t.Errorf("%d requests for %d deliveries in %v", w.receiver.count(), len(ids), lasted)
		}
		t.Logf("%d deliveries, 16 at once for 10 ms each, in %v", count, lasted)
	})
}
