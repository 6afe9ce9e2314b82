package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// inVirtualTime runs a test on an env in virtual time.
func inVirtualTime(t *testing.T, test func(*testing.T, *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := emptyEnv(t, fakeStart)
		w.populate(t)
		w.receiver.now = time.Now
		test(t, w)
	})
}

// lasting has the receiver take so long for its next answers.
func (w *env) lasting(d time.Duration, response delivery.Response) {
	w.receiver.responses = []delivery.Response{response}
	w.receiver.during = func(delivery.Request) { <-faketime.After(d) }
}

// publishNow publishes an event that happens now and returns its message.
func (w *env) publishNow(tb testing.TB, s webhook.EventKey, id string) webhook.Message {
	tb.Helper()
	e := event(s, id)
	e.Time = time.Now()
	r := w.publisher(func(c *delivery.PublisherConfig) { c.Now = time.Now }).Publish(context.Background(), []webhook.Event{e})
	messages := w.queue.take()
	if r[0].Status != delivery.Accepted || len(messages) != 1 {
		tb.Fatalf("%+v, %d messages", r, len(messages))
	}
	return messages[0]
}

// attemptNow has an attempt made that takes its time.
func (w *env) attemptNow(tb testing.TB, m webhook.Message, change ...func(*delivery.WorkerConfig)) {
	tb.Helper()
	change = append(change, func(c *delivery.WorkerConfig) { c.Now = time.Now })
	if _, err := w.worker(change...).Attempt(context.Background(), m); err != nil {
		tb.Fatal(err)
	}
}

// A webhook is slow from two seconds into an attempt on, whatever becomes of
// it, and until a quick success. What changes nothing is not written. How long
// the attempt took does not count how long it takes to write.
func TestSlowSince(t *testing.T) {
	since := fakeStart.Add(-time.Hour)
	for name, tt := range map[string]struct {
		was      time.Time
		lasts    time.Duration
		response delivery.Response
		want     time.Time
		writes   int
	}{
		"a quick success":             {lasts: 1999 * time.Millisecond, response: delivery.Response{Status: 200}},
		"a quick failure":             {lasts: time.Second, response: failing(500)},
		"a slow success":              {lasts: 2001 * time.Millisecond, response: delivery.Response{Status: 200}, want: fakeStart, writes: 1},
		"a slow failure":              {lasts: 10 * time.Second, response: failing(500), want: fakeStart, writes: 1},
		"no answer":                   {lasts: 15 * time.Second, response: delivery.Response{Reason: "timed out"}, want: fakeStart, writes: 1},
		"slow, then a quick success":  {was: since, lasts: time.Second, response: delivery.Response{Status: 204}, writes: 1},
		"slow, then a quick failure":  {was: since, lasts: time.Second, response: failing(500), want: since},
		"slow, then a quick redirect": {was: since, lasts: time.Second, response: failing(302), want: since},
		"slow, then gone":             {was: since, lasts: time.Second, response: failing(410), want: since},
		"slow, then a slow success":   {was: since, lasts: 3 * time.Second, response: delivery.Response{Status: 200}, want: since},
		"slow, and slow again":        {was: since, lasts: 15 * time.Second, response: delivery.Response{Reason: "timed out"}, want: since},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, w *env) {
				s := eventKeys[0]
				if err := w.store.Store.SetSlow(t.Context(), w.webhook(t, s), tt.was); err != nil {
					t.Fatal(err)
				}
				writes := 0
				w.store.before = func(call string) error {
					if call == "SetSlow" {
						writes++
						<-faketime.After(time.Second) // which the attempt waits for
					}
					if call == "RecordAttempt" {
						<-faketime.After(time.Second)
					}
					return nil
				}
				w.lasting(tt.lasts, tt.response)
				m := w.publishNow(t, s, "1")
				if m.Fast != tt.was.IsZero() {
					t.Errorf("fast: %t, slow since %v", m.Fast, tt.was)
				}
				var seen delivery.Observation
				w.attemptNow(t, m, func(c *delivery.WorkerConfig) { c.Observe = func(o delivery.Observation) { seen = o } })
				listed, err := w.store.Attempts(t.Context(), w.record(t, m))
				logged := fmt.Sprintf(`"duration_ms":%d`, tt.lasts.Milliseconds())
				if err != nil || len(listed) != 1 || listed[0].Duration != tt.lasts || seen.Duration != tt.lasts || !strings.Contains(w.log.String(), logged) {
					t.Errorf("kept %+v, %v, observed %v, want %v; log:\n%s", listed, err, seen.Duration, tt.lasts, w.log)
				}
				got := w.webhook(t, s)
				if !got.SlowSince.Equal(tt.want) || writes != tt.writes {
					t.Errorf("slow since %v after %d writes, want %v after %d", got.SlowSince, writes, tt.want, tt.writes)
				}
				if got.Version != 1 && got.DisabledReason == "" {
					t.Errorf("version %d, want 1", got.Version)
				}
			})
		})
	}
}

// keepsLanes follows a webhook that hangs and recovers. Whatever is published
// from two seconds into its first attempt until its first quick success is not
// for the fast lane, and neither is a later attempt or what the sweeper sends.
func keepsLanes(tb testing.TB, w *env) {
	tb.Helper()
	s, other := eventKeys[0], eventKeys[2]
	expect := func(when string, m webhook.Message, fast bool) {
		tb.Helper()
		if m.Fast != fast {
			tb.Errorf("%s: attempt %d is for the fast lane: %t, want %t", when, m.Attempt, m.Fast, fast)
		}
	}
	first := w.publishNow(tb, s, "first")
	expect("nothing known", first, true)
	w.receiver.responses = []delivery.Response{{Reason: "timed out"}}
	w.receiver.during = func(delivery.Request) {
		<-faketime.After(1500 * time.Millisecond)
		expect("early on", w.publishNow(tb, s, "early"), true)
		<-faketime.After(time.Second)
		expect("while it hangs", w.publishNow(tb, s, "late"), false)
		expect("another webhook", w.publishNow(tb, other, "other"), true)
		<-faketime.After(12 * time.Second)
	}
	w.attemptNow(tb, first)
	retry := w.queue.take()
	if len(retry) != 1 || retry[0].Attempt != 2 {
		tb.Fatalf("%+v is sent for, want attempt 2", retry)
	}
	expect("a later attempt", retry[0], false)
	<-faketime.After(30 * 24 * time.Hour)
	expect("a month later", w.publishNow(tb, s, "rare"), false)
	<-faketime.After(5 * time.Minute)
	if _, err := w.sweeper(func(c *delivery.SweeperConfig) { c.Now = time.Now }).Sweep(context.Background(), time.Time{}); err != nil {
		tb.Fatal(err)
	}
	swept := w.queue.take()
	if len(swept) < 4 {
		tb.Errorf("%d messages are swept, want those of all that was published", len(swept))
	}
	for _, m := range swept {
		expect("swept", m, false)
	}
	w.lasting(time.Second, delivery.Response{Status: 200})
	w.attemptNow(tb, w.publishNow(tb, s, "good"))
	expect("after a quick success", w.publishNow(tb, s, "last"), true)
}

func TestLanesAreKept(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *env) { keepsLanes(t, w) })
}

// An attempt that was cut off by the end of its process has said that the
// webhook is slow, and counts for nothing else.
func TestInterruptedAttemptIsSlow(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *env) {
		w.lasting(5*time.Second, delivery.Response{Interrupted: true})
		m := w.publishNow(t, eventKeys[0], "1")
		if _, err := w.worker(func(c *delivery.WorkerConfig) { c.Now = time.Now }).Attempt(t.Context(), m); err == nil {
			t.Fatal("no error")
		}
		if got := w.webhook(t, eventKeys[0]); got.SlowSince.IsZero() {
			t.Error("nobody knows that it is slow")
		}
		if d := w.record(t, m); d.Attempts != 0 {
			t.Errorf("%d attempts, want 0", d.Attempts)
		}
	})
}

// Whether a webhook is slow is a hint: an attempt does not fail with it. What
// was changed meanwhile is not slow, since the attempt was made to what it was.
func TestSlowSinceIsNotWritten(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(testing.TB, *env)
		err   error // of the table
	}{
		"the table fails": {func(testing.TB, *env) {}, webhook.ErrUnavailable},
		"another URL": {func(tb testing.TB, w *env) {
			w.edit(tb, eventKeys[0], func(w *webhook.Webhook) { w.URL = "https://new.example/" })
		}, nil},
		"deleted": {func(tb testing.TB, w *env) { w.remove(tb, eventKeys[0]) }, nil},
		"noted by another": {func(tb testing.TB, w *env) {
			hook := w.webhook(tb, eventKeys[0])
			if err := w.store.Store.SetSlow(context.Background(), hook, fakeStart); err != nil {
				tb.Fatal(err)
			}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, w *env) {
				w.store.before = failOn(tt.err, "SetSlow")
				m := w.publishNow(t, eventKeys[0], "1")
				w.receiver.during = func(delivery.Request) {
					<-faketime.After(time.Second)
					tt.spoil(t, w)
					<-faketime.After(2 * time.Second)
				}
				w.attemptNow(t, m)
				if d := w.record(t, m); d.Status != webhook.StatusDelivered {
					t.Errorf("%+v, want a delivered one", d)
				}
				if hook, err := w.store.Webhook(t.Context(), eventKeys[0].Account, eventKeys[0].Event); err == nil && name != "noted by another" && !hook.SlowSince.IsZero() {
					t.Errorf("slow since %v", hook.SlowSince)
				}
				if got := strings.Contains(w.log.String(), "is slow was not written"); got != (tt.err != nil) {
					t.Errorf("logged: %t: %s", got, w.log.String())
				}
			})
		})
	}
}
