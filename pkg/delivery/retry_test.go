package delivery_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

func (w *env) retrier() *delivery.Retrier {
	return delivery.NewRetrier(w.store, w.queue, w.clock.Now)
}

// Whatever became of a delivery, it can be attempted once more, at once, as
// the same delivery; where attempts are left the schedule goes on.
func TestRetry(t *testing.T) {
	s := eventKeys[1] // three attempts
	for name, tt := range map[string]struct {
		attempts int
		status   webhook.Status
		prepare  func(*testing.T, *env)
		more     bool // another attempt comes after the retry, if that fails
	}{
		"never attempted": {0, webhook.StatusPending, nil, true},
		"waiting":         {1, webhook.StatusRetrying, nil, true},
		"failed":          {3, webhook.StatusRetrying, nil, false},
		"delivered":       {1, webhook.StatusDelivered, func(_ *testing.T, w *env) { w.receiver.responses = nil }, true},
		"cancelled": {1, webhook.StatusRetrying, func(t *testing.T, w *env) {
			w.edit(t, s, func(h *webhook.Webhook) { h.Disabled = true })
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			w.receiver.responses = []delivery.Response{failing(500)}
			m := w.acceptOne(t, s)
			if tt.prepare != nil && name == "delivered" {
				tt.prepare(t, w)
			}
			for range tt.attempts {
				if _, err := w.worker().Attempt(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				d := w.record(t, m)
				if m = d.Message(); d.Open() {
					w.clock.Set(d.Next)
				}
			}
			if name == "cancelled" {
				tt.prepare(t, w)
				w.attempt(t, m, delivery.Cancelled)
				w.edit(t, s, func(h *webhook.Webhook) { h.Disabled = false })
			}
			w.clock.Advance(time.Minute)
			w.queue.take()
			id := m.ID
			got, err := w.retrier().Retry(t.Context(), s.Account, id)
			if err != nil {
				t.Fatal(err)
			}
			now := w.clock.Now()
			if d := w.record(t, m); !d.Open() || !d.Next.Equal(now) || !d.Due.Equal(now.Add(2*time.Minute)) || d.Attempts != int64(tt.attempts) ||
				d.Status != tt.status || !got.Next.Equal(d.Next) || got.Attempts != d.Attempts {
				t.Errorf("record %+v, returned %+v", show(d), show(got))
			}
			sent := w.queue.take()
			if len(sent) != 1 || sent[0].ID != id || sent[0].Attempt != int64(tt.attempts+1) || !sent[0].At.Equal(now) || sent[0].Fast {
				t.Fatalf("messages %+v", sent)
			}
			w.receiver.responses = []delivery.Response{failing(500)}
			w.attempt(t, sent[0], delivery.Failed)
			if d := w.record(t, m); d.Attempts != int64(tt.attempts+1) || d.Open() != tt.more || d.Status == webhook.StatusRetrying != tt.more || !tt.more && d.Status != webhook.StatusFailed {
				t.Errorf("after the retry %+v", show(d))
			}
			for _, request := range w.receiver.got {
				if request.Header["webhook-id"] != id {
					t.Errorf("webhook-id %s", request.Header["webhook-id"])
				}
			}
		})
	}
}

// A retry takes the place of the attempt that was to come: its message is
// stale then.
func TestRetryInsteadOfNext(t *testing.T) {
	w := newEnv(t)
	w.receiver.responses = []delivery.Response{failing(500), failing(500), {Status: 200}}
	w.attempt(t, w.acceptOne(t, eventKeys[0]), delivery.Failed)
	waiting := w.queue.take()[0]
	if _, err := w.retrier().Retry(t.Context(), waiting.Account, waiting.ID); err != nil {
		t.Fatal(err)
	}
	w.attempt(t, w.queue.take()[0], delivery.Failed)
	w.clock.Set(waiting.At)
	w.attempt(t, waiting, delivery.Dropped)
	w.clock.Set(w.record(t, waiting).Next)
	w.attempt(t, w.queue.take()[0], delivery.Delivered)
}

// What is sent by nobody is swept.
func TestRetryNotSent(t *testing.T) {
	for name, prepare := range map[string]func(*env){
		"no room": func(w *env) { w.queue.refuses[eventKeys[0]] = true },
		"fails":   func(w *env) { w.queue.err = errFault },
	} {
		w := newEnv(t)
		m := w.acceptOne(t, eventKeys[0])
		w.attempt(t, m, delivery.Delivered)
		prepare(w)
		if _, err := w.retrier().Retry(t.Context(), m.Account, m.ID); err != nil || len(w.queue.take()) != 0 {
			t.Fatalf("%s: %v", name, err)
		}
		w.queue.refuses, w.queue.err = nil, nil
		w.clock.Set(w.record(t, m).Due)
		if w.deliverDue(t); w.receiver.count() != 2 {
			t.Errorf("%s: %d attempts", name, w.receiver.count())
		}
	}
}

func TestRetryRefused(t *testing.T) {
	s := eventKeys[0]
	const sixDays = 6 * 24 * time.Hour
	for name, tt := range map[string]struct {
		prepare func(*testing.T, *env)
		want    error
		says    string
	}{
		"deleted":  {func(t *testing.T, w *env) { w.remove(t, s) }, webhook.ErrInvalid, "it would be cancelled: the webhook was deleted or moved"},
		"disabled": {func(t *testing.T, w *env) { w.edit(t, s, func(h *webhook.Webhook) { h.Disabled = true }) }, webhook.ErrInvalid, "it would be cancelled: the webhook is disabled"},
		"closing":  {func(t *testing.T, w *env) { w.closeAccount(t, s.Account, false) }, webhook.ErrInvalid, "it would be cancelled: the account was deleted"},
		"old":      {func(_ *testing.T, w *env) { w.clock.Advance(sixDays + time.Millisecond) }, webhook.ErrInvalid, "it was accepted more than 6 days ago"},
		"in time":  {func(_ *testing.T, w *env) { w.clock.Advance(sixDays) }, nil, ""},
		"read":     {func(_ *testing.T, w *env) { w.store.before = failOn(errFault, "Delivery") }, errFault, "a fault"},
		"targets":  {func(_ *testing.T, w *env) { w.store.before = failOn(errFault, "Recipients") }, errFault, "a fault"},
		"write":    {func(_ *testing.T, w *env) { w.store.before = failOn(errFault, "RecordAttempt") }, errFault, "a fault"},
		"overtaken": {func(t *testing.T, w *env) {
			w.store.before = func(call string) error {
				if call == "RecordAttempt" {
					w.fail(t, webhook.Message{Account: s.Account, ID: event(s, "1").DeliveryID()})
				}
				return nil
			}
		}, webhook.ErrChanged, "changed since it was read"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			m := w.acceptOne(t, s)
			w.receiver.responses = []delivery.Response{failing(500)}
			w.attempt(t, m, delivery.Failed)
			w.queue.take()
			tt.prepare(t, w)
			before := w.record(t, m)
			got, err := w.retrier().Retry(t.Context(), s.Account, m.ID)
			if tt.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, tt.want) || !strings.HasPrefix(err.Error(), "retry delivery "+m.ID+" of squake:acme: ") || !strings.HasSuffix(err.Error(), tt.says) {
				t.Errorf("error %v, want %s", err, tt.says)
			}
			if after := w.record(t, m); !after.Next.Equal(before.Next) && name != "overtaken" || got.Event != "" || len(w.queue.take()) != 0 {
				t.Errorf("record %+v, returned %+v", show(after), show(got))
			}
		})
	}
	w := newEnv(t)
	if _, err := w.retrier().Retry(t.Context(), s.Account, event(s, "1").DeliveryID()); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}
