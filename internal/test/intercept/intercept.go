// Package intercept lets tests come between a store and those who write into it:
// writes fail, lose their answer, or are counted.
package intercept

import (
	"context"
	"time"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// Store is a store whose writes of deliveries, accounts and tokens, whose changes
// of webhooks and whose end of links go through Do, which makes them or does not.
type Store struct {
	store.Store
	Do func(write func() error) error
}

// AddDelivery implements [store.Deliveries].
func (s Store) AddDelivery(ctx context.Context, d webhook.Delivery) (added webhook.Delivery, err error) {
	err = s.Do(func() (err error) { added, err = s.Store.AddDelivery(ctx, d); return err })
	return added, err
}

// RecordAttempt implements [store.Deliveries].
func (s Store) RecordAttempt(ctx context.Context, r webhook.AttemptResult) (d webhook.Delivery, err error) {
	err = s.Do(func() (err error) { d, err = s.Store.RecordAttempt(ctx, r); return err })
	return d, err
}

// Change implements [store.Store].
func (s Store) Change(ctx context.Context, c webhook.Change) error {
	return s.Do(func() error { return s.Store.Change(ctx, c) })
}

// Delete implements [store.Store].
func (s Store) Delete(ctx context.Context, webhooks []webhook.Webhook) error {
	return s.Do(func() error { return s.Store.Delete(ctx, webhooks) })
}

// CreateAccount implements [store.Store].
func (s Store) CreateAccount(ctx context.Context, a webhook.AccountInfo) error {
	return s.Do(func() error { return s.Store.CreateAccount(ctx, a) })
}

// CloseAccount implements [store.Store].
func (s Store) CloseAccount(ctx context.Context, a webhook.Account, at time.Time) error {
	return s.Do(func() error { return s.Store.CloseAccount(ctx, a, at) })
}

// PostponeClosing implements [store.Store].
func (s Store) PostponeClosing(ctx context.Context, a webhook.Account, at time.Time) error {
	return s.Do(func() error { return s.Store.PostponeClosing(ctx, a, at) })
}

// DeleteAccount implements [store.Store].
func (s Store) DeleteAccount(ctx context.Context, a webhook.Account) error {
	return s.Do(func() error { return s.Store.DeleteAccount(ctx, a) })
}

// CreateToken implements [store.Store].
func (s Store) CreateToken(ctx context.Context, t webhook.Token) error {
	return s.Do(func() error { return s.Store.CreateToken(ctx, t) })
}

// RevokeToken implements [store.Store].
func (s Store) RevokeToken(ctx context.Context, a webhook.Account, id string) error {
	return s.Do(func() error { return s.Store.RevokeToken(ctx, a, id) })
}

// EndPortal implements [store.Portal].
func (s Store) EndPortal(ctx context.Context, a webhook.Account) error {
	return s.Do(func() error { return s.Store.EndPortal(ctx, a) })
}
