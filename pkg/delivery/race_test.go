package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// Two attempts of one number at the same time, by doubled messages, end as one
// failure, or as a success if one was.
func TestDoubledAttempts(t *testing.T) {
	ok, bad := delivery.Response{Status: 200}, failing(500)
	for name, tt := range map[string]doubled{
		"both fail":      {bad, bad, 1, webhook.StatusRetrying, 1},
		"both succeed":   {ok, ok, 1, webhook.StatusDelivered, 0},
		"failure first":  {bad, ok, 2, webhook.StatusDelivered, 0},
		"success first":  {ok, bad, 1, webhook.StatusDelivered, 0},
		"both are gone":  {failing(410), failing(410), 1, webhook.StatusFailed, 1},
		"gone, then bad": {failing(410), bad, 1, webhook.StatusFailed, 1},
	} {
		t.Run(name, func(t *testing.T) { doubledAttempt(t, newEnv(t), tt) })
	}
}

// doubled is two attempts of one number, and what they come to.
type doubled struct {
	inner, outer delivery.Response // inner begins later and ends first
	attempts     int64
	status       webhook.Status
	failures     int64
}

func doubledAttempt(t testing.TB, w *env, want doubled) {
	t.Helper()
	m := w.acceptOne(t, eventKeys[0])
	w.receiver.responses = []delivery.Response{want.outer, want.inner}
	w.receiver.during = func(delivery.Request) {
		w.receiver.during = nil
		if _, err := w.worker().Attempt(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.worker().Attempt(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	d := w.record(t, m)
	if d.Attempts != want.attempts || d.Status != want.status || w.receiver.count() != 2 {
		t.Errorf("record %+v", show(d))
	}
	if got := w.webhook(t, eventKeys[0]).Statistics.FailedAttempts; got != want.failures {
		t.Errorf("%d failed attempts, want %d", got, want.failures)
	}
	first, second := w.receiver.got[0], w.receiver.got[1]
	if first.Header["webhook-id"] != second.Header["webhook-id"] || string(first.Body) != string(second.Body) {
		t.Error("the two attempts differ")
	}
}

// A success is written though others keep coming first, within bounds; one that
// finds the record gone has nothing to write.
func TestSuccessOvertaken(t *testing.T) {
	for _, tt := range []struct {
		overtaken int
		gone      bool
		want      error
	}{{7, false, nil}, {8, false, webhook.ErrUnavailable}, {0, true, nil}} {
		w := newEnv(t)
		m := w.acceptOne(t, eventKeys[0])
		n := 0
		w.store.before = func(call string) error {
			switch {
			case call != "RecordAttempt":
			case tt.gone:
				return webhook.ErrNotFound
			case n < tt.overtaken:
				n++
				w.fail(t, m)
			}
			return nil
		}
		_, err := w.worker().Attempt(t.Context(), m)
		if !errors.Is(err, tt.want) {
			t.Errorf("%+v: error %v", tt, err)
		}
		if d := w.record(t, m); tt.want == nil && !tt.gone && (d.Status != webhook.StatusDelivered || d.Attempts != int64(tt.overtaken+1)) {
			t.Errorf("%+v: record %+v", tt, show(d))
		}
	}
}

// fail writes a failed attempt past the worker.
func (w *env) fail(tb testing.TB, m webhook.Message) {
	tb.Helper()
	was := w.record(tb, m)
	now := was
	now.Attempts++
	now.Status = webhook.StatusRetrying
	if _, err := w.store.Store.RecordAttempt(context.Background(), webhook.AttemptResult{Was: was, Now: now}); err != nil {
		tb.Fatal(err)
	}
}

// A failure whose record is gone, or has another result, is no error, and asks
// for no attempt.
func TestFailureOvertaken(t *testing.T) {
	for _, err := range []error{webhook.ErrNotFound, webhook.ErrChanged} {
		w := newEnv(t)
		m := w.acceptOne(t, eventKeys[0])
		w.receiver.responses = []delivery.Response{failing(500)}
		w.store.before = failOn(err, "RecordAttempt")
		w.attempt(t, m, delivery.Failed)
		if len(w.queue.take()) != 0 {
			t.Errorf("%v: another attempt was asked for", err)
		}
	}
}

// A result whose answer was lost stands: neither is its attempt made again, nor
// is the next one lost.
func TestResultResponseLost(t *testing.T) {
	w := newEnv(t)
	m := w.acceptOne(t, eventKeys[0])
	w.receiver.responses = []delivery.Response{failing(500), {Status: 200}}
	w.store.after = failOn(webhook.ErrUnknownOutcome, "RecordAttempt")
	if _, err := w.worker().Attempt(t.Context(), m); !errors.Is(err, webhook.ErrUnknownOutcome) {
		t.Fatalf("error %v", err)
	}
	w.store.after = nil
	w.attempt(t, m, delivery.Dropped) // the message comes back
	w.clock.Advance(5*time.Second + 2*time.Minute)
	w.deliverDue(t)
	if d := w.record(t, m); d.Status != webhook.StatusDelivered || d.Attempts != 2 {
		t.Errorf("record %+v", show(d))
	}
}

// Many workers, each with all messages twice: each delivery has its attempts,
// none of them is counted twice, and the statistics add up.
func TestWorkersAtOnce(t *testing.T) {
	w := newEnv(t)
	var events []webhook.Event
	for i := range 40 {
		events = append(events, event(eventKeys[0], fmt.Sprint(i)))
	}
	messages := w.accept(t, events...)
	w.receiver.responses = []delivery.Response{failing(500)}
	w.everyone(t, append(messages, messages...))
	if got := w.webhook(t, eventKeys[0]).Statistics; got.FailedAttempts != 40 || !got.LastFailedAt.Equal(start) || !got.LastSentAt.IsZero() {
		t.Errorf("after the failures %+v", got)
	}
	w.clock.Advance(5 * time.Second)
	w.receiver.responses = nil
	next := w.queue.take()
	w.everyone(t, append(next, next...))
	for _, m := range messages {
		if d := w.record(t, m); d.Status != webhook.StatusDelivered || d.Attempts != 2 {
			t.Errorf("record %+v", show(d))
		}
	}
	if got := w.webhook(t, eventKeys[0]).Statistics; got.FailedAttempts != 0 || !got.LastSentAt.Equal(start.Add(5*time.Second)) {
		t.Errorf("after the successes %+v", got)
	}
}

// everyone has all attempts made at once.
func (w *env) everyone(tb testing.TB, messages []webhook.Message) {
	tb.Helper()
	var all sync.WaitGroup
	for _, m := range messages {
		all.Go(func() {
			if _, err := w.worker().Attempt(context.Background(), m); err != nil {
				tb.Error(err)
			}
		})
	}
	all.Wait()
}
