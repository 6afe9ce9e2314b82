package delivery_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// A failure adds one and has its time, a success sets them back and has its.
// For Squake, which shows them, every failure counts; for the others one a
// minute does.
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
			case d.Status == webhook.StatusDelivered:
				last.LastSentAt, last.FailedAttempts, last.Since, last.LastStatus = at, 0, at, 200
			case s == eventKeys[0] || last.FailedAttempts == 0 || at.Sub(last.LastFailedAt) >= time.Minute:
				if last.FailedAttempts++; last.FailedAttempts == 1 {
					last.Since = at
				}
				last.LastFailedAt, last.LastStatus = at, 500
			}
			want = append(want, last)
			if got != last {
				t.Errorf("%s: after %d attempts %+v, want %+v", s.Account, len(want), got, last)
			}
		}
	}
}

// A success within a second of the one noted is not noted, unless there were
// failures, or the operator is to be told that it works again; within an hour
// for the APIs that show no statistics.
func TestStatisticsSparing(t *testing.T) {
	for _, tt := range []struct {
		of     int
		after  time.Duration
		failed bool
		told   bool
		noted  bool
	}{
		{0, time.Second - time.Millisecond, false, false, false},
		{0, time.Second, false, false, true},
		{0, -time.Minute, false, false, false}, // the clock was set back
		{0, time.Millisecond, true, false, true},
		{0, time.Millisecond, false, true, true},
		{1, time.Hour - time.Millisecond, false, false, false},
		{1, time.Hour, false, false, true},
		{2, time.Hour, false, false, true},
		{2, time.Millisecond, true, false, true},
	} {
		w, s := newEnv(t), eventKeys[tt.of]
		messages := w.accept(t, event(s, "1"), event(s, "2"), event(s, "3"))
		w.attempt(t, messages[0], delivery.Delivered)
		want := start
		if tt.failed {
			w.receiver.responses = []delivery.Response{failing(500)}
			w.attempt(t, messages[1], delivery.Failed)
			w.receiver.responses = nil
		}
		if tt.told {
			was := w.webhook(t, s)
			now, notice := was, was.Notice("n1", webhook.NoticeDisabled, start)
			now.Disabled, now.Version = true, was.Version+1
			change := webhook.Change{Was: []webhook.Webhook{was}, Now: []webhook.Webhook{now}, Notice: &notice}
			if err := w.store.Change(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			w.edit(t, s, func(h *webhook.Webhook) { h.Disabled = false })
		}
		w.clock.Advance(tt.after)
		m := messages[2]
		if tt.after < 0 { // it is not early for that
			m = w.accept(t, event(s, "4"))[0]
		}
		w.attempt(t, m, delivery.Delivered)
		if tt.noted {
			want = start.Add(tt.after)
		}
		if got := w.webhook(t, s).Statistics; !got.LastSentAt.Equal(want) || got.FailedAttempts != 0 {
			t.Errorf("%+v: %+v, want LastSentAt %v", tt, got, want)
		}
	}
}

// What is delivered to a webhook that was registered anew meanwhile, or whose
// event moved, does not count for the one that stands there, even if the
// delivery was directed to that.
func TestStatisticsOfAnother(t *testing.T) {
	for _, response := range []delivery.Response{failing(500), {Status: 200}} {
		for name, meanwhile := range map[string]func(*env, webhook.Message){
			"registered anew":    func(*env, webhook.Message) {},
			"retried":            func(w *env, m webhook.Message) { w.retry(t, m) },
			"failed and retried": func(w *env, m webhook.Message) { w.fail(t, m); w.retry(t, m) },
		} {
			w := newEnv(t)
			m := w.acceptOne(t, eventKeys[0])
			w.receiver.responses = []delivery.Response{response}
			w.receiver.during = func(delivery.Request) {
				w.remove(t, eventKeys[0])
				w.register(t, eventKeys[0], "w9")
				w.clock.Advance(time.Second)
				meanwhile(w, m)
			}
			if _, err := w.worker().Attempt(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if got := w.webhook(t, eventKeys[0]).Statistics; got != (webhook.Statistics{}) {
				t.Errorf("%s, after %+v: %+v", name, response, got)
			}
		}
	}
}

// retry has the operator ask for another attempt.
func (w *env) retry(tb testing.TB, m webhook.Message) {
	tb.Helper()
	if _, err := w.retrier().Retry(context.Background(), m.Account, m.ID); err != nil {
		tb.Fatal(err)
	}
}
