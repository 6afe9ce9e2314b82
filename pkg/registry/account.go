package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// DeletionPause is how long an account rests between the end of its tokens and that
// of its webhooks. Until then a server may let in who had a token: for 30 s it
// believes what it has read of one (package auth), and a request that is let
// in has less than 30 s to be done.
const DeletionPause = 60 * time.Second

// maxSweeps bounds how often what an account has is listed and deleted. The
// first time nearly always takes all, the second sees that nothing is left.
const maxSweeps = 100

// AccountStore is the part of store.Store that deleting an account needs.
type AccountStore interface {
	CloseAccount(context.Context, webhook.Account) error
	Account(context.Context, webhook.Account) (webhook.AccountInfo, error)
	Tokens(context.Context, webhook.Account) ([]webhook.Token, error)
	RevokeToken(ctx context.Context, a webhook.Account, id string) error
	Webhooks(context.Context, webhook.Account) ([]webhook.Webhook, error)
	Delete(context.Context, []webhook.Webhook) error
	Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error
	RecordAttempt(context.Context, webhook.AttemptResult) (webhook.Delivery, error)
	DeleteAccount(context.Context, webhook.Account) error
}

// Deleted counts what a deletion of an account removed with it, and the
// deliveries that it cancelled.
type Deleted struct{ Tokens, Webhooks, Cancelled int }

// DeleteAccount removes an account and what it has: it marks the account as
// closing, so that it gets no more tokens and keys; deletes its tokens; calls
// wait for DeletionPause, since servers may accept them that long; deletes its
// webhooks until none is left, those that were registered meanwhile too;
// cancels the deliveries that an attempt was to come of; and deletes the
// account itself last, with its signing key. What was returned counts what this
// call did.
//
// Every step can be repeated: a deletion that was cut off anywhere, and one
// that goes on at the same time, is completed by another call. While an
// account of that name stands that is not closing, nothing of it is touched,
// so that a late call does no harm to a successor of the same id.
//
// Records of deliveries are left to their time to live, 8 days at most. What
// is published to an account that is closing is refused, and an attempt of it
// is never begun, so that nothing is sent that came too late to be cancelled.
//
//   - webhook.ErrNotFound: there is no such account.
//   - An error of wait, wrapped; it is given ctx and returns its error when
//     that ends.
//   - Any other error is internal, the store's included. The
//     account may be closing then; call again.
func DeleteAccount(ctx context.Context, s AccountStore, a webhook.Account, wait func(context.Context, time.Duration) error) (Deleted, error) {
	d := deletion{store: s, account: a}
	if err := d.run(ctx, wait); err != nil && !errors.Is(err, errSucceeded) {
		return d.done, fmt.Errorf("delete account %s: %w", a, err)
	}
	return d.done, nil
}

// errSucceeded says that the account that was to be deleted is gone already,
// by another deletion of it. One of the same name may have been created since.
var errSucceeded = errors.New("deleted by another")

// deletion is one call of DeleteAccount.
type deletion struct {
	store   AccountStore
	account webhook.Account
	created time.Time // tells the account from a successor
	done    Deleted
}

func (d *deletion) run(ctx context.Context, wait func(context.Context, time.Duration) error) error {
	if err := d.store.CloseAccount(ctx, d.account); err != nil {
		return err
	}
	if err := d.checkClosing(ctx); err != nil {
		return err
	}
	if err := sweep(ctx, d, d.store.Tokens, d.revoke); err != nil {
		return err
	}
	// Also where there was no token: it may have been revoked just now.
	if err := wait(ctx, DeletionPause); err != nil {
		return err
	}
	if err := sweep(ctx, d, d.store.Webhooks, d.deleteWebhooks); err != nil {
		return err
	}
	if err := d.cancelDeliveries(ctx); err != nil {
		return err
	}
	if err := d.checkClosing(ctx); err != nil {
		return err
	}
	return d.gone(d.store.DeleteAccount(ctx, d.account))
}

// checkClosing makes sure that the account is still the one that is closing;
// errSucceeded: it is not. What was listed before standing was called is then
// that account's, and no successor's.
func (d *deletion) checkClosing(ctx context.Context) error {
	info, err := d.store.Account(ctx, d.account)
	if err != nil {
		return d.gone(err)
	}
	if !info.Closing || !d.created.IsZero() && !d.created.Equal(info.CreatedAt) {
		return errSucceeded
	}
	d.created = info.CreatedAt
	return nil
}

// gone takes it for success that the account is not there.
func (*deletion) gone(err error) error {
	if errors.Is(err, webhook.ErrNotFound) {
		return errSucceeded
	}
	return err
}

// sweep lists what the account has and removes it, until nothing is left.
func sweep[T any](ctx context.Context, d *deletion, list func(context.Context, webhook.Account) ([]T, error), remove func(context.Context, []T) error) error {
	for range maxSweeps {
		found, err := list(ctx, d.account)
		if err != nil || len(found) == 0 {
			return err
		}
		if err := d.checkClosing(ctx); err != nil {
			return err
		}
		if err := remove(ctx, found); err != nil {
			return err
		}
	}
	return fmt.Errorf("something was left each of %d times: %w", maxSweeps, webhook.ErrUnavailable)
}

// revoke removes tokens. One that is gone was removed by another.
func (d *deletion) revoke(ctx context.Context, tokens []webhook.Token) error {
	for _, t := range tokens {
		switch err := d.store.RevokeToken(ctx, d.account, t.ID); {
		case err == nil:
			d.done.Tokens++
		case !errors.Is(err, webhook.ErrNotFound):
			return err
		}
	}
	return nil
}

// deleteWebhooks removes webhooks, those of one id in one go. An id that is
// not as it was listed is left to the next sweep.
func (d *deletion) deleteWebhooks(ctx context.Context, webhooks []webhook.Webhook) error {
	slices.SortStableFunc(webhooks, func(v, w webhook.Webhook) int { return cmp.Compare(v.ID, w.ID) })
	for len(webhooks) > 0 {
		id, n := webhooks[0].ID, 1
		for n < len(webhooks) && webhooks[n].ID == id {
			n++
		}
		switch err := d.store.Delete(ctx, webhooks[:n]); {
		case err == nil:
			d.done.Webhooks += n
		case !errors.Is(err, webhook.ErrNotFound):
			return err
		}
		webhooks = webhooks[n:]
	}
	return nil
}
