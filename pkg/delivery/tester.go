package delivery

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// TesterStore is the part of store.Store that tests need.
type TesterStore interface {
	WebhooksByID(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error)
	Account(context.Context, webhook.Account) (webhook.AccountInfo, error)
	AddDelivery(context.Context, webhook.Delivery) (webhook.Delivery, error)
}

// TesterConfig is what a Tester is made of. All fields are needed.
type TesterConfig struct {
	Store TesterStore
	Queue Queue
	// Sendings are the APIs, by name.
	Sendings map[webhook.API]webhook.Sending
	// NewID makes the id of a test's event.
	NewID func() (string, error)
	Now   func() time.Time
}

// Tester sends sample events to webhooks, for the operator or through the
// portal. It is safe for concurrent use.
type Tester struct{ cfg TesterConfig }

// NewTester makes a tester. It panics if a field of cfg is missing.
func NewTester(cfg TesterConfig) *Tester {
	if cfg.Store == nil || cfg.Queue == nil || cfg.Sendings == nil || cfg.NewID == nil || cfg.Now == nil {
		panic("delivery: a field of TesterConfig is missing")
	}
	return &Tester{cfg}
}

// Test accepts a sample of an event as a delivery to the webhook with an id, and
// returns it. If event is empty, it is the first one of the webhook. The
// delivery is durable when Test returns. It is a new one each time, and is
// attempted once: see [webhook.Delivery.Test]. Its message is not Fast, since
// what is tested is often slow, and nobody's events shall wait for it.
//
//   - webhook.ErrNotFound: there is no such webhook, or its account is closing.
//   - webhook.ErrInvalid: the webhook does not have the event.
//   - webhook.ErrDisabled: the webhook is disabled.
func (t *Tester) Test(ctx context.Context, a webhook.Account, id, event string) (webhook.Delivery, error) {
	d, err := t.test(ctx, a, id, event)
	if err != nil {
		return webhook.Delivery{}, fmt.Errorf("test webhook %s of %s: %w", id, a, err)
	}
	return d, nil
}

func (t *Tester) test(ctx context.Context, a webhook.Account, id, event string) (webhook.Delivery, error) {
	to, err := t.recipient(ctx, a, id, event)
	if err != nil {
		return webhook.Delivery{}, err
	}
	sending, known := t.cfg.Sendings[a.API]
	if !known {
		return webhook.Delivery{}, fmt.Errorf("there is no API %q", a.API)
	}
	now := t.cfg.Now().UTC().Truncate(time.Millisecond)
	sample := webhook.Event{Account: a, Name: to.Webhook.Event, Time: now}
	if sample.ID, err = t.cfg.NewID(); err != nil {
		return webhook.Delivery{}, err
	}
	sample.Payload, sample.Instance = sending.Sample(sample.Name)
	d := accepted(sample, to, t.cfg.Queue, now)
	d.Test = true
	if d, err = t.cfg.Store.AddDelivery(ctx, d); err != nil {
		return webhook.Delivery{}, err
	}
	if d.Due.After(d.Next) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
		defer cancel()
		_ = t.cfg.Queue.Send(ctx, []webhook.Message{d.Message()}) // the sweeper sends what is not sent here
	}
	return d, nil
}

// recipient returns the record of the event that is tested, and its account.
func (t *Tester) recipient(ctx context.Context, a webhook.Account, id, event string) (webhook.Recipient, error) {
	info, err := t.cfg.Store.Account(ctx, a)
	if err != nil {
		return webhook.Recipient{}, err
	}
	found, err := t.cfg.Store.WebhooksByID(ctx, a, id)
	if err != nil {
		return webhook.Recipient{}, err
	}
	if len(found) == 0 || info.Closing {
		return webhook.Recipient{}, webhook.ErrNotFound
	}
	hook := slices.MinFunc(found, func(v, w webhook.Webhook) int { return v.Position - w.Position })
	if event != "" {
		i := slices.IndexFunc(found, func(w webhook.Webhook) bool { return w.Event == event })
		if i < 0 {
			return webhook.Recipient{}, webhook.Invalid("event: this webhook does not have it")
		}
		hook = found[i]
	}
	if hook.Disabled {
		return webhook.Recipient{}, webhook.ErrDisabled
	}
	return webhook.Recipient{Webhook: hook, Account: info}, nil
}
