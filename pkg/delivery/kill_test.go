package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

var errDead = errors.New("the process is dead")

// life is that of a process which dies at one of the moments before and after
// each thing it does that others see: a write, a message, a request. From then
// on nothing that it does has an effect.
type life struct {
	mu   sync.Mutex
	left int // moments until it dies
	dead bool
}

func (l *life) moment() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left--; l.left < 0 {
		l.dead = true
	}
	if l.dead {
		return errDead
	}
	return nil
}

// mortalQueue and mortalSender end with a life.
type mortalQueue struct {
	*queue
	life *life
}

func (q mortalQueue) Send(ctx context.Context, messages []webhook.Message) error {
	for _, m := range messages { // SQS takes them ten at a time
		if err := q.life.moment(); err != nil {
			return err
		}
		if err := q.queue.Send(ctx, []webhook.Message{m}); err != nil {
			return err
		}
	}
	return q.life.moment()
}

type mortalSender struct {
	delivery.Sender
	life *life
}

func (s mortalSender) Send(ctx context.Context, r delivery.Request) delivery.Response {
	if s.life.moment() != nil {
		return delivery.Response{Interrupted: true}
	}
	response := s.Sender.Send(ctx, r)
	if s.life.moment() != nil { // received, but nobody is there for the answer
		return delivery.Response{Interrupted: true}
	}
	return response
}

// mortal gives publisher, worker and sweeper of a process with a life.
func (w *env) mortal(l *life) (*delivery.Publisher, *delivery.Worker, *delivery.Sweeper) {
	s := &store{Store: w.store.Store, before: func(string) error { return l.moment() }, after: func(string) error { return l.moment() }}
	q := mortalQueue{w.queue, l}
	return w.publisher(func(c *delivery.PublisherConfig) { c.Store, c.Queue = s, q }),
		w.worker(func(c *delivery.WorkerConfig) { c.Store, c.Queue, c.Sender = s, q, mortalSender{w.receiver, l} }),
		w.sweeper(func(c *delivery.SweeperConfig) { c.Store, c.Queue = s, q })
}

// killing is one run: a process with so many moments to live, and a second one
// that is immortal.
type killing struct {
	*env
	event    webhook.Event
	accepted bool
	// junk are all messages that were ever sent; the second process gets each
	// of them again and again.
	junk []webhook.Message
}

// first is the life of the first process: publish, then attempt and sweep until
// there is nothing left to do.
func (k *killing) first(t *testing.T, l *life) {
	t.Helper()
	publisher, worker, sweeper := k.mortal(l)
	r := publisher.Publish(t.Context(), []webhook.Event{k.event})[0]
	k.accepted = r.Status == delivery.Accepted
	for range 20 {
		for _, m := range k.queue.take() {
			k.junk = append(k.junk, m)
			k.clock.Set(latest(k.clock.Now(), m.At))
			_, err := worker.Attempt(t.Context(), m)
			if err != nil && !errors.Is(err, errDead) && !l.dead {
				t.Fatal(err)
			}
		}
		if l.dead {
			return
		}
		k.clock.Advance(10 * time.Minute)
		_, _ = sweeper.Sweep(t.Context(), time.Time{})
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// second goes on in the same store until nothing is due. Where messages live
// on, it gets all of them again and again: the sweeper alone must do as well.
func (k *killing) second(t *testing.T, messagesLive bool) {
	t.Helper()
	k.junk = append(k.junk, k.queue.take()...)
	for idle := 0; idle < 3; {
		if !k.pending(t) {
			idle++
		}
		k.clock.Advance(10 * time.Minute)
		if _, err := k.sweeper().Sweep(t.Context(), time.Time{}); err != nil {
			t.Fatal(err)
		}
		sent := k.queue.take()
		k.junk = append(k.junk, sent...)
		if messagesLive {
			sent = append(slices.Clone(k.junk), sent...)
		}
		for _, m := range sent {
			if _, err := k.worker().Attempt(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// pending says whether anything is still to be done.
func (k *killing) pending(t *testing.T) (found bool) {
	t.Helper()
	if k.clock.Now().After(start.Add(8 * 24 * time.Hour)) {
		return false // too late for whatever it is
	}
	for _, s := range eventKeys {
		err := k.store.Store.Deliveries(t.Context(), s.Account, time.Time{}, func(d webhook.Delivery) bool {
			found = found || d.Open()
			return !found
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// check holds what came of it to what is promised.
func (k *killing) check(t *testing.T, where string, responses []delivery.Response) {
	t.Helper()
	id := k.event.DeliveryID()
	for _, request := range k.receiver.got {
		if request.Header["webhook-id"] != id {
			t.Errorf("%s: webhook-id %s, want %s", where, request.Header["webhook-id"], id)
		}
	}
	d, err := k.store.Store.Delivery(t.Context(), k.event.Account, id)
	if errors.Is(err, webhook.ErrNotFound) {
		if k.accepted || k.receiver.count() > 0 {
			t.Errorf("%s: lost: accepted %t, received %d times", where, k.accepted, k.receiver.count())
		}
		return
	}
	received := k.receiver.count()
	switch {
	case err != nil:
		t.Fatal(err)
	case d.Open():
		t.Errorf("%s: not done with: %+v", where, show(d))
	case received == 0:
		t.Errorf("%s: never received: %+v", where, show(d))
	case d.Attempts > int64(received):
		t.Errorf("%s: %d attempts of %d were counted", where, d.Attempts, received)
	case d.Attempts < int64(received)-1:
		t.Errorf("%s: %d attempts were made, %d counted: one death costs one at most", where, received, d.Attempts)
	}
	last := responses[min(received, len(responses))-1]
	if ok := last.Reason == ""; (d.Status == webhook.StatusDelivered) != ok {
		t.Errorf("%s: the last answer was %+v, the record says %+v", where, last, show(d))
	}
	hook := k.webhook(t, d.EventKey())
	if gone := last.Status == 410; hook.Disabled != gone {
		t.Errorf("%s: the last answer was %+v, the webhook is %+v", where, last, hook)
	}
	if d.Status == webhook.StatusDelivered && hook.Statistics.FailedAttempts != 0 {
		t.Errorf("%s: statistics %+v after a success", where, hook.Statistics)
	}
}

// Killed at any moment, whether its messages live on or are lost: what was
// accepted is delivered at least once under one webhook-id, a success that is
// recorded was received, and no attempt is spent by messages that are stale,
// doubled or early.
func TestKilledAnywhere(t *testing.T) {
	ok := delivery.Response{Status: 200}
	pushed := failing(503)
	pushed.RetryAfter = time.Hour
	for name, tt := range map[string]struct {
		eventKey  webhook.EventKey
		responses []delivery.Response
		lasts     time.Duration // the first attempt
	}{
		"taken":            {eventKeys[0], []delivery.Response{ok}, 0},
		"third time":       {eventKeys[0], []delivery.Response{failing(500), pushed, ok}, 0},
		"gone":             {eventKeys[2], []delivery.Response{failing(500), failing(410)}, 0},
		"never taken":      {eventKeys[1], slices.Repeat([]delivery.Response{failing(500)}, 10), 0},
		"slow, then taken": {eventKeys[0], []delivery.Response{{Reason: "timed out"}, ok}, 15 * time.Second},
	} {
		for _, messagesLive := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", messages live ", messagesLive), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { killedAnywhere(t, tt.eventKey, tt.responses, tt.lasts, messagesLive) })
			})
		}
	}
}

func killedAnywhere(t *testing.T, key webhook.EventKey, responses []delivery.Response, lasts time.Duration, messagesLive bool) {
	moments, env := 0, newEnv(t)
	for ; moments < 1000; moments++ {
		k := &killing{env: env.anew(t), event: event(key, "1")}
		k.receiver.responses = responses
		k.receiver.during = func(delivery.Request) {
			if k.receiver.count() == 1 {
				<-faketime.After(lasts)
			}
		}
		l := &life{left: moments}
		k.first(t, l)
		k.second(t, messagesLive)
		k.check(t, fmt.Sprintf("killed at moment %d", moments), responses)
		if t.Failed() || !l.dead {
			break
		}
	}
	if moments < 15 || moments == 1000 {
		t.Errorf("%d moments: the process was not killed at each step", moments)
	}
}

// A publisher that dies before it has its answer publishes again: that is the
// same delivery, whatever was stored.
func TestKilledPublisherAgain(t *testing.T) {
	outcomes := map[delivery.PublishStatus]int{}
	env := newEnv(t)
	for moments := range 12 {
		k := &killing{env: env.anew(t), event: event(eventKeys[0], "1")}
		publisher, _, _ := k.mortal(&life{left: moments})
		publisher.Publish(t.Context(), []webhook.Event{k.event})
		r := k.publishOne(k.event)
		if r.Delivery != k.event.DeliveryID() {
			t.Errorf("killed at moment %d: %+v", moments, r)
		}
		outcomes[r.Status]++
		k.second(t, true)
		if k.receiver.count() != 1 || k.record(t, webhook.Message{Account: squakeAccount, ID: r.Delivery}).Status != webhook.StatusDelivered {
			t.Errorf("killed at moment %d: received %d times", moments, k.receiver.count())
		}
	}
	if outcomes[delivery.Accepted] < 3 || outcomes[delivery.Duplicate] < 3 || len(outcomes) != 2 {
		t.Errorf("statuses %v", outcomes)
	}
}

// A batch whose publisher dies amid its messages loses none of them.
func TestKilledAmidBatch(t *testing.T) {
	const count = 20
	env := newEnv(t)
	for moments := range 3 * count {
		k := &killing{env: env.anew(t)}
		publisher, _, _ := k.mortal(&life{left: moments})
		accepted := map[string]bool{}
		for _, r := range publisher.Publish(t.Context(), events(eventKeys[2], count)) {
			if r.Status == delivery.Accepted {
				accepted[r.Delivery] = true
			}
		}
		k.second(t, false)
		for _, request := range k.receiver.got {
			delete(accepted, request.Header["webhook-id"])
		}
		if len(accepted) > 0 {
			t.Errorf("killed at moment %d: lost %s", moments, strings.Join(slices.Sorted(maps.Keys(accepted)), ", "))
		}
	}
}
