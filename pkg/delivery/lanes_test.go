package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/caught"
	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// lane is one of two queues as Lambda works it off: so many batches at once, of
// so many messages at most, each of which ends with its slowest attempt.
type lane struct {
	batches, size int
	// gather is how long a batch is gathered.
	gather time.Duration
	// inTurn is set where the attempts of a batch are made one after the other.
	inTurn bool

	mu       sync.Mutex
	messages []webhook.Message
	arrived  chan struct{}
}

func (l *lane) add(m webhook.Message) {
	l.mu.Lock()
	l.messages = append(l.messages, m)
	l.mu.Unlock()
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}

// take waits for messages and returns up to a batch of them.
func (l *lane) take(ctx context.Context) []webhook.Message {
	for {
		l.mu.Lock()
		n := min(len(l.messages), l.size)
		batch := slices.Clone(l.messages[:n])
		l.messages = l.messages[n:]
		l.mu.Unlock()
		if n > 0 {
			return batch
		}
		select {
		case <-ctx.Done():
			return nil
		case <-l.arrived:
			<-faketime.After(l.gather)
		case <-faketime.After(100 * time.Millisecond):
		}
	}
}

// run works the lane off until ctx ends.
func (l *lane) run(ctx context.Context, attempt func(context.Context, webhook.Message)) {
	var all sync.WaitGroup
	for range l.batches {
		all.Go(func() {
			for batch := l.take(ctx); batch != nil; batch = l.take(ctx) {
				var attempts sync.WaitGroup
				for _, m := range batch {
					attempts.Go(func() { attempt(ctx, m) })
					if l.inTurn {
						attempts.Wait()
					}
				}
				attempts.Wait()
			}
		})
	}
	all.Wait()
}

// twoLanes is a queue like that of package sqs.
type twoLanes struct {
	fast, slow lane
	// pick gives the lane of a message.
	pick func(m webhook.Message) (fast bool)
	all  sync.WaitGroup
}

func (*twoLanes) Lease(webhook.EventKey) (time.Duration, bool) { return 2 * time.Minute, true }
func (*twoLanes) Full() bool                                   { return false }

func (q *twoLanes) Send(_ context.Context, messages []webhook.Message) error {
	for _, m := range messages {
		to := &q.slow
		if q.pick(m) {
			to = &q.fast
		}
		q.all.Go(func() {
			<-faketime.After(time.Until(m.At))
			to.add(m)
		})
	}
	return nil
}

// crowd is the receivers of many webhooks, some of which hang for the whole of
// an attempt.
type crowd struct{}

func (crowd) Send(ctx context.Context, r delivery.Request) delivery.Response {
	response, lasts := delivery.Response{Status: 200}, 200*time.Millisecond
	if strings.Contains(r.URL, "hanging") {
		response, lasts = delivery.Response{Reason: "timed out"}, r.Timeout
	}
	select {
	case <-ctx.Done():
		return delivery.Response{Interrupted: true}
	case <-faketime.After(lasts):
		return response
	}
}

// brokenLanes is what is wrong with the lanes; the zero value is nothing.
type brokenLanes struct {
	pick   func(webhook.Message) bool
	slow   func(*lane)
	worker func(*delivery.WorkerConfig)
}

// laneRun is a run of many webhooks over two lanes.
type laneRun struct {
	*env
	queue *twoLanes

	mu sync.Mutex
	// published is when events of healthy webhooks were, and attempted when each
	// delivery first was, by its id.
	published, attempted map[string]time.Time
}

// The run's webhooks, of which the first few hang, and how long it lasts. Those
// that hang are all known after warmUp.
const (
	webhooks, hanging = 100, 5
	lasts, warmUp     = 150 * time.Second, 90 * time.Second
)

// healthyDoNotWait runs 100 webhooks for some minutes, each with an event every
// five seconds. Five of them hang at each attempt. The fast lane has a few times
// the room that the 19 events a second of the others need. Whoever is healthy is
// attempted within two seconds once those that hang have been called once.
// Those that hang are attempted too, and nothing is forgotten.
func healthyDoNotWait(tb testing.TB, w *env, broken brokenLanes) {
	tb.Helper()
	q := &twoLanes{
		fast: lane{batches: 2, size: 10, arrived: make(chan struct{}, 1)},
		slow: lane{batches: 2, size: 100, gather: time.Second, arrived: make(chan struct{}, 1)},
		pick: func(m webhook.Message) bool { return m.Fast },
	}
	if broken.pick != nil {
		q.pick = broken.pick
	}
	if broken.slow != nil {
		broken.slow(&q.slow)
	}
	r := &laneRun{env: w, queue: q, published: map[string]time.Time{}, attempted: map[string]time.Time{}}
	worker := w.worker(func(c *delivery.WorkerConfig) {
		c.Queue, c.Sender, c.Now = q, crowd{}, time.Now
		if broken.worker != nil {
			broken.worker(c)
		}
	})
	attempt := func(ctx context.Context, m webhook.Message) {
		r.notes(r.attempted, m.ID)
		if _, err := worker.Attempt(ctx, m); err != nil && ctx.Err() == nil {
			tb.Error(err)
		}
	}
	ctx, stop := context.WithTimeout(context.Background(), lasts)
	defer stop()
	var all sync.WaitGroup
	for n := range webhooks {
		key := laneKey(n)
		name := "healthy"
		if n < hanging {
			name = "hanging"
		}
		w.addAccount(tb, key.Account)
		w.register(tb, key, fmt.Sprint(name, n))
		all.Go(func() { r.publish(ctx, n) })
	}
	all.Go(func() { q.fast.run(ctx, attempt) })
	all.Go(func() { q.slow.run(ctx, attempt) })
	all.Wait()
	q.all.Wait()
	r.check(tb)
}

// laneKey is the event key of a webhook of a run.
func laneKey(n int) webhook.EventKey {
	return webhook.EventKey{Account: webhook.Account{API: "squake", ID: fmt.Sprint("a", n)}, Event: "order"}
}

// notes keeps the time at which it is first called for an id.
func (r *laneRun) notes(in map[string]time.Time, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := in[id]; !again {
		in[id] = time.Now()
	}
}

// publish publishes the events of a webhook.
func (r *laneRun) publish(ctx context.Context, n int) {
	publisher := r.publisher(func(c *delivery.PublisherConfig) { c.Queue, c.Now = r.queue, time.Now })
	<-faketime.After(time.Duration(n) * 50 * time.Millisecond)
	for i := 0; time.Since(fakeStart) < lasts-20*time.Second; i++ {
		e := event(laneKey(n), fmt.Sprint(i))
		e.Time = time.Now()
		if result := publisher.Publish(ctx, []webhook.Event{e})[0]; n >= hanging {
			r.notes(r.published, result.Delivery)
		}
		<-faketime.After(5 * time.Second)
	}
}

// check holds the run to its promises.
func (r *laneRun) check(tb testing.TB) {
	tb.Helper()
	late, worst := 0, time.Duration(0)
	for id, at := range r.published {
		made, ok := r.attempted[id]
		if !ok {
			made = time.Now()
		}
		if wait := made.Sub(at); at.Sub(fakeStart) > warmUp && wait > 2*time.Second {
			late, worst = late+1, max(worst, wait)
		}
	}
	if late > 0 || len(r.published) < 1000 {
		tb.Errorf("%d of %d events to healthy receivers waited for more than 2 s, up to %v", late, len(r.published), worst)
	}
	for n := range hanging {
		again := false
		err := r.store.Deliveries(context.Background(), laneKey(n).Account, fakeStart, func(d webhook.Delivery) bool {
			again = again || d.Attempts > 1
			if d.Attempts == 0 && time.Since(d.AcceptedAt) > time.Minute {
				tb.Errorf("%+v was not attempted within a minute", d)
			}
			return true
		})
		if err != nil || !again {
			tb.Errorf("webhook %d hangs and was not called again: %v", n, err)
		}
	}
}

// Nobody waits for somebody else's receiver. Without one of the parts that this
// takes, somebody does.
func TestHealthyDoNotWait(t *testing.T) {
	for name, tt := range map[string]struct {
		broken brokenLanes
		sound  bool
	}{
		"sound":            {sound: true},
		"no lanes":         {broken: brokenLanes{pick: func(webhook.Message) bool { return true }}},
		"only slow record": {broken: brokenLanes{pick: func(m webhook.Message) bool { return m.Attempt == 1 }}},
		"no record": {broken: brokenLanes{worker: func(c *delivery.WorkerConfig) {
			c.Store = noSlow{c.Store}
		}}},
		"a batch in turn":   {broken: brokenLanes{slow: func(l *lane) { l.inTurn = true }}},
		"all in slow batch": {broken: brokenLanes{slow: func(l *lane) { l.size = 10 }}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failed, log := caught.By(t, func(tb testing.TB) { healthyDoNotWait(tb, emptyEnv(tb, fakeStart), tt.broken) })
				if failed == tt.sound {
					t.Errorf("failed: %t, want %t: %s", failed, !tt.sound, log)
				}
			})
		})
	}
}

// noSlow forgets which webhooks are slow.
type noSlow struct{ delivery.WorkerStore }

func (noSlow) SetSlow(context.Context, webhook.Webhook, time.Time) error { return nil }
