package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

// A message that the record does not ask for costs nothing.
func TestAttemptDrops(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*testing.T, *env, webhook.Message) webhook.Message
	}{
		"unknown": {func(_ *testing.T, _ *env, m webhook.Message) webhook.Message {
			m.ID = event(eventKeys[0], "2").DeliveryID()
			return m
		}},
		"other account": {func(_ *testing.T, _ *env, m webhook.Message) webhook.Message {
			m.Account = shoptetAccount
			return m
		}},
		"delivered": {func(t *testing.T, w *env, m webhook.Message) webhook.Message {
			w.attempt(t, m, delivery.Delivered)
			return m
		}},
		"delivered, next": {func(t *testing.T, w *env, m webhook.Message) webhook.Message {
			w.attempt(t, m, delivery.Delivered)
			m.Attempt++
			return m
		}},
		"number ahead": {func(_ *testing.T, _ *env, m webhook.Message) webhook.Message {
			m.Attempt++
			return m
		}},
		"number behind": {func(_ *testing.T, _ *env, m webhook.Message) webhook.Message {
			m.Attempt--
			return m
		}},
		"doubled after a failure": {func(t *testing.T, w *env, m webhook.Message) webhook.Message {
			w.receiver.responses = []delivery.Response{failing(500)}
			w.attempt(t, m, delivery.Failed)
			w.clock.Advance(time.Hour)
			return m
		}},
		"early": {func(t *testing.T, w *env, m webhook.Message) webhook.Message {
			w.receiver.responses = []delivery.Response{failing(500)}
			w.attempt(t, m, delivery.Failed)
			w.clock.Advance(4*time.Second - time.Millisecond) // due after 5 s, a second earlier is let pass
			m.Attempt++
			return m
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			first := w.acceptOne(t, eventKeys[0])
			m := tt.prepare(t, w, first)
			drops(t, w, first, m)
		})
	}
}

// drops checks that m, which is about the delivery of first, changes nothing.
func drops(t testing.TB, w *env, first, m webhook.Message) {
	t.Helper()
	attempts, before := w.receiver.count(), w.record(t, first)
	w.attempt(t, m, delivery.Dropped)
	if w.receiver.count() != attempts {
		t.Error("an attempt was made")
	}
	if diff := cmp.Diff(before, w.record(t, first)); diff != "" {
		t.Errorf("the record has changed (-was +is):\n%s", diff)
	}
}

// Within the second before its time an attempt is made.
func TestAttemptASecondEarly(t *testing.T) {
	w := newEnv(t)
	w.receiver.responses = []delivery.Response{failing(500), {Status: 200}}
	w.attempt(t, w.acceptOne(t, eventKeys[0]), delivery.Failed)
	w.clock.Advance(4 * time.Second)
	w.attempt(t, w.queue.take()[0], delivery.Delivered)
}

// What became of the webhook between publication and attempt decides.
func TestAttemptWhenWebhookChanged(t *testing.T) {
	s := eventKeys[0]
	const (
		moved    = "cancelled: the webhook was deleted or moved"
		disabled = "cancelled: the webhook is disabled"
		closed   = "cancelled: the account was deleted"
	)
	newURL := func(h *webhook.Webhook) { h.URL = "https://other.example/" }
	for name, tt := range map[string]struct {
		change func(*testing.T, *env)
		want   string // empty: attempted
	}{
		"another URL":     {func(t *testing.T, w *env) { w.edit(t, s, newURL) }, ""},
		"deleted":         {func(t *testing.T, w *env) { w.remove(t, s) }, moved},
		"registered anew": {func(t *testing.T, w *env) { w.remove(t, s); w.register(t, s, "w9") }, moved},
		"moved": {func(t *testing.T, w *env) {
			w.edit(t, s, func(h *webhook.Webhook) { h.Event = "certificate_document_available" })
		}, moved},
		"moved and back": {func(t *testing.T, w *env) {
			w.edit(t, s, func(h *webhook.Webhook) { h.Event = "certificate_document_available" })
			w.edit(t, webhook.EventKey{Account: s.Account, Event: "certificate_document_available"}, func(h *webhook.Webhook) {
				h.Event = s.Event
				newURL(h)
			})
		}, ""},
		"disabled": {func(t *testing.T, w *env) { w.edit(t, s, func(h *webhook.Webhook) { h.Disabled = true }) }, disabled},
		"closing":  {func(t *testing.T, w *env) { w.closeAccount(t, s.Account, false) }, closed},
		"gone":     {func(t *testing.T, w *env) { w.closeAccount(t, s.Account, true) }, closed},
		// The webhook of the same id stands for one that the store still has.
		"account made anew": {func(t *testing.T, w *env) {
			w.closeAccount(t, s.Account, true)
			w.clock.Advance(2 * time.Hour)
			w.addAccount(t, s.Account)
		}, closed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			m := w.acceptOne(t, s)
			tt.change(t, w)
			if tt.want == "" {
				w.attempt(t, m, delivery.Delivered)
				if got := w.receiver.got[0].URL; got != w.webhook(t, s).URL {
					t.Errorf("sent to %s", got)
				}
				return
			}
			w.attempt(t, m, delivery.Cancelled)
			d := w.record(t, m)
			if d.Status != webhook.StatusCancelled || d.Open() || d.Reason != tt.want || d.Attempts != 0 || !d.Next.IsZero() || !d.Due.IsZero() {
				t.Errorf("record %+v, want it cancelled: %s", show(d), tt.want)
			}
			if w.receiver.count() != 0 {
				t.Error("it was sent")
			}
			if log := w.log.String(); !strings.Contains(log, `"msg":"delivery cancelled","api":"squake","account":"acme","event":"order","delivery":"`+m.ID+`","reason":"`+tt.want+`"`) {
				t.Errorf("log %s", log)
			}
			w.attempt(t, m, delivery.Dropped) // and stays so
		})
	}
}

// A cancellation does not undo the result of an attempt that came meanwhile,
// and does not say that it had been.
func TestCancelOvertaken(t *testing.T) {
	w := newEnv(t)
	m := w.acceptOne(t, eventKeys[0])
	w.edit(t, eventKeys[0], func(h *webhook.Webhook) { h.Disabled = true })
	w.store.before = func(call string) error {
		if call == "RecordAttempt" {
			w.store.before = nil
			d := w.record(t, m)
			done := d.Attempted(start, 200, "", time.Time{})
			if _, err := w.store.Store.RecordAttempt(t.Context(), webhook.AttemptResult{Was: d, Now: done}); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	}
	w.attempt(t, m, delivery.Dropped)
	if d := w.record(t, m); d.Status != webhook.StatusDelivered {
		t.Errorf("record %+v", show(d))
	}
	if log := w.log.String(); strings.Contains(log, "cancelled") {
		t.Errorf("log %s", log)
	}
}

// A cancellation that cannot be written is an internal error, and comes again.
func TestCancelFails(t *testing.T) {
	w := newEnv(t)
	m := w.acceptOne(t, eventKeys[0])
	w.remove(t, eventKeys[0])
	w.store.before = failOn(errFault, "RecordAttempt")
	if outcome, err := w.worker().Attempt(t.Context(), m); !errors.Is(err, errFault) || outcome != delivery.Dropped {
		t.Errorf("outcome %d, %v", outcome, err)
	}
	if strings.Contains(w.log.String(), "cancelled") {
		t.Errorf("log %s", w.log)
	}
	w.store.before = nil
	w.attempt(t, m, delivery.Cancelled)
}

// Faults of our own do not count: the attempt comes again.
func TestAttemptOurFault(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*env)
		want    error
		outcome delivery.Outcome
		sent    int
	}{
		"task":      {func(w *env) { w.store.before = failOn(webhook.ErrUnavailable, "AttemptInput") }, webhook.ErrUnavailable, delivery.Dropped, 0},
		"no API":    {func(w *env) { delete(w.sendings, "squake") }, nil, delivery.Dropped, 0},
		"key":       {func(w *env) { w.opener = refusing{} }, errFault, delivery.Dropped, 0},
		"body":      {func(w *env) { w.breakBody() }, errFault, delivery.Dropped, 0},
		"no base64": {func(w *env) { w.opener = giving("not base64!") }, nil, delivery.Dropped, 0},
		"result":    {func(w *env) { w.store.before = failOn(errFault, "RecordAttempt") }, errFault, delivery.Delivered, 1},
		"cut off": {func(w *env) {
			w.receiver.responses = []delivery.Response{{Interrupted: true, Reason: "stopped", Status: 200}}
		}, nil, delivery.Dropped, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			m := w.acceptOne(t, eventKeys[0])
			before := w.record(t, m)
			sendings, opener := w.sendings["squake"], w.opener
			tt.prepare(w)
			outcome, err := w.worker().Attempt(t.Context(), m)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || outcome != tt.outcome || w.receiver.count() != tt.sent {
				t.Fatalf("outcome %d, %v, sent %d times; want %d, %v, %d", outcome, err, w.receiver.count(), tt.outcome, tt.want, tt.sent)
			}
			if prefix := "attempt 1 of delivery " + m.ID + " of squake:acme: "; !strings.HasPrefix(err.Error(), prefix) {
				t.Errorf("error %q", err)
			}
			if after := w.record(t, m); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("the record became %+v", show(after))
			}
			w.sendings["squake"], w.opener, w.store.before, w.receiver.responses = sendings, opener, nil, nil
			w.attempt(t, m, delivery.Delivered)
		})
	}
}

// refusing opens no key, giving gives the same for each.
type refusing struct{}

func (refusing) Open(context.Context, seal.Owner, []byte) (webhook.Secret, error) {
	return webhook.Secret{}, errFault
}

type giving string

func (g giving) Open(context.Context, seal.Owner, []byte) (webhook.Secret, error) {
	return webhook.NewSecret(string(g)), nil
}

func (w *env) breakBody() {
	s := w.sendings["squake"]
	s.Body = func(webhook.Delivery, webhook.Webhook) ([]byte, error) { return nil, errFault }
	w.sendings["squake"] = s
}

// What an attempt came to is written though the worker was told to stop
// meanwhile.
func TestResultOutlivesContext(t *testing.T) {
	w := newEnv(t)
	m := w.acceptOne(t, eventKeys[0])
	ctx, cancel := context.WithCancel(t.Context())
	w.receiver.during = func(delivery.Request) { cancel() }
	w.receiver.responses = []delivery.Response{failing(500)}
	if outcome, err := w.worker().Attempt(ctx, m); err != nil || outcome != delivery.Failed {
		t.Fatalf("%d, %v", outcome, err)
	}
	if d := w.record(t, m); d.Attempts != 1 || len(w.queue.take()) != 1 {
		t.Errorf("record %+v", show(d))
	}
}

// Nothing pending ever expires unattempted: the first attempt is made however
// late, and no second one after 6 days.
func TestSixDays(t *testing.T) {
	const sixDays = 6 * 24 * time.Hour
	for _, tt := range []struct {
		first, second time.Duration // after acceptance
		want          delivery.Outcome
	}{
		{7 * 24 * time.Hour, 0, delivery.Failed},
		{sixDays - 5*time.Second, 0, delivery.Failed},
		{sixDays - 5*time.Second + time.Millisecond, 0, delivery.Failed}, // the next would be late
		{0, sixDays, delivery.Failed},
		{0, sixDays + time.Millisecond, delivery.Cancelled},
	} {
		w := newEnv(t)
		w.sabotage.worker = noticing()
		w.receiver.responses = []delivery.Response{failing(500)}
		m := w.acceptOne(t, eventKeys[0])
		w.clock.Set(start.Add(tt.first))
		w.attempt(t, m, delivery.Failed)
		if tt.second > 0 {
			w.clock.Set(start.Add(tt.second))
			w.attempt(t, w.queue.take()[0], tt.want)
		} else if late := tt.first > sixDays-5*time.Second; w.record(t, m).Open() == late {
			t.Errorf("%+v: record %+v", tt, show(w.record(t, m)))
		}
		d := w.record(t, m)
		if d.Open() && d.Next.After(d.AcceptedAt.Add(sixDays)) {
			t.Errorf("%+v: an attempt is to come at %v", tt, d.Next)
		}
		if tt.want == delivery.Cancelled && (d.Reason != "given up after 6 days" || d.Attempts != 1 || d.Open() || d.Status != webhook.StatusFailed) {
			t.Errorf("record %+v", show(d))
		}
		if told := w.told(t); (len(told) > 0) == d.Open() {
			t.Errorf("%+v: the operator was told %q", tt, told)
		}
	}
}

// Timeout and ports are the API's.
func TestRequestOfEachAPI(t *testing.T) {
	for i, want := range []struct {
		timeout time.Duration
		ports   []uint16
	}{{15 * time.Second, nil}, {4 * time.Second, []uint16{80, 443, 8080, 8443}}, {15 * time.Second, nil}} {
		w := newEnv(t)
		w.attempt(t, w.acceptOne(t, eventKeys[i]), delivery.Delivered)
		if got := w.receiver.got[0]; got.Timeout != want.timeout || !slices.Equal(got.Ports, want.ports) {
			t.Errorf("%s: %v, ports %v; want %v", eventKeys[i].Account, got.Timeout, got.Ports, want)
		}
	}
}
