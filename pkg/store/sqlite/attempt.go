package sqlite

import (
	"context"
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// insertAttempt replaces what an attempt of that number left in a delivery
	// whose attempts were set back.
	insertAttempt = `INSERT OR REPLACE INTO attempt (delivery, number, at, duration, status_code, reason, response)
		SELECT row, ?, ?, ?, ?, ?, ? FROM delivery WHERE dialect = ? AND account = ? AND id = ?`
	listAttempts = `SELECT number, at, duration, status_code, reason, response FROM attempt
		WHERE delivery = (SELECT row FROM delivery WHERE dialect = ? AND account = ? AND id = ?) AND number <= ?
		ORDER BY number`
)

// addAttempt keeps a failed attempt of a delivery, in the transaction that
// writes its record: of two attempts of one number only the one that counts is
// kept.
func (tx *session) addAttempt(account webhook.Account, id []byte, a webhook.Attempt) error {
	_, err := tx.run(insertAttempt, a.Number, a.At.UnixMilli(), a.Duration.Milliseconds(), a.StatusCode, a.Reason, a.Response,
		string(account.API), account.ID, id)
	return err
}

// Attempts implements [store.Deliveries].
func (s *Store) Attempts(ctx context.Context, d webhook.Delivery) ([]webhook.Attempt, error) {
	failed, err := list(ctx, s, listAttempts, scanAttempt, string(d.Account.API), d.Account.ID, deliveryKey(d.ID()), d.Attempts)
	if err != nil {
		return nil, fmt.Errorf("list attempts of delivery %s of %v: %w", d.ID(), d.Account, err)
	}
	return d.WithLatest(failed), nil
}

func scanAttempt(r *row) (webhook.Attempt, error) {
	return webhook.Attempt{
		Number: r.int(), At: r.time(), Duration: r.duration(), StatusCode: int(r.int()), Reason: r.text(), Response: r.bytes(),
	}, nil
}
