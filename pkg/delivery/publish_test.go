package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

var errFault = errors.New("a fault")

// TestSendings: what is wrong with any API's settings is said.
func TestSendings(t *testing.T) {
	wrong := setup()
	wrong.Getenv = func(string) string { return "no event's name" }
	if _, err := api.Sendings(all.APIs(), wrong); err == nil || !strings.HasPrefix(err.Error(), "set up abbeycross: ") {
		t.Errorf("error %v", err)
	}
}

// publishOne publishes one event.
func (w *env) publishOne(e webhook.Event) delivery.Result {
	return w.publisher().Publish(context.Background(), []webhook.Event{e})[0]
}

// Times are checked to the millisecond: an event of exactly 7 days ago is
// taken.
func TestPublishOldestByClock(t *testing.T) {
	w := newEnv(t)
	w.clock.Advance(999 * time.Microsecond)
	e := event(eventKeys[0], "1")
	e.Time = w.clock.Now().Add(-7 * 24 * time.Hour)
	if r := w.publishOne(e); r.Status != delivery.Accepted {
		t.Errorf("%+v", r)
	}
}

// deliveries counts what the store has of an account.
func (w *env) deliveries(tb testing.TB, a webhook.Account) (n int) {
	tb.Helper()
	err := w.store.Deliveries(context.Background(), a, time.Time{}, func(webhook.Delivery) bool { n++; return true })
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// What is accepted stands in the store, due at once, and is asked for.
func TestPublishAccepts(t *testing.T) {
	w := newEnv(t)
	for _, s := range eventKeys {
		e := event(s, "1")
		r := w.publishOne(e)
		if r.Status != delivery.Accepted || r.Delivery != e.DeliveryID() || r.Reason != "" {
			t.Fatalf("%s: %+v", s.Account, r)
		}
		messages := w.queue.take()
		want := webhook.Message{Account: s.Account, ID: r.Delivery, Event: s.Event, Attempt: 1, At: start, Fast: true}
		if len(messages) != 1 || messages[0] != want {
			t.Fatalf("messages %+v, want %+v", messages, want)
		}
		d := w.record(t, want)
		hook := w.webhook(t, s)
		if !d.Open() || d.Status != webhook.StatusPending || d.Attempts != 0 || !d.Next.Equal(start) || !d.Due.Equal(start.Add(2*time.Minute)) ||
			!d.AcceptedAt.Equal(start) || d.WebhookID != hook.ID || d.URL != hook.URL || string(d.Payload) != payload ||
			d.EventID != "1" || d.Instance != e.Instance || !d.Time.Equal(start) {
			t.Errorf("%s: record %+v", s.Account, show(d))
		}
		if numbered := s.Account == shoptetAccount; (d.Number > 0) != numbered {
			t.Errorf("%s: number %d", s.Account, d.Number)
		}
	}
}

// An event without id and time gets them, and is always another one.
func TestPublishWithoutIdentity(t *testing.T) {
	w := newEnv(t)
	e := webhook.Event{Account: squakeAccount, Name: "order"}
	w.clock.Advance(700 * time.Microsecond)
	list := []webhook.Event{e, e}
	results := w.publisher().Publish(t.Context(), list)
	if results[0].Status != delivery.Accepted || results[1].Status != delivery.Accepted || results[0].Delivery == results[1].Delivery {
		t.Fatalf("%+v", results)
	}
	d := w.record(t, webhook.Message{Account: squakeAccount, ID: results[1].Delivery})
	if d.EventID != "made-2" || !d.Time.Equal(start) || d.Payload != nil {
		t.Errorf("record %+v", show(d))
	}
	if list[0].ID != "" || !list[1].Time.IsZero() {
		t.Error("the caller's events were changed")
	}
}

func TestPublishRejects(t *testing.T) {
	order := event(eventKeys[0], "1")
	with := func(change func(*webhook.Event)) webhook.Event {
		e := order
		change(&e)
		return e
	}
	const badTime = "time: must be within the last 7 days and the next 5 minutes"
	for name, tt := range map[string]struct {
		event webhook.Event
		want  string // empty: accepted
	}{
		"api":           {with(func(e *webhook.Event) { e.Account.API = "other" }), `account: there is no API "other"`},
		"no time":       {with(func(e *webhook.Event) { e.Time = time.Time{} }), "time: required with an id"},
		"longest id":    {with(func(e *webhook.Event) { e.ID = strings.Repeat("ž", 128) }), ""},
		"too long id":   {with(func(e *webhook.Event) { e.ID = strings.Repeat("ž", 129) }), "id: must have 1 to 128 characters"},
		"broken id":     {with(func(e *webhook.Event) { e.ID = "\xff" }), "id: must have 1 to 128 characters"},
		"event":         {with(func(e *webhook.Event) { e.Name = "orders" }), "event: must be one of order, confirmation_document_available, certificate_document_available, carbon_activity_expired"},
		"instance":      {with(func(e *webhook.Event) { e.Instance = "1" }), "instance: this API has none"},
		"no JSON":       {with(func(e *webhook.Event) { e.Payload = []byte("{") }), "payload: must be one JSON value in UTF-8, no name twice in an object"},
		"large":         {with(func(e *webhook.Event) { e.Payload = jsonOf(200 << 10) }), ""},
		"too large":     {with(func(e *webhook.Event) { e.Payload = jsonOf(200<<10 + 1) }), "payload: must have 200 KiB at most"},
		"oldest":        {with(func(e *webhook.Event) { e.Time = start.Add(-7 * 24 * time.Hour) }), ""},
		"too old":       {with(func(e *webhook.Event) { e.Time = start.Add(-7*24*time.Hour - 1) }), badTime},
		"latest":        {with(func(e *webhook.Event) { e.Time = start.Add(5 * time.Minute) }), ""},
		"latest, in ms": {with(func(e *webhook.Event) { e.Time = start.Add(5*time.Minute + time.Millisecond - 1) }), ""},
		"too late":      {with(func(e *webhook.Event) { e.Time = start.Add(5*time.Minute + time.Millisecond) }), badTime},
		"zone":          {with(func(e *webhook.Event) { e.Time = start.In(time.FixedZone("", 3600)) }), ""},
		"zero, no id":   {with(func(e *webhook.Event) { e.ID, e.Time = "", time.Time{} }), ""},
		"no id, a time": {with(func(e *webhook.Event) { e.ID = "" }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			got := w.publishOne(tt.event)
			switch {
			case tt.want == "" && got.Status != delivery.Accepted:
				t.Errorf("%+v, want it accepted", got)
			case tt.want != "" && got != delivery.Result{Status: delivery.Rejected, Reason: tt.want}:
				t.Errorf("%+v, want it rejected: %s", got, tt.want)
			case tt.want != "" && (w.queue.count() != 0 || w.deliveries(t, tt.event.Account) != 0):
				t.Error("what was rejected left something behind")
			}
		})
	}
}

// jsonOf is a JSON string of so many bytes.
func jsonOf(size int) []byte { return []byte(`"` + strings.Repeat("a", size-2) + `"`) }

func TestPublishNoWebhook(t *testing.T) {
	none := delivery.Result{Status: delivery.NoWebhook}
	unknown := delivery.Result{Status: delivery.UnknownAccount}
	s := eventKeys[0]
	for name, tt := range map[string]struct {
		prepare func(*testing.T, *env)
		want    delivery.Result
	}{
		"none registered": {func(t *testing.T, w *env) { w.remove(t, s) }, none},
		"closing":         {func(t *testing.T, w *env) { w.closeAccount(t, s.Account, false) }, none},
		"gone":            {func(t *testing.T, w *env) { w.closeAccount(t, s.Account, true) }, unknown},
		"closing, disabled": {func(t *testing.T, w *env) {
			w.edit(t, s, func(h *webhook.Webhook) { h.Disabled = true })
			w.closeAccount(t, s.Account, false)
		}, none},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			tt.prepare(t, w)
			if got := w.publishOne(event(s, "1")); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if w.queue.count() != 0 || w.deliveries(t, s.Account) != 0 {
				t.Error("something was stored or sent")
			}
		})
	}
}

// closeAccount marks an account as closing, and removes it if it is to be gone.
func (w *env) closeAccount(tb testing.TB, a webhook.Account, gone bool) {
	tb.Helper()
	err := w.store.CloseAccount(context.Background(), a, start)
	if err == nil && gone {
		err = w.store.DeleteAccount(context.Background(), a)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Account, event, id and time are an event's identity.
func TestPublishIdentity(t *testing.T) {
	first := event(eventKeys[1], "1")
	duplicate := delivery.Result{Status: delivery.Duplicate, Delivery: first.DeliveryID()}
	reused := delivery.Result{Status: delivery.Rejected, Reason: "id reused with other content"}
	for name, tt := range map[string]struct {
		change func(*webhook.Event)
		want   delivery.Result
	}{
		"the same":           {func(*webhook.Event) {}, duplicate},
		"zone":               {func(e *webhook.Event) { e.Time = e.Time.In(time.FixedZone("", 3600)) }, duplicate},
		"within the ms":      {func(e *webhook.Event) { e.Time = e.Time.Add(time.Millisecond - 1) }, duplicate},
		"other payload":      {func(e *webhook.Event) { e.Payload = []byte(`1`) }, reused},
		"no payload":         {func(e *webhook.Event) { e.Payload = nil }, reused},
		"null payload":       {func(e *webhook.Event) { e.Payload = []byte("null") }, reused},
		"other instance":     {func(e *webhook.Event) { e.Instance = "2" }, reused},
		"other id":           {func(e *webhook.Event) { e.ID = "2" }, delivery.Result{Status: delivery.Accepted}},
		"other time":         {func(e *webhook.Event) { e.Time = e.Time.Add(time.Millisecond) }, delivery.Result{Status: delivery.Accepted}},
		"other, later again": {func(e *webhook.Event) { e.ID, e.Payload = "2", nil }, delivery.Result{Status: delivery.Accepted}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			m := w.accept(t, first)[0]
			w.attempt(t, m, delivery.Delivered)
			before := w.record(t, m)
			again := first
			tt.change(&again)
			w.clock.Advance(time.Hour) // the same, however late
			got := w.publishOne(again)
			if tt.want.Status == delivery.Accepted {
				if got.Status != delivery.Accepted || got.Delivery == first.DeliveryID() {
					t.Errorf("%+v, want another delivery", got)
				}
				return
			}
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if after := w.record(t, m); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("the record became %+v", show(after))
			}
			if n := w.queue.count(); n != 1 {
				t.Errorf("%d messages were sent, want the first only", n)
			}
		})
	}
}

// Of one identity in one publication the first is accepted, whatever the
// others are.
func TestPublishDuplicatesWithin(t *testing.T) {
	w := newEnv(t)
	a, other, b := event(eventKeys[1], "a"), event(eventKeys[1], "a"), event(eventKeys[1], "b")
	other.Payload = []byte("2")
	wrong := event(eventKeys[1], "c")
	wrong.Name = "nothing"
	var got []delivery.PublishStatus
	for _, r := range w.publisher().Publish(t.Context(), []webhook.Event{a, a, wrong, other, b, a}) {
		got = append(got, r.Status)
	}
	want := []delivery.PublishStatus{
		delivery.Accepted, delivery.Duplicate, delivery.Rejected, delivery.Rejected, delivery.Accepted, delivery.Duplicate,
	}
	if !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
	if n := w.queue.count(); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}

// The same event from many publishers at once is one delivery.
func TestPublishAtOnce(t *testing.T) {
	w := newEnv(t)
	outcomes := make([]delivery.PublishStatus, 50)
	var all sync.WaitGroup
	for i := range outcomes {
		all.Go(func() { outcomes[i] = w.publishOne(event(eventKeys[0], "1")).Status })
	}
	all.Wait()
	count := map[delivery.PublishStatus]int{}
	for _, v := range outcomes {
		count[v]++
	}
	if count[delivery.Accepted] != 1 || count[delivery.Duplicate] != 49 || w.queue.count() != 1 {
		t.Errorf("%v, %d messages", count, w.queue.count())
	}
}
