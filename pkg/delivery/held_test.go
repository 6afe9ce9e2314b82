package delivery_test

import (
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// able enables or disables the webhook of an event key.
func (w *env) able(t *testing.T, s webhook.EventKey, enabled bool) {
	t.Helper()
	w.edit(t, s, func(h *webhook.Webhook) { h.Disabled = !enabled })
}

// publishes publishes an event and demands its status.
func (w *env) publishes(t *testing.T, e webhook.Event, want delivery.PublishStatus) {
	t.Helper()
	result := delivery.Result{Status: want, Delivery: e.DeliveryID()}
	if got := w.publishOne(e); got != result {
		t.Fatalf("event %s: %+v, want %+v", e.ID, got, result)
	}
}

// An event for a disabled webhook is stored and not attempted. Published again
// it is held while that is so, afterwards it is taken up, for whichever webhook
// has the event then, and after that it is a duplicate.
func TestPublishHeld(t *testing.T) {
	for _, s := range eventKeys {
		for name, again := range map[string]func(*env){
			"enabled":    func(w *env) { w.able(t, s, true) },
			"registered": func(w *env) { w.remove(t, s); w.register(t, s, "w9") },
		} {
			w, e := newEnv(t), event(s, "1")
			w.able(t, s, false)
			for range 2 {
				w.publishes(t, e, delivery.Held)
				d := w.record(t, webhook.Message{Account: s.Account, ID: e.DeliveryID()})
				if !d.Held() || d.Open() || !d.Due.IsZero() || d.Reason != "cancelled: the webhook is disabled" || string(d.Payload) != payload {
					t.Errorf("%s, %s: record %+v", s.Account, name, show(d))
				}
			}
			w.clock.Advance(24 * time.Hour)
			if w.deliverDue(t); w.queue.count() != 0 || w.receiver.count() != 0 {
				t.Errorf("%s, %s: it was sent", s.Account, name)
			}
			again(w)
			w.publishes(t, e, delivery.Accepted)
			d := w.record(t, webhook.Message{Account: s.Account, ID: e.DeliveryID()})
			if d.Status != webhook.StatusPending || d.Reason != "" || !d.Next.Equal(w.clock.Now()) || d.WebhookID != w.webhook(t, s).ID || d.URL != w.webhook(t, s).URL {
				t.Errorf("%s, %s: taken up %+v", s.Account, name, show(d))
			}
			w.publishes(t, e, delivery.Duplicate)
			messages := w.queue.take()
			if len(messages) != 1 {
				t.Fatalf("%s, %s: %d messages", s.Account, name, len(messages))
			}
			w.attempt(t, messages[0], delivery.Delivered)
			w.able(t, s, false)
			w.publishes(t, e, delivery.Duplicate)
		}
	}
}

// What is held is taken up once, whatever fails, and not when it is too late.
func TestPublishHeldAgain(t *testing.T) {
	s := eventKeys[0]
	e := event(s, "1")
	refused := func(status delivery.PublishStatus, reason string) delivery.Result {
		return delivery.Result{Status: status, Reason: reason}
	}
	duplicate := delivery.Result{Status: delivery.Duplicate, Delivery: e.DeliveryID()}
	for name, tt := range map[string]struct {
		prepare func(*env)
		want    delivery.Result
		sent    int
	}{
		"other content": {func(*env) { e.Payload = []byte("1") }, refused(delivery.Rejected, "id reused with other content"), 0},
		"too late":      {func(w *env) { w.clock.Advance(6*24*time.Hour + time.Millisecond) }, refused(delivery.Rejected, "held for more than 6 days"), 0},
		"fault":         {func(w *env) { w.store.before = failOn(errFault, "RecordAttempt") }, refused(delivery.InternalError, "internal error, publish it again"), 0},
		"lost answer":   {func(w *env) { w.store.after = failOn(errFault, "RecordAttempt") }, refused(delivery.InternalError, "internal error, publish it again"), 0},
		"overtaken": {func(w *env) {
			w.store.before = func(call string) error {
				if call == "RecordAttempt" {
					w.fail(t, webhook.Message{Account: s.Account, ID: e.DeliveryID()})
				}
				return nil
			}
		}, duplicate, 0},
		"not queued": {func(w *env) { w.queue.err = errFault }, delivery.Result{Status: delivery.Accepted, Delivery: e.DeliveryID()}, 0},
		"in time":    {func(w *env) { w.clock.Advance(6 * 24 * time.Hour) }, delivery.Result{Status: delivery.Accepted, Delivery: e.DeliveryID()}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			e = event(s, "1")
			w.able(t, s, false)
			w.publishes(t, e, delivery.Held)
			w.able(t, s, true)
			tt.prepare(w)
			if got := w.publishOne(e); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if n := w.queue.count(); n != tt.sent {
				t.Errorf("%d messages, want %d", n, tt.sent)
			}
			if name == "lost answer" { // it was taken up; the sweeper sends it
				w.store.after = nil
				w.publishes(t, e, delivery.Duplicate)
				w.clock.Set(w.record(t, webhook.Message{Account: s.Account, ID: e.DeliveryID()}).Due)
				if w.deliverDue(t); w.receiver.count() != 1 {
					t.Errorf("%d attempts", w.receiver.count())
				}
			}
		})
	}
}
