// Package intercept lets tests come between a store and those who use it: calls
// fail, lose their answer, or are counted.
package intercept

import (
	"context"
	"time"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// Store is a store of which the calls below go through Do, by the names of their
// methods. Do makes a call or does not.
type Store struct {
	store.Store
	Do func(call string, do func() error) error
}

// Writes returns a Do that leaves reads alone.
func Writes(do func(write func() error) error) func(call string, do func() error) error {
	return func(call string, given func() error) error {
		if IsRead(call) {
			return given()
		}
		return do(given)
	}
}

// IsRead reports whether a call reads and writes nothing.
func IsRead(call string) bool {
	switch call {
	case "Recipients", "Delivery", "Deliveries", "DeliveryPage", "AttemptInput", "Attempts",
		"Webhook", "Webhooks", "WebhooksByID", "Failing", "Account", "AccountsAfter", "Tokens":
		return true
	}
	return false
}

// Recipients implements [store.Deliveries].
func (s Store) Recipients(ctx context.Context, keys []webhook.EventKey) (found []webhook.Recipient, err error) {
	err = s.Do("Recipients", func() (err error) { found, err = s.Store.Recipients(ctx, keys); return err })
	return found, err
}

// AddDelivery implements [store.Deliveries].
func (s Store) AddDelivery(ctx context.Context, d webhook.Delivery) (added webhook.Delivery, err error) {
	err = s.Do("AddDelivery", func() (err error) { added, err = s.Store.AddDelivery(ctx, d); return err })
	return added, err
}

// Delivery implements [store.Deliveries].
func (s Store) Delivery(ctx context.Context, a webhook.Account, id string) (d webhook.Delivery, err error) {
	err = s.Do("Delivery", func() (err error) { d, err = s.Store.Delivery(ctx, a, id); return err })
	return d, err
}

// AttemptInput implements [store.Deliveries].
func (s Store) AttemptInput(ctx context.Context, m webhook.Message) (input webhook.AttemptInput, err error) {
	err = s.Do("AttemptInput", func() (err error) { input, err = s.Store.AttemptInput(ctx, m); return err })
	return input, err
}

// Attempts implements [store.Deliveries].
func (s Store) Attempts(ctx context.Context, d webhook.Delivery) (list []webhook.Attempt, err error) {
	err = s.Do("Attempts", func() (err error) { list, err = s.Store.Attempts(ctx, d); return err })
	return list, err
}

// RecordAttempt implements [store.Deliveries].
func (s Store) RecordAttempt(ctx context.Context, r webhook.AttemptResult) (d webhook.Delivery, err error) {
	err = s.Do("RecordAttempt", func() (err error) { d, err = s.Store.RecordAttempt(ctx, r); return err })
	return d, err
}

// Webhook implements [store.Store].
func (s Store) Webhook(ctx context.Context, a webhook.Account, event string) (w webhook.Webhook, err error) {
	err = s.Do("Webhook", func() (err error) { w, err = s.Store.Webhook(ctx, a, event); return err })
	return w, err
}

// Webhooks implements [store.Store].
func (s Store) Webhooks(ctx context.Context, a webhook.Account) (list []webhook.Webhook, err error) {
	err = s.Do("Webhooks", func() (err error) { list, err = s.Store.Webhooks(ctx, a); return err })
	return list, err
}

// WebhooksByID implements [store.Store].
func (s Store) WebhooksByID(ctx context.Context, a webhook.Account, id string) (list []webhook.Webhook, err error) {
	err = s.Do("WebhooksByID", func() (err error) { list, err = s.Store.WebhooksByID(ctx, a, id); return err })
	return list, err
}

// Account implements [store.Store].
func (s Store) Account(ctx context.Context, a webhook.Account) (info webhook.AccountInfo, err error) {
	err = s.Do("Account", func() (err error) { info, err = s.Store.Account(ctx, a); return err })
	return info, err
}

// Tokens implements [store.Store].
func (s Store) Tokens(ctx context.Context, a webhook.Account) (list []webhook.Token, err error) {
	err = s.Do("Tokens", func() (err error) { list, err = s.Store.Tokens(ctx, a); return err })
	return list, err
}

// DeliveryPage implements [store.Deliveries].
func (s Store) DeliveryPage(ctx context.Context, a webhook.Account, r webhook.DeliveryRange) (list []webhook.Delivery, more bool, err error) {
	err = s.Do("DeliveryPage", func() (err error) { list, more, err = s.Store.DeliveryPage(ctx, a, r); return err })
	return list, more, err
}

// Failing implements [store.Store].
func (s Store) Failing(ctx context.Context, d webhook.API, after string, limit int) (list []webhook.Webhook, next string, err error) {
	err = s.Do("Failing", func() (err error) { list, next, err = s.Store.Failing(ctx, d, after, limit); return err })
	return list, next, err
}

// AccountsAfter implements [store.Store].
func (s Store) AccountsAfter(ctx context.Context, d webhook.API, after string, limit int) (list []webhook.AccountInfo, next string, err error) {
	err = s.Do("AccountsAfter", func() (err error) { list, next, err = s.Store.AccountsAfter(ctx, d, after, limit); return err })
	return list, next, err
}

// Deliveries implements [store.Deliveries].
func (s Store) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	return s.Do("Deliveries", func() error { return s.Store.Deliveries(ctx, a, from, yield) })
}

// Change implements [store.Store].
func (s Store) Change(ctx context.Context, c webhook.Change) error {
	return s.Do("Change", func() error { return s.Store.Change(ctx, c) })
}

// Delete implements [store.Store].
func (s Store) Delete(ctx context.Context, webhooks []webhook.Webhook) error {
	return s.Do("Delete", func() error { return s.Store.Delete(ctx, webhooks) })
}

// CreateAccount implements [store.Store].
func (s Store) CreateAccount(ctx context.Context, a webhook.AccountInfo) error {
	return s.Do("CreateAccount", func() error { return s.Store.CreateAccount(ctx, a) })
}

// CloseAccount implements [store.Store].
func (s Store) CloseAccount(ctx context.Context, a webhook.Account, at time.Time) error {
	return s.Do("CloseAccount", func() error { return s.Store.CloseAccount(ctx, a, at) })
}

// PostponeClosing implements [store.Store].
func (s Store) PostponeClosing(ctx context.Context, a webhook.Account, at time.Time) error {
	return s.Do("PostponeClosing", func() error { return s.Store.PostponeClosing(ctx, a, at) })
}

// DeleteAccount implements [store.Store].
func (s Store) DeleteAccount(ctx context.Context, a webhook.Account) error {
	return s.Do("DeleteAccount", func() error { return s.Store.DeleteAccount(ctx, a) })
}

// CreateToken implements [store.Store].
func (s Store) CreateToken(ctx context.Context, t webhook.Token) error {
	return s.Do("CreateToken", func() error { return s.Store.CreateToken(ctx, t) })
}

// RevokeToken implements [store.Store].
func (s Store) RevokeToken(ctx context.Context, a webhook.Account, id string) error {
	return s.Do("RevokeToken", func() error { return s.Store.RevokeToken(ctx, a, id) })
}

// EndPortal implements [store.Portal].
func (s Store) EndPortal(ctx context.Context, a webhook.Account) error {
	return s.Do("EndPortal", func() error { return s.Store.EndPortal(ctx, a) })
}
