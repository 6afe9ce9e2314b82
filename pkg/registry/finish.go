package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// revokeTimeout bounds how long tokens are deleted after the time since
	// which an account counts as closing.
	revokeTimeout = 30 * time.Second
	// closingTime is how long an account is closing before its webhooks are
	// deleted.
	closingTime = revokeTimeout + DeletionPause
)

// ClosingStore is the part of store.Store that finishing deletions needs.
type ClosingStore interface {
	AccountStore
	ClosingAccounts(context.Context) ([]webhook.ClosingAccount, error)
	PostponeClosing(ctx context.Context, a webhook.Account, at time.Time) error
}

// Finisher completes the deletion of accounts that were closed. Several may run
// at once, and each step can be repeated: whatever cuts a run off, the next one
// continues.
type Finisher struct {
	store ClosingStore
	now   func() time.Time
	log   *slog.Logger
}

// NewFinisher makes a Finisher. It panics if an argument is nil.
func NewFinisher(store ClosingStore, now func() time.Time, log *slog.Logger) *Finisher {
	if store == nil || now == nil || log == nil {
		panic("registry: an argument of NewFinisher is nil")
	}
	return &Finisher{store, now, log}
}

// Finish goes through the closing accounts once. It deletes the tokens that one
// still has, and completes the deletion of those that have been closing, without
// tokens, for longer than servers accept a token that they know. It logs each
// account that it deletes. An account that fails does not keep it from the
// others; the error joins those of all.
func (f *Finisher) Finish(ctx context.Context) error {
	closing, err := f.store.ClosingAccounts(ctx)
	errs := []error{err}
	for _, c := range closing {
		if ctx.Err() != nil {
			break // the next run continues
		}
		d := deletion{store: f.store, account: c.Account}
		switch err := f.finish(ctx, &d, c.Since); {
		case errors.Is(err, errSucceeded), errors.Is(err, errTooEarly):
		case err != nil:
			errs = append(errs, fmt.Errorf("finish deleting account %s: %w", c.Account, err))
		default:
			f.log.LogAttrs(ctx, slog.LevelInfo, "account deleted",
				slog.String("api", string(c.Account.API)), slog.String("account", c.Account.ID),
				slog.Int("webhooks", d.done.Webhooks), slog.Int("cancelled", d.done.Cancelled))
		}
	}
	return errors.Join(errs...)
}

// errTooEarly says that it is too early to complete a deletion.
var errTooEarly = errors.New("servers may accept its tokens")

// finish continues one deletion, of an account that has been closing since then.
func (f *Finisher) finish(ctx context.Context, d *deletion, since time.Time) error {
	if err := d.checkClosing(ctx); err != nil {
		return err
	}
	tokens, err := f.store.Tokens(ctx, d.account)
	now := f.now().UTC().Truncate(time.Millisecond)
	switch {
	case err != nil:
		return err
	case len(tokens) > 0, since.After(now), d.created.After(since):
		// The last two: a clock was put back, or this is a successor that was
		// closed after the list was read.
		return f.revokeTokens(ctx, d, now)
	case now.Before(since.Add(closingTime)):
		return errTooEarly
	}
	return d.finish(ctx)
}

// revokeTokens deletes the tokens of an account that counts as closing since now from
// here on: first, so that a run that is cut off shortens no waiting.
func (f *Finisher) revokeTokens(ctx context.Context, d *deletion, now time.Time) error {
	if err := d.gone(f.store.PostponeClosing(ctx, d.account, now)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	if err := sweep(ctx, d, f.store.Tokens, d.revoke); err != nil {
		return err
	}
	return errTooEarly
}
