package delivery_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/internal/test/needed"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

func (w *env) testerConfig() delivery.TesterConfig {
	return delivery.TesterConfig{
		Store: w.store, Queue: w.queue, Sendings: w.sendings, Now: w.clock.Now, NewID: func() (string, error) { return setup().Keys.UUID() },
	}
}

// test makes a test delivery to the webhook of an event key, and gives its
// message.
func (w *env) test(tb testing.TB, s webhook.EventKey) webhook.Message {
	tb.Helper()
	w.queue.take()
	d, err := delivery.NewTester(w.testerConfig()).Test(context.Background(), s.Account, w.webhook(tb, s).ID, s.Event)
	if err != nil {
		tb.Fatal(err)
	}
	messages := w.queue.take()
	if len(messages) != 1 || messages[0] != d.Message() || messages[0].Fast || !messages[0].Test {
		tb.Fatalf("messages %+v, want one of a test that is not fast", messages)
	}
	return messages[0]
}

// A test is a sample of the event, signed as every delivery of its API.
func TestTest(t *testing.T) {
	w := newEnv(t)
	for i, key := range []string{squakeKey, shoptetKey, abbeyKey} {
		s := eventKeys[i]
		m := w.test(t, s)
		d := w.record(t, m)
		payload, instance := w.sendings[s.Account.API].Sample(s.Event)
		if !d.Test || d.Instance != instance || string(d.Payload) != string(payload) || d.Status != webhook.StatusPending || !d.Due.Equal(d.Next.Add(2*time.Minute)) {
			t.Errorf("%+v", show(d))
		}
		w.attempt(t, m, delivery.Delivered)
		request := w.receiver.got[i]
		body, err := w.sendings[s.Account.API].Body(d, w.webhook(t, s))
		if err := errors.Join(err, verify(t, request, key)); err != nil || string(request.Body) != string(body) || request.Header["webhook-id"] != m.ID {
			t.Errorf("%v, %s, headers %v", err, request.Body, request.Header)
		}
	}
	if again := w.test(t, eventKeys[0]); again.ID == w.receiver.got[0].Header["webhook-id"] {
		t.Error("the second test is the first one")
	}
}

// acceptNow publishes an event that happens now and gives its message.
func (w *env) acceptNow(tb testing.TB, s webhook.EventKey) webhook.Message {
	tb.Helper()
	e := event(s, "1")
	e.Time = w.clock.Now()
	return w.accept(tb, e)[0]
}

// failing has the webhook of an event key fail.
func (w *env) failing(tb testing.TB, s webhook.EventKey) {
	tb.Helper()
	w.receiver.responses = []delivery.Response{failing(500)}
	w.attempt(tb, w.acceptNow(tb, s), delivery.Failed)
}

// leavesNoTrace tests a webhook. Nothing of what is kept may change by it, and
// no other attempt may come, whatever the response.
func leavesNoTrace(tb testing.TB, w *env, s webhook.EventKey, response delivery.Response) {
	tb.Helper()
	type trace struct {
		Webhook webhook.Webhook
		Failing []webhook.Webhook
		Notices []webhook.Notice
	}
	look := func() (now trace) {
		tb.Helper()
		var errs [2]error
		now.Webhook = w.webhook(tb, s)
		now.Failing, _, errs[0] = w.store.Failing(context.Background(), s.Account.API, "", 100)
		now.Notices, errs[1] = w.store.Notices(context.Background(), "", 100)
		if err := errors.Join(errs[:]...); err != nil {
			tb.Fatal(err)
		}
		return now
	}
	before := look()
	w.receiver.responses, w.receiver.got = []delivery.Response{response}, nil
	m := w.test(tb, s)
	measured := func(c *delivery.WorkerConfig) {
		c.Observe = func(o delivery.Observation) { tb.Errorf("measured: %+v", o) }
	}
	if _, err := w.worker(noticing(), measured).Attempt(context.Background(), m); err != nil {
		tb.Fatal(err)
	}
	if diff := cmp.Diff(before, look()); diff != "" {
		tb.Errorf("changed (-was +is):\n%s", diff)
	}
	want := webhook.StatusDelivered
	if response.Reason != "" {
		want = webhook.StatusFailed
	}
	d := w.record(tb, m)
	attempts, err := w.store.Attempts(context.Background(), d)
	if d.Open() || d.Status != want || !d.Test || err != nil || len(attempts) != 1 ||
		attempts[0].StatusCode != response.Status || attempts[0].Reason != response.Reason || string(attempts[0].Response) != response.Body {
		tb.Errorf("%s with attempts %+v, %v", show(d), attempts, err)
	}
	w.clock.Advance(7 * 24 * time.Hour)
	w.sweep(tb)
	if more := w.queue.take(); slices.ContainsFunc(more, func(n webhook.Message) bool { return n.ID == m.ID }) {
		tb.Errorf("it is attempted again: %+v", more)
	}
}

// Of a test nothing is noted but its own record: no state, statistics or
// slowness, no notice, no failing webhook, no disabled one.
func TestTestLeavesNoTrace(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, *env, webhook.EventKey){
		"never called": func(*testing.T, *env, webhook.EventKey) {},
		"healthy": func(t *testing.T, w *env, s webhook.EventKey) {
			w.receiver.responses = nil
			w.attempt(t, w.acceptNow(t, s), delivery.Delivered)
		},
		"failing": func(t *testing.T, w *env, s webhook.EventKey) { w.failing(t, s) },
		"failing, told": func(t *testing.T, w *env, s webhook.EventKey) {
			w.failing(t, s)
			if err := w.store.Tell(t.Context(), w.webhook(t, s).Notice("n-"+s.Event, webhook.NoticeExhausted, w.clock.Now())); err != nil {
				t.Fatal(err)
			}
		},
		"slow": func(t *testing.T, w *env, s webhook.EventKey) {
			if err := w.store.Store.SetSlow(t.Context(), w.webhook(t, s), start); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for what, response := range map[string]delivery.Response{
			"success": {Status: 204}, "failure": {Status: 500, Reason: "answered 500", Body: "broken\x00"}, "gone": failing(410),
			"overload": {Status: 503, Reason: "answered 503", RetryAfter: time.Hour}, "silence": {Reason: "no answer within 15 s"},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				inVirtualTime(t, func(t *testing.T, w *env) {
					for _, s := range eventKeys {
						w.receiver.during = nil
						prepare(t, w, s)
						if what == "silence" {
							w.receiver.during = func(delivery.Request) { <-time.After(15 * time.Second) }
						}
						leavesNoTrace(t, w, s, response)
					}
				})
			})
		}
	}
}

// unmarked is a store that reads tests as if they were no tests.
type unmarked struct{ delivery.WorkerStore }

func (s unmarked) AttemptInput(ctx context.Context, m webhook.Message) (webhook.AttemptInput, error) {
	input, err := s.WorkerStore.AttemptInput(ctx, m)
	input.Delivery.Test = false
	return input, err
}

// The first event is that of the registration; another can be chosen.
func TestTestOfAnEvent(t *testing.T) {
	w := newEnv(t)
	a := eventKeys[2].Account
	w.register(t, webhook.EventKey{Account: a, Event: "trip.started"}, "trips", "trip.ended", "a.first")
	for event, want := range map[string]string{"": "trip.started", "trip.ended": "trip.ended", "a.first": "a.first"} {
		d, err := delivery.NewTester(w.testerConfig()).Test(t.Context(), a, "trips", event)
		if err != nil || d.Event != want || d.WebhookID != "trips" {
			t.Errorf("%q: %+v, %v", event, d, err)
		}
	}
}

// What cannot be tested is refused, and nothing is stored or sent.
func TestTestRefused(t *testing.T) {
	s := eventKeys[0]
	for name, tt := range map[string]struct {
		prepare func(*testing.T, *env)
		id      string
		event   string
		want    error
	}{
		"unknown webhook": {id: "none", want: webhook.ErrNotFound},
		"another's":       {id: "w2", want: webhook.ErrNotFound},
		"other event":     {event: "certificate_document_available", want: webhook.ErrInvalid},
		"disabled":        {prepare: func(t *testing.T, w *env) { w.able(t, s, false) }, want: webhook.ErrDisabled},
		"closing":         {prepare: func(t *testing.T, w *env) { w.closeAccount(t, s.Account, false) }, want: webhook.ErrNotFound},
		"gone":            {prepare: func(t *testing.T, w *env) { w.closeAccount(t, s.Account, true) }, want: webhook.ErrNotFound},
		"webhook unread":  {prepare: func(_ *testing.T, w *env) { w.store.before = failOn(errFault, "WebhooksByID") }, want: errFault},
		"not stored":      {prepare: func(_ *testing.T, w *env) { w.store.before = failOn(errFault, "AddDelivery") }, want: errFault},
		"no API":          {prepare: func(_ *testing.T, w *env) { delete(w.sendings, "squake") }},
	} {
		w := newEnv(t)
		if tt.prepare != nil {
			tt.prepare(t, w)
		}
		if tt.id == "" {
			tt.id = "w1"
		}
		d, err := delivery.NewTester(w.testerConfig()).Test(t.Context(), s.Account, tt.id, tt.event)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.HasPrefix(err.Error(), "test webhook "+tt.id+" of squake:acme: ") || d.Event != "" {
			t.Errorf("%s: %+v, %v; want %v", name, d, err, tt.want)
		}
		w.store.before = nil
		if n := w.deliveries(t, s.Account); n != 0 || w.queue.count() != 0 {
			t.Errorf("%s: %d deliveries, %d messages", name, n, w.queue.count())
		}
	}
	w := newEnv(t)
	needed.Fields(t, w.testerConfig(), func(c delivery.TesterConfig) { delivery.NewTester(c) })
}

// A test that is stored is attempted whatever becomes of its message or of the
// process that attempts it, until a result is written.
func TestTestIsNotLost(t *testing.T) {
	s := eventKeys[0]
	for name, prepare := range map[string]func(*env){
		"not sent": func(w *env) { w.queue.err = errFault },
		"no room":  func(w *env) { w.queue.refuses[s] = true },
	} {
		w := newEnv(t)
		prepare(w)
		if _, err := delivery.NewTester(w.testerConfig()).Test(t.Context(), s.Account, "w1", ""); err != nil || len(w.queue.take()) != 0 {
			t.Fatalf("%s: %v", name, err)
		}
		w.queue.err, w.queue.refuses = nil, nil
		w.clock.Advance(2 * time.Minute)
		if w.deliverDue(t); w.receiver.count() != 1 {
			t.Errorf("%s: %d attempts, want 1", name, w.receiver.count())
		}
	}
	w := newEnv(t)
	w.receiver.responses = []delivery.Response{{Interrupted: true}, failing(500)}
	m := w.test(t, s)
	if _, err := w.worker().Attempt(t.Context(), m); err == nil {
		t.Fatal("an attempt that was cut off counts")
	}
	w.store.before = failOn(errFault, "RecordAttempt")
	if _, err := w.worker().Attempt(t.Context(), m); !errors.Is(err, errFault) {
		t.Fatal(err)
	}
	w.store.before = nil
	w.clock.Advance(2 * time.Minute)
	w.deliverDue(t)
	w.attempt(t, m, delivery.Dropped)
	w.clock.Advance(time.Hour)
	w.deliverDue(t)
	if d := w.record(t, m); d.Attempts != 1 || d.Status != webhook.StatusFailed || w.receiver.count() != 3 {
		t.Errorf("%s after %d requests", show(d), w.receiver.count())
	}
}

// A webhook that goes away before the attempt is sent nothing.
func TestTestIsCancelled(t *testing.T) {
	s := eventKeys[0]
	for name, prepare := range map[string]func(*env){
		"disabled": func(w *env) { w.able(t, s, false) },
		"deleted":  func(w *env) { w.remove(t, s) },
		"closing":  func(w *env) { w.closeAccount(t, s.Account, false) },
	} {
		w := newEnv(t)
		m := w.test(t, s)
		prepare(w)
		w.attempt(t, m, delivery.Cancelled)
		if d := w.record(t, m); d.Status != webhook.StatusCancelled || w.receiver.count() != 0 {
			t.Errorf("%s: %s", name, show(d))
		}
	}
}

// A test is not attempted again: neither by itself nor with all that failed or
// was cancelled, which do not count it.
func TestTestIsNotResent(t *testing.T) {
	w, s := newEnv(t), eventKeys[0]
	var tests []webhook.Message
	for _, response := range []delivery.Response{failing(500), {Status: 200}} {
		w.receiver.responses, w.receiver.got = []delivery.Response{response}, nil
		tests = append(tests, w.test(t, s))
		if _, err := w.worker().Attempt(t.Context(), tests[len(tests)-1]); err != nil {
			t.Fatal(err)
		}
	}
	cancelled := w.test(t, s)
	w.able(t, s, false)
	w.attempt(t, cancelled, delivery.Cancelled)
	w.able(t, s, true)
	w.clock.Advance(time.Minute)
	for _, m := range append(tests, cancelled) {
		if _, err := w.retrier().Retry(t.Context(), m.Account, m.ID); !errors.Is(err, webhook.ErrInvalid) || !strings.HasSuffix(err.Error(), "it is a test, which is attempted once; make another") {
			t.Errorf("retry: %v", err)
		}
	}
	for _, dry := range []bool{true, false} {
		for _, later := range []time.Duration{0, 7 * 24 * time.Hour} {
			w.clock.Advance(later)
			if got, _ := w.recoverAll(t, s.Account, delivery.Recovery{Limit: 10, DryRun: dry}); got.Resent != 0 || got.Expired != 0 {
				t.Errorf("recover after %v, dry %t: %+v", later, dry, got)
			}
		}
	}
	if more := w.queue.take(); len(more) != 0 {
		t.Errorf("messages %+v", more)
	}
}
