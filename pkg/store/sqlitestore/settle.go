package sqlitestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	settleDelivery = `UPDATE delivery SET attempts = ?, attempted_at = ?, status = ?, next = ?, due = ?, sends = ?,
		status_code = ?, reason = ? WHERE dialect = ? AND account = ? AND id = ? AND attempts = ?`
	markFailed = `UPDATE webhook SET last_failed_at = ?, failed_attempts = failed_attempts + 1
		WHERE dialect = ? AND account = ? AND event = ? AND id = ?`
	markSent = `UPDATE webhook SET last_sent_at = ?, failed_attempts = 0
		WHERE dialect = ? AND account = ? AND event = ? AND id = ?`
)

// Settle writes what became of a delivery and marks the statistics of its
// webhook, both or neither, as store.Deliveries says. The delivery is returned
// without its payload. webhook.ErrUnknownOutcome: the disk failed in the middle
// of the commit.
func (s *Store) Settle(ctx context.Context, settlement webhook.Settlement) (webhook.Delivery, error) {
	name := settlement.Was.ID()
	if !settlement.Now.Status.Valid() {
		return webhook.Delivery{}, fmt.Errorf("settle delivery %s of %v: %w: %v", name, settlement.Was.Account, webhook.ErrInvalid, settlement.Now.Status)
	}
	id, attempts, mark := deliveryKey(name), settlement.Was.Attempts, settlement.Mark
	stand := settled(settlement.Was, settlement.Now)
	err := s.writer.write(ctx, func(tx *session) error {
		n, err := tx.settle(id, attempts, stand)
		if err != nil {
			return err
		}
		if n == 0 {
			if stand, err = tx.delivery(stand.Account, id); err == nil {
				err = webhook.ErrChanged
			}
			return err
		}
		return tx.mark(stand, mark)
	})
	if err == nil {
		return stand, nil
	}
	err = fmt.Errorf("settle delivery %s of %v: %w", name, settlement.Was.Account, unknownOutcome(err))
	if errors.Is(err, webhook.ErrChanged) {
		return stand, err
	}
	return webhook.Delivery{}, err
}

// settled gives was with what a settlement writes of now.
func settled(was, now webhook.Delivery) webhook.Delivery {
	was.Attempts, was.AttemptedAt = now.Attempts, now.AttemptedAt
	was.Status, was.StatusCode, was.Reason = now.Status, now.StatusCode, now.Reason
	was.Next, was.Due, was.Sends = now.Next, now.Due, now.Sends
	return keptDelivery(was)
}

// settle writes what became of a delivery, and gives the number of records
// that it was written to: 0 where there is none with so many attempts.
func (tx *session) settle(id []byte, attempts int64, d webhook.Delivery) (int, error) {
	return tx.run(settleDelivery, d.Attempts, d.AttemptedAt, d.Status.String(), d.Next,
		d.Due, d.Sends, d.StatusCode, d.Reason, string(d.Account.Dialect), d.Account.ID, id, attempts)
}

// mark notes the latest attempt of d in the statistics of the webhook that d
// is for, if that is still the one of its event.
func (tx *session) mark(d webhook.Delivery, mark webhook.Mark) (err error) {
	switch mark {
	case webhook.MarkFailed:
		_, err = tx.run(markFailed, d.AttemptedAt.UnixMilli(), string(d.Account.Dialect), d.Account.ID, d.Event, d.WebhookID)
	case webhook.MarkSent:
		_, err = tx.run(markSent, d.AttemptedAt.UnixMilli(), string(d.Account.Dialect), d.Account.ID, d.Event, d.WebhookID)
	case webhook.NoMark:
	}
	return err
}
