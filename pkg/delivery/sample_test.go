package delivery_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// target reads where a subject's deliveries go.
func (w *world) target(tb testing.TB, s webhook.Subject) webhook.Target {
	tb.Helper()
	targets, err := w.store.Store.Targets(tb.Context(), []webhook.Subject{s})
	if err != nil {
		tb.Fatal(err)
	}
	return targets[0]
}

// A sample is signed like every delivery, goes to disabled webhooks too, and
// leaves nothing behind, whatever it is answered.
func TestSample(t *testing.T) {
	for i, tt := range []struct{ key, body string }{
		{squakeKey, `{"data":{"test":true}}`},
		{shoptetKey, `{"eshopId":315185,"event":"order:create","eventCreated":"2026-01-15T10:30:00+0000","eventInstance":"test","payload":{"test":true}}`},
		{abbeyKey, `{"type":"shipment.created","timestamp":"2026-01-15T10:30:00Z","data":{"test":true}}`},
	} {
		for _, answer := range []delivery.Answer{{Status: 204}, failing(500), failing(410)} {
			w := newWorld(t)
			s := subjects[i]
			w.clock.Advance(123456 * time.Microsecond)
			w.edit(t, s, func(h *webhook.Webhook) { h.Disabled = true })
			w.receiver.answers = []delivery.Answer{answer}
			before := w.webhook(t, s)
			id, got, err := w.worker().Sample(t.Context(), w.target(t, s), "sample-1")
			if err != nil || got != answer {
				t.Fatalf("%s: %+v, %v", s.Account, got, err)
			}
			request := w.receiver.got[0]
			if err := verify(t, request, tt.key); err != nil {
				t.Error(err)
			}
			if request.Header["webhook-id"] != id || string(request.Body) != tt.body || request.URL != before.URL {
				t.Errorf("id %s, %+v, %s", id, request.Header, request.Body)
			}
			if _, err := webhook.DeliveryTime(id); err != nil {
				t.Error(err)
			}
			after := w.webhook(t, s)
			if w.deliveries(t, s.Account) != 0 || w.queue.count() != 0 || after.Statistics != before.Statistics || after.Version != before.Version {
				t.Errorf("%s: it left something: %+v", s.Account, after)
			}
			if w.log.String() != "" {
				t.Errorf("log %s", w.log)
			}
		}
	}
}

func TestSampleFails(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*world)
		want    error
		says    string
	}{
		"no API":  {func(w *world) { delete(w.sendings, "squake") }, nil, `sample: there is no API "squake"`},
		"key":     {func(w *world) { w.opener = refusing{} }, errFault, "sample for webhook w1 of squake:acme: a fault"},
		"body":    {func(w *world) { w.breakBody() }, errFault, "sample for webhook w1 of squake:acme: write the body: a fault"},
		"cut off": {func(w *world) { w.receiver.answers = []delivery.Answer{{Interrupted: true}} }, nil, "sample for webhook w1 of squake:acme: the attempt was interrupted"},
	} {
		w := newWorld(t)
		tt.prepare(w)
		id, answer, err := w.worker().Sample(t.Context(), w.target(t, subjects[0]), "1")
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || err.Error() != tt.says || id != "" || answer != (delivery.Answer{}) {
			t.Errorf("%s: %q, %+v, %v; want %s", name, id, answer, err, tt.says)
		}
	}
	// A Sender that gives no reason for what is no success is given one.
	w := newWorld(t)
	w.receiver.answers = []delivery.Answer{{Status: 302}}
	if _, answer, err := w.worker().Sample(t.Context(), w.target(t, subjects[0]), "1"); err != nil || !strings.Contains(answer.Reason, "no success") {
		t.Errorf("%+v, %v", answer, err)
	}
}
