package delivery_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// FuzzEvent publishes any event. What is refused leaves nothing. What is
// accepted is found by its delivery's id, is delivered once, signed, with its
// payload, whatever messages come beside its own; published again it is a
// duplicate, and with another content it is rejected.
func FuzzEvent(f *testing.F) {
	f.Add(uint8(0), "order", "1", "", []byte(payload), int64(0), int64(2), int64(0))
	f.Add(uint8(1), "order:create", "ž", "Ž/\"\\ 😀 <&'>\x01\n", []byte(`{"a\/b":1e400}`), int64(-604_800_000), int64(1), int64(-5000))
	f.Add(uint8(2), "shipment.created", "", "", []byte(nil), int64(300_000), int64(0), int64(1))
	f.Add(uint8(2), "a b", "\xff", "x", []byte("{"), int64(300_001), int64(-1), int64(0))
	first := newEnv(f)
	f.Fuzz(func(t *testing.T, api uint8, name, id, instance string, body []byte, offset, number, early int64) {
		w := first.anew(t)
		s := eventKeys[int(api)%len(eventKeys)]
		if name != s.Event && name != "" {
			s.Event = name
			w.tryRegister(t, s)
		}
		const bound = 1 << 40 // of milliseconds: 34 years
		e := webhook.Event{
			Account: s.Account, Name: name, ID: id, Instance: instance, Payload: body,
			Time: start.Add(time.Duration(offset%bound) * time.Millisecond),
		}
		r := w.publishOne(e)
		messages := w.queue.take()
		if r.Status != delivery.Accepted {
			if r.Delivery != "" || len(messages) != 0 || w.deliveries(t, s.Account) != 0 || r.Status == delivery.InternalError {
				t.Fatalf("%+v left something", r)
			}
			return
		}
		if e.ID == "" {
			e.ID = "made-1"
		}
		if e.DeliveryID() != r.Delivery || len(messages) != 1 {
			t.Fatalf("delivery %s of %+v, messages %+v", r.Delivery, e, messages)
		}
		m := messages[0]
		other := m
		other.Attempt, other.At, other.PayloadRef = number, m.At.Add(time.Duration(early)), name
		for _, one := range []webhook.Message{other, m, m, other} {
			if _, err := w.worker().Attempt(context.Background(), one); err != nil {
				t.Fatal(err)
			}
		}
		if w.receiver.count() != 1 || w.record(t, m).Status != webhook.StatusDelivered {
			t.Fatalf("%d requests, record %+v", w.receiver.count(), show(w.record(t, m)))
		}
		checkRequest(t, w.receiver.got[0], e)
		if again := w.publishOne(e); again != (delivery.Result{Status: delivery.Duplicate, Delivery: r.Delivery}) {
			t.Errorf("again: %+v", again)
		}
		e.Payload = fmt.Appendf(nil, "[%d]", len(e.Payload))
		if again := w.publishOne(e); again.Status != delivery.Rejected && !bytes.Equal(e.Payload, body) {
			t.Errorf("with another payload: %+v", again)
		}
	})
}

// checkRequest holds a request to its event.
func checkRequest(t *testing.T, request delivery.Request, e webhook.Event) {
	t.Helper()
	key := map[webhook.Account]string{squakeAccount: squakeKey, shoptetAccount: shoptetKey, abbeyAccount: abbeyKey}[e.Account]
	if err := verify(t, request, key); err != nil {
		t.Error(err)
	}
	if request.Header["webhook-id"] != e.DeliveryID() {
		t.Errorf("webhook-id %s", request.Header["webhook-id"])
	}
	if e.Account != shoptetAccount && !bytes.Contains(request.Body, e.Payload) { // Shoptet's are escaped anew
		t.Errorf("the body %q lacks %q", request.Body, e.Payload)
	}
}

// tryRegister adds a webhook for whatever event.
func (w *env) tryRegister(t *testing.T, s webhook.EventKey) {
	t.Helper()
	h := w.webhook(t, eventKeys[map[webhook.API]int{"squake": 0, "shoptet": 1, "abbeycross": 2}[s.Account.API]])
	h.Event, h.RequestID = s.Event, "another"
	if _, err := w.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{h}}); err != nil {
		t.Fatal(err)
	}
}
