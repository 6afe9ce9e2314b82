package delivery_test

import (
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// Squake's statistics: a failure adds one and has its time, a success sets
// them back and has its. The other APIs show none, so none are kept.
func TestStatistics(t *testing.T) {
	for _, s := range eventKeys {
		w := newEnv(t)
		w.receiver.responses = []delivery.Response{failing(500), failing(500), {Status: 200}}
		m := w.acceptOne(t, s)
		var want []webhook.Statistics
		for range 3 {
			at := w.clock.Now()
			if _, err := w.worker().Attempt(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			d := w.record(t, m)
			m = d.Message()
			w.clock.Set(d.Next)
			got := w.webhook(t, s).Statistics
			last := webhook.Statistics{}
			if len(want) > 0 {
				last = want[len(want)-1]
			}
			switch {
			case s != eventKeys[0]:
			case d.Status == webhook.StatusDelivered:
				last.LastSentAt, last.FailedAttempts = at, 0
			default:
				last.LastFailedAt = at
				last.FailedAttempts++
			}
			want = append(want, last)
			if got != last {
				t.Errorf("%s: after %d attempts %+v, want %+v", s.Account, len(want), got, last)
			}
		}
	}
}

// A success within a second of the one noted is not noted, unless there were
// failures.
func TestStatisticsSparing(t *testing.T) {
	for _, tt := range []struct {
		after  time.Duration
		failed bool
		noted  bool
	}{
		{time.Second - time.Millisecond, false, false},
		{time.Second, false, true},
		{-time.Minute, false, false}, // the clock was set back
		{time.Millisecond, true, true},
	} {
		w := newEnv(t)
		messages := w.accept(t, event(eventKeys[0], "1"), event(eventKeys[0], "2"), event(eventKeys[0], "3"))
		w.attempt(t, messages[0], delivery.Delivered)
		want := start
		if tt.failed {
			w.receiver.responses = []delivery.Response{failing(500)}
			w.attempt(t, messages[1], delivery.Failed)
			w.receiver.responses = nil
		}
		w.clock.Advance(tt.after)
		m := messages[2]
		if tt.after < 0 { // it is not early for that
			m = w.accept(t, event(eventKeys[0], "4"))[0]
		}
		w.attempt(t, m, delivery.Delivered)
		if tt.noted {
			want = start.Add(tt.after)
		}
		if got := w.webhook(t, eventKeys[0]).Statistics; !got.LastSentAt.Equal(want) || got.FailedAttempts != 0 {
			t.Errorf("%+v: %+v, want LastSentAt %v", tt, got, want)
		}
	}
}

// What is delivered to a webhook that was registered anew meanwhile, or whose
// event moved, does not count for the one that stands there.
func TestStatisticsOfAnother(t *testing.T) {
	for _, response := range []delivery.Response{failing(500), {Status: 200}} {
		w := newEnv(t)
		m := w.acceptOne(t, eventKeys[0])
		w.receiver.responses = []delivery.Response{response}
		w.receiver.during = func(delivery.Request) {
			w.remove(t, eventKeys[0])
			w.register(t, eventKeys[0], "w9")
		}
		if _, err := w.worker().Attempt(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if got := w.webhook(t, eventKeys[0]).Statistics; got != (webhook.Statistics{}) {
			t.Errorf("after %+v: %+v", response, got)
		}
	}
}
