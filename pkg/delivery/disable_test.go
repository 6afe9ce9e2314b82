package delivery_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// An answer 410 disables the webhook, all records of an AbbeyCross
// registration, and no other webhook. Record and log say so, and what was to
// come is cancelled.
func TestGoneDisables(t *testing.T) {
	for _, s := range eventKeys {
		w := newEnv(t)
		other := webhook.EventKey{Account: s.Account, Event: "other"}
		w.register(t, other, "w8")
		if s == eventKeys[2] {
			w.remove(t, s)
			w.register(t, s, "w3", "shipment.lost", "shipment.found")
		}
		messages := w.accept(t, event(s, "1"), event(s, "2"))
		before := w.webhook(t, s)
		w.receiver.responses = []delivery.Response{failing(410)}
		w.attempt(t, messages[0], delivery.Disabled)
		d := w.record(t, messages[0])
		if d.Open() || d.Attempts != 1 || d.Status != webhook.StatusFailed || d.StatusCode != http.StatusGone || d.Reason != "answered 410" || len(w.queue.take()) != 0 {
			t.Errorf("%s: record %+v", s.Account, show(d))
		}
		list, err := w.store.Webhooks(t.Context(), s.Account)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range list {
			switch {
			case h.ID == "w8":
				if h.Disabled || h.Version != 1 {
					t.Errorf("%s: another webhook became %+v", s.Account, h)
				}
			case !h.Disabled || h.DisabledReason != delivery.ReasonGone || h.Version != before.Version+1 || h.URL != before.URL:
				t.Errorf("%s: webhook %+v", s.Account, h)
			}
		}
		if line := `"level":"WARN","msg":"webhook disabled"`; strings.Count(w.log.String(), line) != 1 ||
			!strings.Contains(w.log.String(), `"webhook":"`+before.ID+`","reason":"`+delivery.ReasonGone+`"`) {
			t.Errorf("log %s", w.log)
		}
		w.attempt(t, messages[1], delivery.Cancelled)
		if r := w.publishOne(event(s, "3")); r != (delivery.Result{Status: delivery.Held, Delivery: event(s, "3").DeliveryID()}) {
			t.Errorf("%s: published again: %+v", s.Account, r)
		}
		if s == eventKeys[0] && w.webhook(t, s).Statistics.FailedAttempts != 1 {
			t.Errorf("statistics %+v", w.webhook(t, s).Statistics)
		}
	}
}

// A webhook that is another by now is not disabled for what its predecessor
// answered; the delivery goes on, to where it goes now.
func TestGoneOfAnother(t *testing.T) {
	s := eventKeys[0]
	for name, tt := range map[string]struct {
		change  func(*testing.T, *env)
		outcome delivery.Outcome
		active  bool
	}{
		"another URL": {func(t *testing.T, w *env) {
			w.edit(t, s, func(h *webhook.Webhook) { h.URL = "https://other.example/" })
		}, delivery.Failed, true},
		"deleted":         {func(t *testing.T, w *env) { w.remove(t, s) }, delivery.Failed, true},
		"registered anew": {func(t *testing.T, w *env) { w.remove(t, s); w.register(t, s, "w9") }, delivery.Failed, true},
		"moved": {func(t *testing.T, w *env) {
			w.edit(t, s, func(h *webhook.Webhook) { h.Event = "certificate_document_available" })
		}, delivery.Failed, true},
		"disabled by another": {func(t *testing.T, w *env) {
			w.edit(t, s, func(h *webhook.Webhook) { h.Disabled = true })
		}, delivery.Disabled, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			m := w.acceptOne(t, s)
			w.receiver.responses = []delivery.Response{failing(410), {Status: 200}}
			w.receiver.during = func(delivery.Request) { w.receiver.during = nil; tt.change(t, w) }
			w.attempt(t, m, tt.outcome)
			if d := w.record(t, m); d.Open() != tt.active || d.Attempts != 1 {
				t.Errorf("record %+v", show(d))
			}
			list, err := w.store.Webhooks(t.Context(), s.Account)
			for _, h := range list {
				if err != nil || h.DisabledReason != "" || h.Disabled != (name == "disabled by another") {
					t.Errorf("webhook %+v, %v", h, err)
				}
			}
			if strings.Contains(w.log.String(), "webhook disabled") {
				t.Errorf("log %s", w.log)
			}
			if name == "another URL" {
				w.clock.Set(w.record(t, m).Next)
				w.attempt(t, w.queue.take()[0], delivery.Delivered)
				if got := w.receiver.got[1].URL; got != "https://other.example/" {
					t.Errorf("sent to %s", got)
				}
			}
		})
	}
}

// While another write comes between, the webhook is read anew, but not for
// ever; what fails leaves the attempt to be made again.
func TestDisablingFails(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(n int, call string) error
		want   error
		reads  int
	}{
		"list":        {func(_ int, call string) error { return failOn(webhook.ErrUnavailable, "WebhooksByID")(call) }, webhook.ErrUnavailable, 1},
		"write":       {func(_ int, call string) error { return failOn(errFault, "Change")(call) }, errFault, 1},
		"for ever":    {func(_ int, call string) error { return failOn(webhook.ErrChanged, "Change")(call) }, webhook.ErrUnavailable, 4},
		"moves, once": {func(n int, call string) error { return first(n, webhook.ErrNotFound, call) }, nil, 2},
		"changed":     {func(n int, call string) error { return first(n, webhook.ErrChanged, call) }, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			m := w.acceptOne(t, eventKeys[0])
			w.receiver.responses = []delivery.Response{failing(410)}
			reads := 0
			w.store.before = func(call string) error {
				if call == "WebhooksByID" {
					reads++
				}
				return tt.before(reads, call)
			}
			_, err := w.worker().Attempt(t.Context(), m)
			if !errors.Is(err, tt.want) || reads != tt.reads {
				t.Errorf("error %v after %d reads, want %v after %d", err, reads, tt.want, tt.reads)
			}
			w.store.before = nil
			if d := w.record(t, m); (d.Attempts == 1) != (tt.want == nil) {
				t.Errorf("record %+v", show(d))
			}
			if tt.want != nil {
				w.attempt(t, m, delivery.Disabled)
			}
			if h := w.webhook(t, eventKeys[0]); !h.Disabled {
				t.Errorf("webhook %+v", h)
			}
		})
	}
}

// first fails the first change.
func first(n int, err error, call string) error {
	if n > 1 {
		return nil
	}
	return failOn(err, "Change")(call)
}
