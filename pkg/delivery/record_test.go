package delivery_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// 2xx is success, whoever says otherwise; all else is a failure with a reason.
func TestOnly2xxIsSuccess(t *testing.T) {
	for _, tt := range []struct {
		response delivery.Response
		reason   string // empty: success
	}{
		{delivery.Response{Status: 200}, ""},
		{delivery.Response{Status: 204}, ""},
		{delivery.Response{Status: 299}, ""},
		{delivery.Response{Status: 199}, "no success"},
		{delivery.Response{Status: 300}, "no success"},
		{delivery.Response{}, "no success"},
		{delivery.Response{Status: 200, Reason: "reset"}, "reset"},
		{failing(301), "answered 301"},
		{failing(404), "answered 404"},
		{delivery.Response{Status: 500, Reason: "answered 500", Body: "\xff\x00why"}, "answered 500"},
		{delivery.Response{Reason: "timed out"}, "timed out"},
	} {
		w := newEnv(t)
		m := w.acceptOne(t, eventKeys[0])
		w.receiver.responses = []delivery.Response{tt.response}
		w.receiver.interval = 1234567 * time.Nanosecond
		want := webhook.Delivery{Status: webhook.StatusDelivered}
		outcome := delivery.Delivered
		if tt.reason != "" {
			want.Status, outcome = webhook.StatusRetrying, delivery.Failed
		}
		w.attempt(t, m, outcome)
		d := w.record(t, m)
		if d.Status != want.Status || d.Reason != tt.reason || d.StatusCode != tt.response.Status || d.Attempts != 1 ||
			!d.AttemptedAt.Equal(start) || d.Open() != (tt.reason != "") {
			t.Errorf("%+v: record %+v", tt.response, show(d))
		}
		listed, err := w.store.Attempts(t.Context(), d)
		if err != nil || len(listed) != 1 || listed[0].Number != 1 || !listed[0].At.Equal(start) || listed[0].Duration != time.Millisecond ||
			listed[0].StatusCode != tt.response.Status || listed[0].Reason != tt.reason || string(listed[0].Response) != tt.response.Body {
			t.Errorf("%+v: kept %+v, %v", tt.response, listed, err)
		}
		line := fmt.Sprintf(`"delivery":%q,"attempt":1,"status":%d,"duration_ms":1.234`, m.ID, tt.response.Status)
		if tt.reason != "" {
			line += `,"reason":"` + tt.reason + `","final":false`
		}
		if log := w.log.String(); !strings.Contains(log, line+"}") {
			t.Errorf("log %s lacks %s", log, line)
		}
	}
}

// schedules are those of docs/contracts, delays after the end of the previous
// attempt.
var schedules = map[webhook.Account][]time.Duration{
	squakeAccount:  tenAttempts,
	shoptetAccount: {15 * time.Minute, 15 * time.Minute},
	abbeyAccount:   tenAttempts,
}

var tenAttempts = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Each API's schedule is kept to the second, from the end of an attempt to the
// next; the last failure is final.
func TestSchedules(t *testing.T) {
	for _, s := range eventKeys {
		for _, jitter := range []float64{0, 0.999999} {
			w := newEnv(t)
			w.jitter = jitter
			keepsSchedule(t, w, s)
		}
	}
}

func keepsSchedule(t testing.TB, w *env, s webhook.EventKey) {
	t.Helper()
	w.receiver.responses = []delivery.Response{failing(500)}
	w.receiver.interval = 3 * time.Second
	m := w.acceptOne(t, s)
	for i, delay := range schedules[s.Account] {
		w.attempt(t, m, delivery.Failed)
		d := w.record(t, m)
		base := w.clock.Now().Add(delay)
		if late := d.Next.Sub(base); late < 0 || late > delay/10+time.Millisecond || w.jitter == 0 && late != 0 {
			t.Errorf("%s: after attempt %d the next is %v late", s.Account, i+1, late)
		}
		if !d.Open() || d.Status != webhook.StatusRetrying || d.Attempts != int64(i+1) {
			t.Fatalf("%s: record %+v", s.Account, show(d))
		}
		checkNextMessage(t, w, d)
		m = d.Message()
		w.clock.Set(d.Next)
	}
	w.attempt(t, m, delivery.Failed)
	d := w.record(t, m)
	if d.Open() || !d.Next.IsZero() || !d.Due.IsZero() || d.Attempts != int64(len(schedules[s.Account])+1) || d.Status != webhook.StatusFailed {
		t.Errorf("%s: in the end %+v", s.Account, show(d))
	}
	if log := w.log.String(); strings.Count(log, `"final":true`) != 1 {
		t.Errorf("log %s", log)
	}
	if left := w.queue.take(); len(left) != 0 {
		t.Errorf("%s: asked for %+v", s.Account, left)
	}
}

// checkNextMessage: what comes within 15 minutes is asked for and has a lease,
// what comes later is the sweeper's.
func checkNextMessage(t testing.TB, w *env, d webhook.Delivery) {
	t.Helper()
	sent := w.queue.take()
	if d.Next.Sub(w.clock.Now()) > delivery.MaxDelay {
		if len(sent) != 0 || !d.Due.Equal(d.Next) {
			t.Errorf("an attempt far ahead was asked for: %+v, %+v", sent, d)
		}
		return
	}
	if len(sent) != 1 || sent[0] != d.Message() || !d.Due.Equal(d.Next.Add(2*time.Minute)) {
		t.Errorf("messages %+v of %+v", sent, show(d))
	}
}

// Overload and Retry-After push the next attempt back, and never draw it near.
func TestPushedBack(t *testing.T) {
	for _, tt := range []struct {
		status     int
		retryAfter time.Duration
		first      time.Duration // the wait after the first attempt
		second     time.Duration
	}{
		{500, 0, 5 * time.Second, 5 * time.Minute},
		{429, 0, time.Minute, 5 * time.Minute},
		{502, 0, time.Minute, 5 * time.Minute},
		{503, 0, time.Minute, 5 * time.Minute},
		{504, 0, time.Minute, 5 * time.Minute},
		{501, 0, 5 * time.Second, 5 * time.Minute},
		{503, 30 * time.Second, time.Minute, 5 * time.Minute},
		{429, 10 * time.Minute, 10 * time.Minute, 10 * time.Minute},
		{500, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour},
		{0, time.Second, 5 * time.Second, 5 * time.Minute},
	} {
		for _, jitter := range []float64{0, 0.999999} {
			w := newEnv(t)
			w.jitter = jitter
			response := failing(tt.status)
			response.RetryAfter = tt.retryAfter
			w.receiver.responses = []delivery.Response{response}
			m := w.acceptOne(t, eventKeys[0])
			for _, wait := range []time.Duration{tt.first, tt.second} {
				w.attempt(t, m, delivery.Failed)
				d := w.record(t, m)
				got := d.Next.Sub(w.clock.Now())
				if most := wait + wait/10; got < wait || got > most || jitter > 0 && got < wait+wait*99/1000 {
					t.Errorf("%+v: the next comes after %v, want %v to %v", tt, got, wait, most)
				}
				w.clock.Set(d.Next)
				m = d.Message()
			}
		}
	}
}

// A time between milliseconds is rounded up: no attempt comes too early.
func TestNextRoundedUp(t *testing.T) {
	w := newEnv(t)
	w.receiver.responses = []delivery.Response{failing(500)}
	w.receiver.interval = time.Nanosecond
	m := w.acceptOne(t, eventKeys[0])
	w.attempt(t, m, delivery.Failed)
	if got, want := w.record(t, m).Next, start.Add(5*time.Second+time.Millisecond); !got.Equal(want) {
		t.Errorf("next %v, want %v", got, want)
	}
}

// Where there is no room for the next message, or the queue fails, it is left
// to the sweeper: at once, or when the lease is over.
func TestNextNotSent(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*env)
		due     time.Duration
		logged  bool
	}{
		"no room": {func(w *env) { w.queue.refuses[eventKeys[0]] = true }, 5 * time.Second, false},
		"fails":   {func(w *env) { w.queue.err = errFault }, 125 * time.Second, true},
	} {
		w := newEnv(t)
		w.receiver.responses = []delivery.Response{failing(500), {Status: 200}}
		m := w.acceptOne(t, eventKeys[0])
		tt.prepare(w)
		w.attempt(t, m, delivery.Failed)
		if d := w.record(t, m); !d.Due.Equal(start.Add(tt.due)) || len(w.queue.take()) != 0 {
			t.Errorf("%s: record %+v", name, show(d))
		}
		if log := w.log.String(); strings.Contains(log, "the message of the next attempt was not sent") != tt.logged {
			t.Errorf("%s: log %s", name, log)
		}
		w.queue.refuses, w.queue.err = nil, nil
		w.clock.Advance(tt.due)
		if w.deliverDue(t); w.record(t, m).Status != webhook.StatusDelivered {
			t.Errorf("%s: record %+v", name, show(w.record(t, m)))
		}
	}
}
