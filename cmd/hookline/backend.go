package main

import (
	"context"
	"errors"
	"time"

	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// backend is what commands work on: a store, or a server's API. What does not
// exist, also an account, is [webhook.ErrNotFound]. The caller must close it.
type backend interface {
	accountBackend
	tokenBackend
	webhookBackend
	deliveryBackend
	portalBackend
	// Customer returns a client of an account's own API, to be closed.
	CustomerAPI(context.Context, accountName) (*customerAPI, error)
	// Publish publishes one event.
	Publish(context.Context, client.Event) (delivery.Result, error)
	Close() error
}

type accountBackend interface {
	Account(context.Context, webhook.Account) (accountResult, error)
	// Accounts lists the accounts of an API by id.
	Accounts(context.Context, webhook.API) ([]accountResult, error)
	// CreateAccount returns [webhook.ErrExists] if the account exists, even if it
	// is being deleted.
	CreateAccount(context.Context, webhook.Account) (accountResult, error)
	// CloseAccount has an account deleted in the background.
	CloseAccount(context.Context, webhook.Account) (accountResult, error)
	// DeleteAccount returns when the account is deleted.
	DeleteAccount(context.Context, webhook.Account) (deletionResult, error)
}

type tokenBackend interface {
	// CreateToken makes a token that is valid for a time, 0 for ever. It returns
	// [webhook.ErrNotFound] if the account is being deleted, too.
	CreateToken(ctx context.Context, a webhook.Account, rights webhook.Rights, expires time.Duration) (tokenResult, error)
	// Tokens lists the tokens of an account, oldest first.
	Tokens(context.Context, webhook.Account) ([]tokenResult, error)
	RevokeToken(ctx context.Context, a webhook.Account, id string) error
}

// webhookBackend has webhooks as one element an event. Several may share an id.
type webhookBackend interface {
	// Webhooks lists the webhooks of an account, oldest first.
	Webhooks(context.Context, webhook.Account) ([]webhookDetails, error)
	// Failing lists the webhooks of an API that fail or are disabled, longest
	// first.
	Failing(context.Context, webhook.API) ([]webhookDetails, error)
	SetEnabled(ctx context.Context, a webhook.Account, id string, enabled bool) ([]webhookDetails, error)
	DeleteWebhook(ctx context.Context, a webhook.Account, id string) error
	// Test is [delivery.Tester.Test]. It returns the id of the delivery, which a
	// server attempts.
	Test(ctx context.Context, a webhook.Account, id, event string) (string, error)
}

type deliveryBackend interface {
	// Deliveries calls yield for each delivery of an account that f selects, by
	// falling id, and so the latest event first, until yield returns false.
	Deliveries(ctx context.Context, a webhook.Account, f client.DeliveryFilter, yield func(deliveryResult) bool) error
	Delivery(ctx context.Context, a webhook.Account, id string) (deliveryDetails, error)
	// Retry has a delivery attempted at once. It returns [webhook.ErrChanged] if
	// another attempt was just made.
	Retry(ctx context.Context, a webhook.Account, id string) (deliveryResult, error)
	// Recover is [client.Client.Recover].
	Recover(ctx context.Context, a webhook.Account, q client.Recovery) (client.Recovered, error)
}

// open opens what the flags name. If that is a store it creates only what m
// says. An error is one line that says what to do.
func (p *program) open(ctx context.Context, m missing) (backend, error) {
	if p.flags.remote() {
		return p.openAPI(ctx)
	}
	s, err := p.openStore(ctx, m)
	if err != nil {
		return nil, err
	}
	return storeBackend{p, s}, nil
}

// closeInto closes a backend at the end of a function and joins the error to
// that of the function.
func closeInto(b backend, err *error) { *err = errors.Join(*err, b.Close()) }
