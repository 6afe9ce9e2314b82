package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// store is a store whose calls a test can have fail.
type store struct {
	*sqlite.Store
	// before is called with the name of each call; its error is the call's,
	// which does nothing then. after comes when the call has done its work,
	// and its error stands for an answer that was lost.
	before, after func(call string) error
}

// around makes a call.
func around[T any](s *store, name string, call func() (T, error)) (T, error) {
	var none T
	if s.before != nil {
		if err := s.before(name); err != nil {
			return none, err
		}
	}
	result, err := call()
	if s.after != nil {
		if err := s.after(name); err != nil {
			return none, err
		}
	}
	return result, err
}

func (s *store) Recipients(ctx context.Context, eventKeys []webhook.EventKey) ([]webhook.Recipient, error) {
	return around(s, "Recipients", func() ([]webhook.Recipient, error) { return s.Store.Recipients(ctx, eventKeys) })
}

func (s *store) AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	return around(s, "AddDelivery", func() (webhook.Delivery, error) { return s.Store.AddDelivery(ctx, d) })
}

func (s *store) Delivery(ctx context.Context, a webhook.Account, id string) (webhook.Delivery, error) {
	return around(s, "Delivery", func() (webhook.Delivery, error) { return s.Store.Delivery(ctx, a, id) })
}

func (s *store) AttemptInput(ctx context.Context, m webhook.Message) (webhook.AttemptInput, error) {
	return around(s, "AttemptInput", func() (webhook.AttemptInput, error) { return s.Store.AttemptInput(ctx, m) })
}

func (s *store) RecordAttempt(ctx context.Context, result webhook.AttemptResult) (webhook.Delivery, error) {
	return around(s, "RecordAttempt", func() (webhook.Delivery, error) { return s.Store.RecordAttempt(ctx, result) })
}

func (s *store) WebhooksByID(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error) {
	return around(s, "WebhooksByID", func() ([]webhook.Webhook, error) { return s.Store.WebhooksByID(ctx, a, id) })
}

func (s *store) Change(ctx context.Context, c webhook.Change) error {
	_, err := around(s, "Change", func() (struct{}, error) { return struct{}{}, s.Store.Change(ctx, c) })
	return err
}

func (s *store) Tell(ctx context.Context, n webhook.Notice) error {
	_, err := around(s, "Tell", func() (struct{}, error) { return struct{}{}, s.Store.Tell(ctx, n) })
	return err
}

func (s *store) SetSlow(ctx context.Context, w webhook.Webhook, since time.Time) error {
	_, err := around(s, "SetSlow", func() (struct{}, error) { return struct{}{}, s.Store.SetSlow(ctx, w, since) })
	return err
}

func (s *store) Due(ctx context.Context, from, before time.Time, yield func(webhook.Pending) bool) error {
	name := "Due"
	if !from.IsZero() {
		name = "Due latest"
	}
	_, err := around(s, name, func() (struct{}, error) { return struct{}{}, s.Store.Due(ctx, from, before, yield) })
	return err
}

func (s *store) Lease(ctx context.Context, p webhook.Pending, until time.Time) error {
	_, err := around(s, "Lease", func() (struct{}, error) { return struct{}{}, s.Store.Lease(ctx, p, until) })
	return err
}

// failOn fails the named calls, each time.
func failOn(err error, calls ...string) func(string) error {
	return func(call string) error {
		if slices.Contains(calls, call) {
			return err
		}
		return nil
	}
}

// event is one of an event key, with a payload.
func event(s webhook.EventKey, id string) webhook.Event {
	e := webhook.Event{Account: s.Account, Name: s.Event, ID: id, Time: start, Payload: []byte(payload)}
	if s.Account.API == "shoptet" {
		e.Instance = "2018000012"
	}
	return e
}

// accept publishes events, all of which must be accepted, and gives their
// first messages.
func (w *env) accept(tb testing.TB, events ...webhook.Event) []webhook.Message {
	tb.Helper()
	for i, r := range w.publisher().Publish(context.Background(), events) {
		if r.Status != delivery.Accepted {
			tb.Fatalf("event %d: %+v", i, r)
		}
	}
	return w.queue.take()
}

// acceptOne publishes one event and gives its message.
func (w *env) acceptOne(tb testing.TB, s webhook.EventKey) webhook.Message {
	tb.Helper()
	return w.accept(tb, event(s, "1"))[0]
}

// attempt has an attempt made and checks its outcome.
func (w *env) attempt(tb testing.TB, m webhook.Message, want delivery.Outcome) {
	tb.Helper()
	got, err := w.worker().Attempt(context.Background(), m)
	if err != nil || got != want {
		tb.Fatalf("attempt %d of %s: outcome %d, %v; want %d", m.Attempt, m.ID, got, err, want)
	}
}

// record reads a delivery past the faults of the store.
func (w *env) record(tb testing.TB, m webhook.Message) webhook.Delivery {
	tb.Helper()
	d, err := w.store.Store.Delivery(context.Background(), m.Account, m.ID)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// show tells a delivery, with its payload as text.
func show(d webhook.Delivery) string {
	payload := d.Payload
	d.Payload = nil
	return fmt.Sprintf("%+v with payload %s", d, payload)
}

// webhook reads the webhook of an event key.
func (w *env) webhook(tb testing.TB, s webhook.EventKey) webhook.Webhook {
	tb.Helper()
	found, err := w.store.Webhook(context.Background(), s.Account, s.Event)
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// edit changes the webhook of an event key.
func (w *env) edit(tb testing.TB, s webhook.EventKey, change func(*webhook.Webhook)) {
	tb.Helper()
	was := w.webhook(tb, s)
	now := was
	now.Version++
	change(&now)
	c := webhook.Change{Was: []webhook.Webhook{was}, Now: []webhook.Webhook{now}}
	if err := w.store.Store.Change(context.Background(), c); err != nil {
		tb.Fatal(err)
	}
}

// remove deletes the webhook of an event key.
func (w *env) remove(tb testing.TB, s webhook.EventKey) {
	tb.Helper()
	if err := w.store.Delete(context.Background(), []webhook.Webhook{w.webhook(tb, s)}); err != nil {
		tb.Fatal(err)
	}
}
