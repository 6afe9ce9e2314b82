package notice_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/internal/test/needed"
	"github.com/hookline/hookline/internal/test/record"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/notice"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	start   = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	account = webhook.Account{API: "squake", ID: "acme"}
	errDown = errors.New("answered 503")
)

// receiver takes notices, except those that refuse names.
type receiver struct {
	mu     sync.Mutex
	got    []webhook.Notice
	asked  int
	refuse func(webhook.Notice) bool
}

func (r *receiver) Send(_ context.Context, n webhook.Notice) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.refuse != nil && r.refuse(n) {
		return errDown
	}
	r.got = append(r.got, n)
	return nil
}

// said lists what came, as "<event> <type>".
func (r *receiver) said() []string {
	var list []string
	for _, n := range r.got {
		list = append(list, n.Events[0]+" "+string(n.Type))
	}
	return list
}

// stubborn is a store that keeps notices which it was told to remove.
type stubborn struct {
	*sqlite.Store
	err error
}

func (s *stubborn) RemoveNotice(ctx context.Context, id string) error {
	if s.err != nil {
		return s.err
	}
	return s.Store.RemoveNotice(ctx, id)
}

type env struct {
	store    *stubborn
	clock    *record.Clock
	receiver *receiver
	events   int
}

func newEnv(t *testing.T) *env {
	t.Helper()
	return &env{store: &stubborn{Store: memory.Open(t)}, clock: record.NewClock(start), receiver: &receiver{}}
}

func (e *env) config() notice.Config {
	return notice.Config{
		Store: e.store, Sender: e.receiver, APIs: []webhook.API{"shoptet", "squake"},
		NewID: keygen.New(rand.Reader, e.clock.Now).UUID, Now: e.clock.Now, Log: slog.New(slog.DiscardHandler),
	}
}

func (e *env) add(t *testing.T, event string) {
	t.Helper()
	w := webhook.Webhook{Account: account, Event: event, ID: "w-" + event, RequestID: event, URL: "https://receiver.example/", Version: 1, CreatedAt: start}
	if _, err := e.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
		t.Fatal(err)
	}
}

// attempt records an attempt that begins now.
func (e *env) attempt(t *testing.T, event string, status int) {
	t.Helper()
	e.events++
	now := e.clock.Now()
	d, err := e.store.AddDelivery(t.Context(), webhook.Delivery{
		Account: account, Event: event, EventID: fmt.Sprint(e.events), Time: now, AcceptedAt: now, WebhookID: "w-" + event, Next: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	result := webhook.AttemptResult{Was: d, Now: d.Attempted(now, status, "", time.Time{}), Stats: webhook.StatsSent}
	if status != 200 {
		result.Now.Status, result.Now.Reason, result.Stats = webhook.StatusFailed, "answered", webhook.StatsFailed
	}
	id, err := e.config().NewID()
	if err != nil {
		t.Fatal(err)
	}
	result.Recovered = &webhook.Notice{
		ID: id, Type: webhook.NoticeRecovered, At: now, Account: account, WebhookID: d.WebhookID, Events: []string{event},
		StateSince: now, LastStatus: status,
	}
	if _, err := e.store.RecordAttempt(t.Context(), result); err != nil {
		t.Fatal(err)
	}
}

func mustSweep(t *testing.T, n *notice.Notifier) {
	t.Helper()
	if err := n.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestConfigNeedsAllFields(t *testing.T) {
	needed.Fields(t, newEnv(t).config(), func(c notice.Config) { notice.New(c) })
}

// A webhook is told of after an hour, once, and that it recovered: by a sweeper
// that goes on, and by one that is new each time, as after a crash.
func TestFailingForAnHour(t *testing.T) {
	for name, anew := range map[string]bool{"one sweeper": false, "a new one each time": true} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			n := notice.New(e.config())
			sweep := func() {
				t.Helper()
				if anew {
					n = notice.New(e.config())
				}
				mustSweep(t, n)
			}
			for _, event := range []string{"order", "brief", "offer"} {
				e.add(t, event)
			}
			sweep()
			e.attempt(t, "order", 503)
			e.attempt(t, "brief", 503)
			for range 59 {
				e.clock.Advance(time.Minute)
				sweep()
			}
			e.attempt(t, "brief", 200)
			e.attempt(t, "offer", 503)
			if len(e.receiver.got) > 0 {
				t.Fatalf("before the hour: %v", e.receiver.said())
			}
			for range 90 {
				e.clock.Advance(time.Minute)
				sweep()
			}
			e.attempt(t, "order", 200)
			sweep()
			want := []string{"order webhook.failing", "offer webhook.failing", "order webhook.recovered"}
			if diff := cmp.Diff(want, e.receiver.said()); diff != "" {
				t.Errorf("notices (-want +got):\n%s", diff)
			}
			first := e.receiver.got[0]
			if !first.StateSince.Equal(start) || first.At.Sub(start) != time.Hour || first.LastStatus != 503 || first.WebhookID != "w-order" {
				t.Errorf("%+v", first)
			}
		})
	}
}

// The clock that counts is the one on the wall: the monotonic one stands still
// while a function is frozen between two sweeps.
func TestSweepsAgeByWallClock(t *testing.T) {
	c := newEnv(t).config()
	c.Now = time.Now
	n := notice.New(c)
	mustSweep(t, n)
	for _, at := range n.Ages() {
		if at.IsZero() || at != at.Round(0) {
			t.Errorf("%v is zero or has a monotonic reading", at)
		}
	}
}

// A receiver that refuses for long loses nothing and mixes nothing up, though
// webhooks flap and one is deleted meanwhile.
func TestRefusedForLong(t *testing.T) {
	e := newEnv(t)
	down := true
	e.receiver.refuse = func(webhook.Notice) bool { return down }
	n := notice.New(e.config())
	var want []string
	for i := range 60 {
		e.add(t, fmt.Sprintf("event-%02d", i))
	}
	for range 2 { // each fails for an hour and recovers, twice
		for i := range 60 {
			e.attempt(t, fmt.Sprintf("event-%02d", i), 500)
		}
		e.clock.Advance(time.Hour)
		if err := n.Sweep(t.Context()); !errors.Is(err, errDown) {
			t.Fatalf("sweep: %v", err)
		}
		e.clock.Advance(time.Minute)
		for i := range 60 {
			e.attempt(t, fmt.Sprintf("event-%02d", i), 200)
		}
		e.clock.Advance(time.Minute)
	}
	if most := 2 * 30; e.receiver.asked > most {
		t.Errorf("a receiver that is down was asked %d times, want at most %d", e.receiver.asked, most)
	}
	gone, err := e.store.Webhook(t.Context(), account, "event-00")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.store.Delete(t.Context(), []webhook.Webhook{gone}); err != nil {
		t.Fatal(err)
	}
	// One webhook's notices stay refused: its later ones wait, others do not.
	down = false
	e.receiver.refuse = func(n webhook.Notice) bool { return n.Events[0] == "event-07" }
	if err := n.Sweep(t.Context()); !errors.Is(err, errDown) {
		t.Fatalf("sweep: %v", err)
	}
	e.receiver.refuse = nil
	mustSweep(t, n)
	mustSweep(t, n)
	for i := range 60 {
		event := fmt.Sprintf("event-%02d", i)
		for range 2 {
			want = append(want, event+" webhook.failing", event+" webhook.recovered")
		}
	}
	got := e.receiver.said()
	slices.SortStableFunc(got, cmpEvents)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notices, by event (-want +got):\n%s", diff)
	}
}

func cmpEvents(a, b string) int { return slices.Compare([]byte(a[:8]), []byte(b[:8])) }

// A notice that was taken but not removed comes again under the same id.
func TestSameIDAgain(t *testing.T) {
	e := newEnv(t)
	e.add(t, "order")
	e.attempt(t, "order", 500)
	e.clock.Advance(time.Hour)
	e.store.err = webhook.ErrUnavailable
	if err := notice.New(e.config()).Sweep(t.Context()); !errors.Is(err, webhook.ErrUnavailable) {
		t.Fatalf("sweep: %v", err)
	}
	e.store.err = nil
	mustSweep(t, notice.New(e.config()))
	mustSweep(t, notice.New(e.config()))
	if got := e.receiver.got; len(got) != 2 || got[0].ID != got[1].ID {
		t.Errorf("%+v", got)
	}
}

// Two sweepers at once lose nothing and store each notice once: what comes
// twice has one id.
func TestTwoSweepers(t *testing.T) {
	e := newEnv(t)
	const count = 70
	for i := range count {
		e.add(t, fmt.Sprint("event-", i))
		e.attempt(t, fmt.Sprint("event-", i), 500)
	}
	e.clock.Advance(time.Hour)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := notice.New(e.config()).Sweep(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	ids, events := map[string]bool{}, map[string]bool{}
	for _, n := range e.receiver.got {
		ids[n.ID], events[n.Events[0]] = true, true
	}
	if len(ids) != count || len(events) != count {
		t.Errorf("%d ids of %d events, want %d", len(ids), len(events), count)
	}
}

func TestBody(t *testing.T) {
	n := webhook.Notice{
		ID: "0195", Type: webhook.NoticeFailing, At: start.Add(time.Hour), Account: account, WebhookID: "w1", Events: []string{"order"},
		StateSince: start.Add(120 * time.Millisecond), LastStatus: 503,
	}
	const data = `"data":{"account":"squake:acme","webhook_id":"w1","events":["order"],"state":"failing","state_since":"2026-03-01T12:00:00.120Z","last_status":`
	const head = `"type":"webhook.failing","timestamp":"2026-03-01T13:00:00.000Z",`
	if got, err := notice.Body(n); err != nil || string(got) != "{"+head+data+"503}}" {
		t.Errorf("%s, %v", got, err)
	}
	n.LastStatus = 0
	if got, err := notice.BodyWithID(n); err != nil || string(got) != `{"id":"0195",`+head+data+"null}}" {
		t.Errorf("%s, %v", got, err)
	}
}
