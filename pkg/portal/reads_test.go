package portal_test

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// counted is a store that counts what is read of it.
type counted struct {
	*sqlite.Store
	reads *atomic.Int64
}

func (c counted) Account(ctx context.Context, a webhook.Account) (webhook.AccountInfo, error) {
	c.reads.Add(1)
	return c.Store.Account(ctx, a)
}

func (c counted) Webhook(ctx context.Context, a webhook.Account, event string) (webhook.Webhook, error) {
	c.reads.Add(1)
	return c.Store.Webhook(ctx, a, event)
}

func (c counted) Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error) {
	c.reads.Add(1)
	return c.Store.Webhooks(ctx, a)
}

func (c counted) WebhooksByID(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error) {
	c.reads.Add(1)
	return c.Store.WebhooksByID(ctx, a, id)
}

func (c counted) Recipients(ctx context.Context, keys []webhook.EventKey) ([]webhook.Recipient, error) {
	c.reads.Add(1)
	return c.Store.Recipients(ctx, keys)
}

func (c counted) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	c.reads.Add(1)
	return c.Store.Deliveries(ctx, a, from, yield)
}

func (c counted) DeliveryPage(ctx context.Context, a webhook.Account, of webhook.DeliveryRange) ([]webhook.Delivery, bool, error) {
	c.reads.Add(1)
	return c.Store.DeliveryPage(ctx, a, of)
}

func (c counted) Delivery(ctx context.Context, a webhook.Account, id string) (webhook.Delivery, error) {
	c.reads.Add(1)
	return c.Store.Delivery(ctx, a, id)
}

func (c counted) AttemptInput(ctx context.Context, m webhook.Message) (webhook.AttemptInput, error) {
	c.reads.Add(1)
	return c.Store.AttemptInput(ctx, m)
}

func (c counted) Attempts(ctx context.Context, d webhook.Delivery) ([]webhook.Attempt, error) {
	c.reads.Add(1)
	return c.Store.Attempts(ctx, d)
}

func (c counted) AccountsAfter(ctx context.Context, d webhook.API, after string, limit int) ([]webhook.AccountInfo, string, error) {
	c.reads.Add(1)
	return c.Store.AccountsAfter(ctx, d, after, limit)
}

func (c counted) Tokens(ctx context.Context, a webhook.Account) ([]webhook.Token, error) {
	c.reads.Add(1)
	return c.Store.Tokens(ctx, a)
}

func (c counted) Failing(ctx context.Context, d webhook.API, after string, limit int) ([]webhook.Webhook, string, error) {
	c.reads.Add(1)
	return c.Store.Failing(ctx, d, after, limit)
}
