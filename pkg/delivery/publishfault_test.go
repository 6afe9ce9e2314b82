package delivery_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

var failed = delivery.Result{Status: delivery.InternalError, Reason: "internal error, publish it again"}

// Nothing is accepted that the store does not have: its errors are internal,
// said in the log, once, and to the publisher, who may publish the events again.
func TestPublishStoreFails(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after func(string) error
		again         delivery.PublishStatus
	}{
		"look-up":     {before: failOn(errFault, "Recipients"), again: delivery.Accepted},
		"write":       {before: failOn(webhook.ErrUnavailable, "AddDelivery"), again: delivery.Accepted},
		"lost answer": {after: failOn(webhook.ErrUnknownOutcome, "AddDelivery"), again: delivery.Duplicate},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			w.store.before, w.store.after = tt.before, tt.after
			want := failed
			want.Unavailable = name != "look-up"
			events := []webhook.Event{event(eventKeys[0], "1"), event(eventKeys[2], "2")}
			for _, got := range w.publisher().Publish(t.Context(), events) {
				if got != want {
					t.Errorf("%+v, want %+v", got, want)
				}
			}
			if w.queue.count() != 0 {
				t.Error("a message was sent for what may not be stored")
			}
			log := w.log.String()
			if !strings.Contains(log, `"level":"ERROR","msg":"publish","account":"squake:acme","event":"order","error"`) ||
				!strings.Contains(log, `"failed":2}`) || strings.Count(log, "\n") != 1 {
				t.Errorf("log %s", log)
			}
			w.store.before, w.store.after = nil, nil
			for _, got := range w.publisher().Publish(t.Context(), events) {
				if got.Status != tt.again {
					t.Errorf("published again: %+v, want %s", got, tt.again)
				}
			}
			w.clock.Advance(2 * time.Minute)
			w.deliverDue(t)
			if n := w.receiver.count(); n != len(events) {
				t.Errorf("delivered %d times, want %d", n, len(events))
			}
		})
	}
}

// deliverDue sweeps and has the attempts made that are asked for now.
func (w *env) deliverDue(tb testing.TB) (swept delivery.Swept) {
	tb.Helper()
	swept, err := w.sweeper().Sweep(context.Background(), time.Time{})
	if err != nil {
		tb.Fatal(err)
	}
	for _, m := range w.queue.take() {
		if _, err := w.worker().Attempt(context.Background(), m); err != nil {
			tb.Fatal(err)
		}
	}
	return swept
}

// One event's error is not another's.
func TestPublishFailsForOne(t *testing.T) {
	w := newEnv(t)
	n := 0
	w.store.before = func(call string) error {
		if call == "AddDelivery" {
			if n++; n == 1 {
				return errFault
			}
		}
		return nil
	}
	e := event(eventKeys[0], "1")
	results := w.publisher().Publish(t.Context(), []webhook.Event{e, e})
	if results[0] != failed || results[1].Status != delivery.Accepted {
		t.Errorf("%+v", results)
	}
}

func TestPublishNoIDNoNumber(t *testing.T) {
	w := newEnv(t)
	p := w.publisher(func(c *delivery.PublisherConfig) {
		c.NewID = func() (string, error) { return "", errFault }
	})
	shoptet := w.sendings["shoptet"]
	shoptet.Number = func() (int64, error) { return 0, errFault }
	w.sendings["shoptet"] = shoptet
	unnamed := event(eventKeys[0], "")
	for i, r := range p.Publish(t.Context(), []webhook.Event{unnamed, event(eventKeys[1], "1")}) {
		if r != failed {
			t.Errorf("event %d: %+v", i, r)
		}
	}
	if n := w.deliveries(t, squakeAccount) + w.deliveries(t, shoptetAccount); n != 0 {
		t.Errorf("%d deliveries", n)
	}
}

// What the queue does not take is accepted all the same, and swept.
func TestPublishQueueFails(t *testing.T) {
	w := newEnv(t)
	w.queue.err = errFault
	r := w.publishOne(event(eventKeys[0], "1"))
	if r.Status != delivery.Accepted {
		t.Fatalf("%+v", r)
	}
	if log := w.log.String(); !strings.Contains(log, `"level":"WARN"`) || !strings.Contains(log, `"messages":1,"error":"a fault"`) {
		t.Errorf("log %s", log)
	}
	w.queue.err = nil
	w.clock.Advance(2*time.Minute - time.Millisecond)
	if swept := w.deliverDue(t); swept.Sent != 0 {
		t.Errorf("%+v: swept before the lease was over", swept)
	}
	w.clock.Advance(time.Millisecond)
	if swept := w.deliverDue(t); swept.Sent != 1 || !swept.Oldest.Equal(start) || w.receiver.count() != 1 {
		t.Errorf("%+v, %d attempts", swept, w.receiver.count())
	}
}

// Where the queue has no room nothing is sent, and it is due at once.
func TestPublishNoRoom(t *testing.T) {
	w := newEnv(t)
	w.queue.refuses[eventKeys[0]] = true
	if r := w.publishOne(event(eventKeys[0], "1")); r.Status != delivery.Accepted || w.queue.count() != 0 {
		t.Fatalf("%+v, %d messages", r, w.queue.count())
	}
	if swept := w.deliverDue(t); swept.Refused != 1 || swept.Sent != 0 {
		t.Errorf("%+v, want it refused", swept)
	}
	w.queue.refuses = nil
	if swept := w.deliverDue(t); swept.Sent != 1 || w.receiver.count() != 1 {
		t.Errorf("%+v, %d attempts", swept, w.receiver.count())
	}
}

// Whoever published may go once the events are stored; before that nothing is
// accepted.
func TestPublisherGone(t *testing.T) {
	for _, tt := range []struct {
		call string
		want delivery.PublishStatus
	}{{"Recipients", delivery.InternalError}, {"AddDelivery", delivery.Accepted}} {
		w := newEnv(t)
		ctx, cancel := context.WithCancel(t.Context())
		w.store.after = func(call string) error {
			if call == tt.call {
				cancel()
			}
			return nil
		}
		r := w.publisher().Publish(ctx, []webhook.Event{event(eventKeys[0], "1")})[0]
		sent := w.queue.count()
		if r.Status != tt.want || (sent == 1) != (tt.want == delivery.Accepted) {
			t.Errorf("gone after %s: %+v, %d messages", tt.call, r, sent)
		}
	}
}

// A clock of the publisher's that is behind that of whoever created the account
// does not make its events a predecessor's.
func TestPublishClockBehind(t *testing.T) {
	w := newEnv(t)
	s := webhook.EventKey{Account: webhook.Account{API: "squake", ID: "new"}, Event: "order"}
	w.clock.Advance(3 * time.Second)
	info := webhook.AccountInfo{Account: s.Account, CreatedAt: w.clock.Now()}
	if err := w.store.CreateAccount(t.Context(), info); err != nil {
		t.Fatal(err)
	}
	w.register(t, s, "w9")
	w.clock.Set(start)
	w.attempt(t, w.acceptOne(t, s), delivery.Delivered)
}

// attemptedMeanwhile is a store that finds, after a lost response, that the
// delivery which it added was attempted.
type attemptedMeanwhile struct{ delivery.PublisherStore }

func (s attemptedMeanwhile) AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	d, err := s.PublisherStore.AddDelivery(ctx, d)
	d.Attempts++
	return d, err
}

// Only a first attempt is for the fast lane.
func TestPublishAttemptedMeanwhile(t *testing.T) {
	w := newEnv(t)
	p := w.publisher(func(c *delivery.PublisherConfig) { c.Store = attemptedMeanwhile{c.Store} })
	r := p.Publish(t.Context(), []webhook.Event{event(eventKeys[0], "1")})[0]
	if m := w.queue.take(); r.Status != delivery.Accepted || len(m) != 1 || m[0].Attempt != 2 || m[0].Fast {
		t.Errorf("%+v, messages %+v; want one of attempt 2 that is not fast", r, m)
	}
}
