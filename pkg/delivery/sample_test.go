package delivery_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// recipient reads where an event key's deliveries go.
func (w *env) recipient(tb testing.TB, s webhook.EventKey) webhook.Recipient {
	tb.Helper()
	recipients, err := w.store.Store.Recipients(tb.Context(), []webhook.EventKey{s})
	if err != nil {
		tb.Fatal(err)
	}
	return recipients[0]
}

// A sample is signed like every delivery, goes to disabled webhooks too, and
// leaves nothing behind, whatever it is answered.
func TestSample(t *testing.T) {
	for i, tt := range []struct{ key, body string }{
		{squakeKey, `{"data":{"test":true}}`},
		{shoptetKey, `{"eshopId":315185,"event":"order:create","eventCreated":"2026-01-15T10:30:00+0000","eventInstance":"test","payload":{"test":true}}`},
		{abbeyKey, `{"type":"shipment.created","timestamp":"2026-01-15T10:30:00Z","data":{"test":true}}`},
	} {
		for _, response := range []delivery.Response{{Status: 204}, failing(500), failing(410)} {
			w := newEnv(t)
			s := eventKeys[i]
			w.clock.Advance(123456 * time.Microsecond)
			w.edit(t, s, func(h *webhook.Webhook) { h.Disabled = true })
			w.receiver.responses = []delivery.Response{response}
			before := w.webhook(t, s)
			id, got, err := w.worker().Sample(t.Context(), w.recipient(t, s), "sample-1")
			if err != nil || got != response {
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
		prepare func(*env)
		want    error
		says    string
	}{
		"no API":  {func(w *env) { delete(w.sendings, "squake") }, nil, `sample: there is no API "squake"`},
		"key":     {func(w *env) { w.opener = refusing{} }, errFault, "sample for webhook w1 of squake:acme: a fault"},
		"body":    {func(w *env) { w.breakBody() }, errFault, "sample for webhook w1 of squake:acme: write the body: a fault"},
		"cut off": {func(w *env) { w.receiver.responses = []delivery.Response{{Interrupted: true}} }, nil, "sample for webhook w1 of squake:acme: the attempt was interrupted"},
	} {
		w := newEnv(t)
		tt.prepare(w)
		id, response, err := w.worker().Sample(t.Context(), w.recipient(t, eventKeys[0]), "1")
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || err.Error() != tt.says || id != "" || response != (delivery.Response{}) {
			t.Errorf("%s: %q, %+v, %v; want %s", name, id, response, err, tt.says)
		}
	}
	// A Sender that gives no reason for what is no success is given one.
	w := newEnv(t)
	w.receiver.responses = []delivery.Response{{Status: 302}}
	if _, response, err := w.worker().Sample(t.Context(), w.recipient(t, eventKeys[0]), "1"); err != nil || !strings.Contains(response.Reason, "no success") {
		t.Errorf("%+v, %v", response, err)
	}
}
