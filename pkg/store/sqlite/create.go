package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	insertWebhook = `INSERT INTO webhook (dialect, account, ` + webhookColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	findWebhook = `SELECT ` + webhookColumns + ` FROM webhook WHERE dialect = ? AND account = ? AND event = ?`
	// countOfAccount reads the smallest index that has all webhooks.
	countOfAccount = `SELECT count(*) FROM webhook INDEXED BY webhook_id WHERE dialect = ? AND account = ?`
	// webhookColumns are in the order of readWebhook.
	webhookColumns = `event, id, claim, url, send_payload, position, sealed_key, retired_keys, disabled,
		disabled_reason, version, created_at, updated_at, last_sent_at, last_failed_at, failed_attempts, state_since, last_status, disabled_at,
		slow_since, told`
)

// Create implements [store.Store]. Any other error means that the disk failed.
// A batch may exist then; a single creation returns
// [webhook.ErrUnknownOutcome].
func (s *Store) Create(ctx context.Context, c webhook.Creation) ([]webhook.Webhook, error) {
	account := c.Webhooks[0].Account
	// The writer works on copies, since the caller may return first.
	stand := make([]webhook.Webhook, len(c.Webhooks))
	for i := range c.Webhooks {
		stand[i] = normalised(c.Webhooks[i])
	}
	exclusions := slices.Clone(c.Exclusions)
	single := len(stand) == 1 && len(exclusions) == 0

	err := s.writer.write(ctx, func(tx *session) error {
		if single {
			return tx.createOne(&stand[0])
		}
		return tx.createAll(stand, exclusions)
	})
	switch {
	case err == nil:
		return stand, nil
	case single && errors.Is(err, errUncertain):
		err = fmt.Errorf("%w: %w", webhook.ErrUnknownOutcome, err)
	}
	return nil, fmt.Errorf("create webhooks of %v: %w", account, err)
}

// createOne adds one webhook. If the same request created it before, it sets w
// to the existing record.
func (tx *session) createOne(w *webhook.Webhook) error {
	full := tx.checkCount(w.Account, 1)
	if full == nil {
		if added, err := tx.addWebhook(w); err != nil || added {
			return err
		}
	}
	there, err := tx.webhook(w.Account, w.Event)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return full
	case err != nil:
		return err
	}
	if !there.SameRequest(*w) {
		return &webhook.TakenError{IDs: map[string]string{w.Event: there.ID}}
	}
	*w = there
	return nil
}

// createAll checks the whole creation, then adds what is missing. Nobody else
// can write in between: the transaction has held the write lock since it began.
func (tx *session) createAll(stand []webhook.Webhook, exclusions []webhook.Exclusion) error {
	account := stand[0].Account
	var missing []int
	taken := map[string]string{}
	for i := range stand {
		there, err := tx.webhook(account, stand[i].Event)
		switch {
		case errors.Is(err, webhook.ErrNotFound):
			missing = append(missing, i)
		case err != nil:
			return err
		case there.SameRequest(stand[i]):
			stand[i] = there
		default:
			taken[there.Event] = there.ID
		}
	}
	if len(taken) > 0 {
		return &webhook.TakenError{IDs: taken}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := tx.checkExclusions(account, exclusions); err != nil {
		return err
	}
	if err := tx.checkCount(account, len(missing)); err != nil {
		return err
	}
	return tx.whole(func() error {
		for _, i := range missing {
			if _, err := tx.addWebhook(&stand[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkCount returns [webhook.ErrTooMany] if the account may not have so many
// more webhooks.
func (tx *session) checkCount(a webhook.Account, more int) error {
	n, err := one(tx.conn, countOfAccount, scanInt, string(a.API), a.ID)
	if err == nil && n+int64(more) > webhook.MaxWebhooks {
		err = webhook.ErrTooMany
	}
	return err
}

// checkExclusions returns an ExcludedError for the exclusions whose other event
// is registered.
func (tx *session) checkExclusions(account webhook.Account, exclusions []webhook.Exclusion) error {
	var found []webhook.Exclusion
	for _, x := range exclusions {
		_, err := tx.webhook(account, x.By)
		switch {
		case err == nil:
			found = append(found, x)
		case !errors.Is(err, webhook.ErrNotFound):
			return err
		}
	}
	if len(found) > 0 {
		return &webhook.ExcludedError{Found: found}
	}
	return nil
}

// whole makes several writes, all or none, without affecting the rest of the
// transaction.
func (tx *session) whole(do func() error) error {
	if err := tx.alone("SAVEPOINT request"); err != nil {
		return err
	}
	failed := do()
	if failed != nil && !isOwn(failed) {
		return failed // the whole transaction is abandoned
	}
	if failed != nil {
		if err := tx.alone("ROLLBACK TO request"); err != nil {
			return err
		}
	}
	if err := tx.alone("RELEASE request"); err != nil {
		return err
	}
	return failed
}

// addWebhook reports whether w was added. It is not if its event is taken.
func (tx *session) addWebhook(w *webhook.Webhook) (bool, error) {
	retired, err := encodeRetired(w.RetiredKeys)
	if err != nil {
		return false, err
	}
	n, err := tx.run(insertWebhook, string(w.Account.API), w.Account.ID, w.Event, w.ID, w.RequestID, w.URL, w.SendPayload,
		w.Position, w.SealedKey, retired, w.Disabled, w.DisabledReason, w.Version, w.CreatedAt.UnixMilli(), w.UpdatedAt,
		w.Statistics.LastSentAt, w.Statistics.LastFailedAt, w.Statistics.FailedAttempts, w.Statistics.Since, w.Statistics.LastStatus, w.DisabledAt, w.SlowSince,
		int64(w.Statistics.Told))
	return n == 1, err
}

// webhook returns the webhook of an event within the transaction, or
// [webhook.ErrNotFound].
func (tx *session) webhook(a webhook.Account, event string) (webhook.Webhook, error) {
	return one(tx.conn, findWebhook, scanWebhook(a), string(a.API), a.ID, event)
}
