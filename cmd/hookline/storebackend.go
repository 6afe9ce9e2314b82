package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/terminal"
	"github.com/hookline/hookline/pkg/webhook"
)

// storeBackend works on a store that the program has opened.
type storeBackend struct {
	p *program
	openedStore
}

func (b storeBackend) Close() error { return b.close() }

// now returns the time as it is stored.
func (b storeBackend) now() time.Time { return b.p.now().UTC().Truncate(time.Millisecond) }

// registry finds and changes webhooks of all APIs by id. It cannot register
// webhooks or generate keys, which takes an API's rules.
func (b storeBackend) registry() *registry.Registry {
	return registry.New(registry.Config{Store: b.Store, Now: b.p.now})
}

func (b storeBackend) Account(ctx context.Context, a webhook.Account) (accountResult, error) {
	info, err := b.Store.Account(ctx, a)
	return newAccountResult(info), err
}

func (b storeBackend) Accounts(ctx context.Context, api webhook.API) ([]accountResult, error) {
	infos, err := b.Store.Accounts(ctx, api)
	return convert(infos, newAccountResult), err
}

func (b storeBackend) CreateAccount(ctx context.Context, a webhook.Account) (accountResult, error) {
	info := webhook.AccountInfo{Account: a, CreatedAt: b.now()}
	return newAccountResult(info), b.Store.CreateAccount(ctx, info)
}

func (b storeBackend) CloseAccount(ctx context.Context, a webhook.Account) (accountResult, error) {
	info, err := b.Store.Account(ctx, a)
	if err == nil {
		err = registry.CloseAccount(ctx, b.Store, a, b.p.now())
	}
	info.Closing = true
	return newAccountResult(info), err
}

// DeleteAccount deletes the account itself, with [registry.DeleteAccount].
func (b storeBackend) DeleteAccount(ctx context.Context, a webhook.Account) (deletionResult, error) {
	deleted, err := registry.DeleteAccount(ctx, b.Store, a, b.p.now(), b.p.waitStopped)
	return deletionResult{a.String(), deleted.Tokens, deleted.Webhooks, &deleted.Cancelled}, err
}

// CreateToken also makes the operator's account with its first token.
func (b storeBackend) CreateToken(ctx context.Context, a webhook.Account, granted webhook.Rights, expires time.Duration) (tokenResult, error) {
	secret, record, err := b.p.newToken(a, granted)
	if err != nil {
		return tokenResult{}, err
	}
	if expires > 0 {
		record.ExpiresAt = record.CreatedAt.Add(expires).Truncate(time.Millisecond)
	}
	if a == operatorAccount() {
		if err := ensureAccount(ctx, b.Store, a, record.CreatedAt); err != nil {
			return tokenResult{}, err
		}
	}
	result := newTokenResult(record)
	result.Token = secret.Reveal()
	return result, b.Store.CreateToken(ctx, record)
}

func (b storeBackend) Tokens(ctx context.Context, a webhook.Account) ([]tokenResult, error) {
	if _, err := b.Store.Account(ctx, a); err != nil {
		return nil, err
	}
	tokens, err := b.Store.Tokens(ctx, a)
	return convert(tokens, newTokenResult), err
}

func (b storeBackend) Webhooks(ctx context.Context, a webhook.Account) ([]webhookDetails, error) {
	list, err := b.registry().List(ctx, a)
	if err == nil && len(list) == 0 {
		_, err = b.Store.Account(ctx, a)
	}
	return convert(list, newWebhookDetails), err
}

func (b storeBackend) Failing(ctx context.Context, api webhook.API) (list []webhookDetails, err error) {
	const page = 500
	for next := ""; ; {
		var some []webhook.Webhook
		if some, next, err = b.Store.Failing(ctx, api, next, page); err != nil {
			return nil, err
		}
		if list = append(list, convert(some, newWebhookDetails)...); next == "" {
			return list, nil
		}
	}
}

func (b storeBackend) SetEnabled(ctx context.Context, a webhook.Account, id string, enabled bool) ([]webhookDetails, error) {
	found, err := b.registry().SetEnabled(ctx, a, id, enabled)
	return convert(found, newWebhookDetails), err
}

func (b storeBackend) DeleteWebhook(ctx context.Context, a webhook.Account, id string) error {
	return b.registry().Delete(ctx, a, id)
}

// tester makes tests that a queue sends.
func (b storeBackend) tester(queue delivery.Queue) (*delivery.Tester, error) {
	sendings, err := b.p.sendings()
	if err != nil {
		return nil, err
	}
	return delivery.NewTester(delivery.TesterConfig{
		Store: b.Store, Queue: queue, Sendings: sendings, NewID: b.p.keys.UUID, Now: b.p.now,
	}), nil
}

func (b storeBackend) Test(ctx context.Context, a webhook.Account, id, event string) (string, error) {
	tester, err := b.tester(b.queue)
	if err != nil {
		return "", err
	}
	d, err := tester.Test(ctx, a, id, event)
	if err != nil {
		return "", err
	}
	return d.ID(), nil
}

// Publish publishes an event, which a running server delivers.
func (b storeBackend) Publish(ctx context.Context, e client.Event) (delivery.Result, error) {
	sendings, err := b.p.sendings()
	if err != nil {
		return delivery.Result{}, err
	}
	account, err := webhook.ParseAccount(e.Account)
	if err != nil {
		return delivery.Result{}, err
	}
	event := webhook.Event{Account: account, Name: e.Event, ID: e.ID, Time: e.Time, Payload: e.Payload}
	if e.Instance != nil {
		event.Instance = *e.Instance
	}
	log := slog.New(slog.NewTextHandler(terminal.NewWriter(b.p.stderr), &slog.HandlerOptions{Level: slog.LevelWarn}))
	return delivery.NewPublisher(delivery.PublisherConfig{
		Store: b.Store, Queue: b.queue, Sendings: sendings, NewID: b.p.keys.UUID, Now: b.p.now, Log: log,
	}).Publish(ctx, []webhook.Event{event})[0], nil
}

func (b storeBackend) Deliveries(ctx context.Context, a webhook.Account, f client.DeliveryFilter, yield func(deliveryResult) bool) error {
	if _, err := b.Store.Account(ctx, a); err != nil {
		return err
	}
	return b.Store.Deliveries(ctx, a, f.From, func(d webhook.Delivery) bool {
		if (f.Event == "" || f.Event == d.Event) && (f.Status == "" || f.Status == d.Status.String()) &&
			(f.Until.IsZero() || d.Time.Before(f.Until)) {
			return yield(newDeliveryResult(d))
		}
		return ctx.Err() == nil
	})
}

func (b storeBackend) Delivery(ctx context.Context, a webhook.Account, id string) (deliveryDetails, error) {
	d, err := b.Store.Delivery(ctx, a, id)
	if err != nil {
		return deliveryDetails{}, err
	}
	attempts, err := b.Attempts(ctx, d)
	return deliveryDetails{
		deliveryResult: newDeliveryResult(d), EventID: d.EventID, Instance: d.Instance, Accepted: d.AcceptedAt, Payload: d.Payload, Log: convert(attempts, newAttemptResult),
	}, err
}

func (b storeBackend) Retry(ctx context.Context, a webhook.Account, id string) (deliveryResult, error) {
	d, err := delivery.NewRetrier(b.Store, b.queue, b.p.now).Retry(ctx, a, id)
	if err != nil {
		return deliveryResult{}, err
	}
	return newDeliveryResult(d), nil
}

func (b storeBackend) Recover(ctx context.Context, a webhook.Account, q client.Recovery) (client.Recovered, error) {
	done, err := delivery.NewRetrier(b.Store, b.queue, b.p.now).Recover(ctx, a, delivery.Recovery{
		From: q.From, Until: q.Until, Event: q.Event, Limit: delivery.MaxRecovered, Cursor: q.Cursor, AsOf: q.AsOf, DryRun: q.DryRun,
	})
	return client.Recovered{Count: done.Resent, Expired: done.Expired, Next: done.Next, AsOf: done.AsOf}, err
}

// convert converts the elements of a list. That of none is nil.
func convert[From, To any](list []From, one func(From) To) []To {
	var converted []To
	for _, element := range list {
		converted = append(converted, one(element))
	}
	return converted
}
