package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/notice"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// ledger is a store whose request units are counted.
type ledger struct {
	*dynamo.Store
	proxy *faultproxy.Proxy
}

func newLedger(t *testing.T) ledger {
	t.Helper()
	server := dynamolocal.Start(t)
	proxy, tables := faultproxy.Start(t, server.URL), server.NewTables(t)
	return ledger{dynamolocal.Store(t, proxy.URL, tables), proxy}
}

// takes compares what something takes with what is assumed.
func (l ledger) takes(t *testing.T, what string, want units, do func() error) {
	t.Helper()
	l.proxy.Reset()
	if err := do(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	counts := l.proxy.Counts()
	if got := (units{writes: counts.WriteUnits + counts.IndexUnits, reads: counts.ReadUnits}); got != want {
		t.Errorf("%s takes %+v, want %+v", what, got, want)
	}
}

// The request units that are charged for are those that the store takes.
func TestUnitsAreMeasured(t *testing.T) {
	l, ctx := newLedger(t), t.Context()
	account := webhook.Account{API: "squake", ID: "acme"}
	now := time.Now().UTC().Truncate(time.Millisecond)
	w := webhook.Webhook{
		Account: account, Event: "order", ID: "w1", RequestID: "c1", URL: "https://receiver.example.com/hooks",
		SealedKey: bytes.Repeat([]byte("s"), 190), Version: 1, CreatedAt: now, SendPayload: true,
	}
	info := webhook.AccountInfo{Account: account, CreatedAt: now, SealedKey: w.SealedKey}
	if err := l.CreateAccount(ctx, info); err != nil {
		t.Fatal(err)
	}
	l.takes(t, "a registration", registering, func() error {
		_, err := l.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}})
		return err
	})
	for _, tt := range []struct {
		name             string
		size             int
		stats            webhook.StatsUpdate
		publish, attempt units // beside what all take
	}{
		{"small", 200, webhook.NoStats, units{}, units{}},
		{"marked", 200, webhook.StatsSent, units{}, marking},
		{"large", 2700, webhook.NoStats, units{writes: apart.writes}, units{reads: apart.reads}},
	} {
		t.Run(tt.name, func(t *testing.T) { l.delivers(t, w, tt.name, tt.size, tt.stats, tt.publish, tt.attempt) })
	}
}

// delivers publishes an event, has an attempt fail and one succeed, and compares
// what each takes.
func (l ledger) delivers(t *testing.T, w webhook.Webhook, id string, size int, stats webhook.StatsUpdate, publish, attempt units) {
	ctx := t.Context()
	event := webhook.Event{Account: w.Account, Name: w.Event, ID: id, Time: w.CreatedAt, Payload: bytes.Repeat([]byte("1"), size)}
	d := webhook.Delivery{
		Account: w.Account, Event: w.Event, EventID: id, Time: event.Time, Payload: event.Payload, Content: event.Content(),
		WebhookID: w.ID, URL: w.URL, AcceptedAt: w.CreatedAt, Next: w.CreatedAt, Due: w.CreatedAt.Add(2 * time.Minute),
	}
	l.takes(t, "publishing", publishing.plus(publish), func() error {
		if _, err := l.Recipients(ctx, []webhook.EventKey{{Account: w.Account, Event: w.Event}}); err != nil {
			return err
		}
		added, err := l.AddDelivery(ctx, d)
		d = added
		return err
	})
	record := func(stats webhook.StatsUpdate, result func(*webhook.Delivery)) error {
		input, err := l.AttemptInput(ctx, d.Message())
		if err != nil {
			return err
		}
		d = input.Delivery
		d.Attempts, d.AttemptedAt = d.Attempts+1, w.CreatedAt.Add(time.Minute)
		result(&d)
		_, err = l.RecordAttempt(ctx, webhook.AttemptResult{Was: input.Delivery, Now: d, Stats: stats})
		return err
	}
	l.takes(t, "an attempt that fails", missing.plus(units{reads: attempt.reads}), func() error {
		return record(webhook.NoStats, func(d *webhook.Delivery) {
			d.Status, d.StatusCode, d.Reason = webhook.StatusRetrying, 503, "answered 503"
			d.Next, d.Due = w.CreatedAt.Add(time.Hour), w.CreatedAt.Add(2*time.Hour)
		})
	})
	l.takes(t, "an attempt that succeeds", attempting.plus(attempt), func() error {
		return record(stats, func(d *webhook.Delivery) {
			d.Status, d.StatusCode, d.Reason = webhook.StatusDelivered, 204, ""
			d.Next, d.Due = time.Time{}, time.Time{}
		})
	})
}

// taken takes notices.
type taken struct{ count int }

func (n *taken) Send(context.Context, webhook.Notice) error {
	n.count++
	return nil
}

// What notices take beside all else is what is charged for.
func TestUnitsOfNotices(t *testing.T) {
	l, ctx := newLedger(t), t.Context()
	now := time.Now().UTC().Truncate(time.Millisecond)
	w := webhook.Webhook{
		Account: webhook.Account{API: "squake", ID: "acme"}, Event: "order", ID: "w1", RequestID: "c1", URL: "https://receiver.example.com/hooks",
		SealedKey: bytes.Repeat([]byte("s"), 190), Version: 1, CreatedAt: now, SendPayload: true,
	}
	bus := &taken{}
	var apis []webhook.API
	for _, a := range all.APIs() {
		apis = append(apis, a.Name)
	}
	notifier := notice.New(notice.Config{
		Store: l.Store, Sender: bus, APIs: apis, NewID: keygen.New(rand.Reader, time.Now).UUID, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	sweep := func() error { return notifier.Sweep(ctx) }
	l.takes(t, "watching", units{}, sweep) // DynamoDB Local counts nothing where it finds nothing
	if got := l.proxy.Counts().Requests["Query"]; watching.reads != float64(got-1)*0.5+1 {
		t.Errorf("watching takes %d queries, want those of %v units", got, watching.reads)
	}

	failing := webhook.Delivery{
		Account: w.Account, Event: w.Event, EventID: "1", Time: now, Content: webhook.Event{Account: w.Account, Name: w.Event, ID: "1", Time: now}.Content(),
		WebhookID: w.ID, URL: w.URL, AcceptedAt: now, Next: now, Due: now.Add(time.Hour),
	}
	err := l.CreateAccount(ctx, webhook.AccountInfo{Account: w.Account, CreatedAt: now, SealedKey: w.SealedKey})
	if err == nil {
		_, err = l.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}})
	}
	if err == nil {
		failing, err = l.AddDelivery(ctx, failing)
	}
	if err == nil {
		failed := failing.Attempted(now.Add(-webhook.TellFailingAfter-time.Minute), 503, "answered 503", time.Time{})
		_, err = l.RecordAttempt(ctx, webhook.AttemptResult{Was: failing, Now: failed, Stats: webhook.StatsFailed})
	}
	if err != nil {
		t.Fatal(err)
	}
	l.takes(t, "a notice", units{telling.writes - transaction.writes, telling.reads}, sweep)
	if bus.count != 1 {
		t.Errorf("%d notices are sent, want 1", bus.count)
	}
}
