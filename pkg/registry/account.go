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

// maxSweeps bounds how often an account's records are listed and deleted. The
// first sweep nearly always deletes all, and the second finds none.
const maxSweeps = 100

// AccountStore is the part of store.Store that deleting an account needs.
type AccountStore interface {
	CloseAccount(ctx context.Context, a webhook.Account, at time.Time) error
	Account(context.Context, webhook.Account) (webhook.AccountInfo, error)
	Tokens(context.Context, webhook.Account) ([]webhook.Token, error)
	RevokeToken(ctx context.Context, a webhook.Account, id string) error
	Webhooks(context.Context, webhook.Account) ([]webhook.Webhook, error)
	Delete(context.Context, []webhook.Webhook) error
	Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error
	RecordAttempt(context.Context, webhook.AttemptResult) (webhook.Delivery, error)
	DeleteAccount(context.Context, webhook.Account) error
}

// Deleted counts what the deletion of an account removed with it, and the
// deliveries that it cancelled.
type Deleted struct{ Tokens, Webhooks, Cancelled int }

// CloseAccount begins the deletion of an account: it marks the account as
// closing since at, so that it gets no more tokens and keys, and deletes its
// tokens. A [Finisher] does the rest. Closing it again changes nothing more.
//
//   - [webhook.ErrNotFound]: the account does not exist.
//   - Any other error is an internal error. The account may be closing, and is
//     then deleted in any case.
func CloseAccount(ctx context.Context, s AccountStore, a webhook.Account, at time.Time) error {
	d := deletion{store: s, account: a}
	if err := d.close(ctx, at); err != nil && !errors.Is(err, errSucceeded) {
		return fmt.Errorf("close account %s: %w", a, err)
	}
	return nil
}

// DeleteAccount deletes an account and what belongs to it. It closes the
// account, as [CloseAccount] does; calls wait for [DeletionPause], since
// servers may accept the tokens that long; deletes its webhooks until none is
// left, including those registered meanwhile; cancels the deliveries that await
// an attempt; and finally deletes the account itself with its signing key. It
// returns counts of what this call did.
//
// Every step can be repeated: another call completes a deletion that was
// interrupted or is under way. DeleteAccount touches nothing while an account
// of that name exists that is not closing, so a late call does not harm a
// successor with the same id.
//
// Records of deliveries remain until they expire, after 8 days at most. Events
// published to a closing account are refused, and their attempts never start,
// so nothing is sent that was too late to be cancelled.
//
//   - [webhook.ErrNotFound]: the account does not exist.
//   - An error of wait, wrapped. wait gets ctx and returns its error when it
//     ends.
//   - Any other error is an internal error. The account may be closing; call
//     again.
func DeleteAccount(ctx context.Context, s AccountStore, a webhook.Account, at time.Time, wait func(context.Context, time.Duration) error) (Deleted, error) {
	d := deletion{store: s, account: a}
	if err := d.run(ctx, at, wait); err != nil && !errors.Is(err, errSucceeded) {
		return d.done, fmt.Errorf("delete account %s: %w", a, err)
	}
	return d.done, nil
}

// errSucceeded says that another call deleted the account already. An account
// with the same name may have been created since.
var errSucceeded = errors.New("deleted by another")

// deletion is one call of DeleteAccount, or a part of it.
type deletion struct {
	store   AccountStore
	account webhook.Account
	created time.Time // distinguishes the account from a successor
	done    Deleted
}

func (d *deletion) run(ctx context.Context, at time.Time, wait func(context.Context, time.Duration) error) error {
	if err := d.close(ctx, at); err != nil {
		return err
	}
	// Also where there was no token: it may have been revoked just now.
	if err := wait(ctx, DeletionPause); err != nil {
		return err
	}
	return d.finish(ctx)
}

// close marks the account and deletes its tokens.
func (d *deletion) close(ctx context.Context, at time.Time) error {
	if err := d.store.CloseAccount(ctx, d.account, at); err != nil {
		return err
	}
	if err := d.checkClosing(ctx); err != nil {
		return err
	}
	return sweep(ctx, d, d.store.Tokens, d.revoke)
}

// finish deletes all else of an account whose tokens nobody accepts any more.
func (d *deletion) finish(ctx context.Context) error {
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

// checkClosing checks that the account is still the one that is closing, and
// returns errSucceeded if not. Records listed before the call belong to that
// account and not to a successor.
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

// gone returns errSucceeded if the account does not exist.
func (*deletion) gone(err error) error {
	if errors.Is(err, webhook.ErrNotFound) {
		return errSucceeded
	}
	return err
}

// sweep lists and removes records of the account until none is left.
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

// revoke deletes tokens. It skips those that another call deleted.
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

// deleteWebhooks deletes webhooks, those with the same id together. Webhooks
// that changed since they were listed are left to the next sweep.
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
