package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	updateDelivery = `UPDATE delivery SET attempts = ?, attempted_at = ?, status = ?, next = ?, due = ?, sends = ?,
		status_code = ?, reason = ? WHERE dialect = ? AND account = ? AND id = ? AND attempts = ?`
	countFailure = `UPDATE webhook SET last_failed_at = ?, failed_attempts = failed_attempts + 1
		WHERE dialect = ? AND account = ? AND event = ? AND id = ?`
	recordSuccess = `UPDATE webhook SET last_sent_at = ?, failed_attempts = 0
		WHERE dialect = ? AND account = ? AND event = ? AND id = ?`
)

// RecordAttempt writes what became of a delivery and marks the statistics of its
// webhook, both or neither, as store.Deliveries says. The delivery is returned
// without its payload. webhook.ErrUnknownOutcome: the disk failed in the middle
// of the commit.
func (s *Store) RecordAttempt(ctx context.Context, result webhook.AttemptResult) (webhook.Delivery, error) {
	name := result.Was.ID()
	if !result.Now.Status.Valid() {
		return webhook.Delivery{}, fmt.Errorf("record attempt of delivery %s of %v: %w: %v", name, result.Was.Account, webhook.ErrInvalid, result.Now.Status)
	}
	id, attempts, stats := deliveryKey(name), result.Was.Attempts, result.Stats
	stand := resultValues(result.Was, result.Now)
	err := s.writer.write(ctx, func(tx *session) error {
		n, err := tx.writeResult(id, attempts, stand)
		if err != nil {
			return err
		}
		if n == 0 {
			if stand, err = tx.delivery(stand.Account, id); err == nil {
				err = webhook.ErrChanged
			}
			return err
		}
		return tx.updateStats(stand, stats)
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

// resultValues gives was with what RecordAttempt writes of now.
func resultValues(was, now webhook.Delivery) webhook.Delivery {
	was.Attempts, was.AttemptedAt = now.Attempts, now.AttemptedAt
	was.Status, was.StatusCode, was.Reason = now.Status, now.StatusCode, now.Reason
	was.Next, was.Due, was.Sends = now.Next, now.Due, now.Sends
	return normalizedDelivery(was)
}

// writeResult writes what became of a delivery, and gives the number of records
// that it was written to: 0 where there is none with so many attempts.
func (tx *session) writeResult(id []byte, attempts int64, d webhook.Delivery) (int, error) {
	return tx.run(updateDelivery, d.Attempts, d.AttemptedAt, d.Status.String(), d.Next,
		d.Due, d.Sends, d.StatusCode, d.Reason, string(d.Account.API), d.Account.ID, id, attempts)
}

// updateStats notes the latest attempt of d in the statistics of the webhook that d
// is for, if that is still the one of its event.
func (tx *session) updateStats(d webhook.Delivery, stats webhook.StatsUpdate) (err error) {
	switch stats {
	case webhook.StatsFailed:
		_, err = tx.run(countFailure, d.AttemptedAt.UnixMilli(), string(d.Account.API), d.Account.ID, d.Event, d.WebhookID)
	case webhook.StatsSent:
		_, err = tx.run(recordSuccess, d.AttemptedAt.UnixMilli(), string(d.Account.API), d.Account.ID, d.Event, d.WebhookID)
	case webhook.NoStats:
	}
	return err
}
