package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	setResult = `UPDATE delivery SET attempts = ?, attempted_at = ?, duration = ?, status = ?, next = ?, due = ?, sends = ?,
		status_code = ?, reason = ?`
	ifAttempts       = ` WHERE dialect = ? AND account = ? AND id = ? AND attempts = ?`
	updateAttempted  = setResult + ifAttempts
	updateRedirected = setResult + `, webhook_id = ?, url = ?` + ifAttempts + ` AND next IS ?`
	countFailure     = `UPDATE webhook SET last_failed_at = ?, last_status = ?,
		state_since = iif(failed_attempts > 0, coalesce(state_since, ?), ?), failed_attempts = failed_attempts + 1
		WHERE dialect = ? AND account = ? AND event = ? AND id = ?`
	recordSuccess = `UPDATE webhook SET last_sent_at = ?, last_status = ?,
		state_since = iif(failed_attempts = 0, coalesce(state_since, ?), ?), failed_attempts = 0,
		told = iif(disabled, told, 0)
		WHERE dialect = ? AND account = ? AND event = ? AND id = ?`
)

// RecordAttempt implements [store.Deliveries]. It writes the delivery, an
// attempt that failed and the statistics, all or nothing, and returns the
// delivery without its payload. It returns [webhook.ErrUnknownOutcome] if the
// disk failed during the commit.
func (s *Store) RecordAttempt(ctx context.Context, result webhook.AttemptResult) (webhook.Delivery, error) {
	name := result.Was.ID()
	if !result.Now.Status.Valid() {
		return webhook.Delivery{}, fmt.Errorf("record attempt of delivery %s of %v: %w: %v", name, result.Was.Account, webhook.ErrInvalid, result.Now.Status)
	}
	id, attempts, next := deliveryKey(name), result.Was.Attempts, result.Was.Next
	attempted, stats, recovered := result.Attempted(), result.Stats, result.Recovered
	stand := resultValues(result)
	failed, keep := result.FailedAttempt()
	failed.Response = bytes.Clone(failed.Response)
	err := s.writer.write(ctx, func(tx *session) error {
		n, err := tx.writeResult(id, attempts, next, attempted, stand)
		if err != nil {
			return err
		}
		if n == 0 {
			if stand, err = tx.delivery(stand.Account, id); err == nil {
				err = webhook.ErrChanged
			}
			return err
		}
		if keep {
			if err := tx.addAttempt(stand.Account, id, failed); err != nil {
				return err
			}
		}
		return tx.updateStats(stand, stats, recovered)
	})
	if err == nil {
		return stand, nil
	}
	err = fmt.Errorf("record attempt of delivery %s of %v: %w", name, result.Was.Account, unknownOutcome(err))
	if errors.Is(err, webhook.ErrChanged) {
		return stand, err
	}
	return webhook.Delivery{}, err
}

// resultValues returns the delivery that was with the fields that RecordAttempt
// writes.
func resultValues(r webhook.AttemptResult) webhook.Delivery {
	was, now := r.Was, r.Now
	if !r.Attempted() {
		was.WebhookID, was.URL = now.WebhookID, now.URL
	}
	was.Attempts, was.AttemptedAt, was.Duration = now.Attempts, now.AttemptedAt, now.Duration
	was.Status, was.StatusCode, was.Reason = now.Status, now.StatusCode, now.Reason
	was.Next, was.Due, was.Sends = now.Next, now.Due, now.Sends
	return normalisedDelivery(was)
}

// writeResult writes d over the delivery with the id if that has the attempts
// and, if d is not of an attempt, the next one. It returns the number of records
// written.
func (tx *session) writeResult(id []byte, attempts int64, next time.Time, attempted bool, d webhook.Delivery) (int, error) {
	result := []any{
		d.Attempts, d.AttemptedAt, d.Duration.Milliseconds(), d.Status.String(), d.Next,
		d.Due, d.Sends, d.StatusCode, d.Reason,
	}
	key := []any{string(d.Account.API), d.Account.ID, id, attempts}
	if attempted {
		return tx.run(updateAttempted, append(result, key...)...)
	}
	return tx.run(updateRedirected, slices.Concat(result, []any{d.WebhookID, d.URL}, key, []any{next})...)
}

// updateStats updates the statistics of the webhook of d, if that still has the
// event of d.
func (tx *session) updateStats(d webhook.Delivery, stats webhook.StatsUpdate, recovered *webhook.Notice) (err error) {
	at := d.AttemptedAt.UnixMilli()
	args := []any{at, d.StatusCode, at, at, string(d.Account.API), d.Account.ID, d.Event, d.WebhookID}
	switch stats {
	case webhook.StatsFailed:
		_, err = tx.run(countFailure, args...)
	case webhook.StatsSent:
		if recovered != nil {
			if err := tx.addRecovery(d, *recovered); err != nil {
				return err
			}
		}
		_, err = tx.run(recordSuccess, args...)
	case webhook.NoStats:
	}
	return err
}
