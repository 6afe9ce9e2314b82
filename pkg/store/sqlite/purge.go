package sqlite

import (
	"context"
	"fmt"
	"time"
)

const (
	// listOldest lists deliveries in the order in which they were accepted.
	listOldest     = `SELECT row, accepted_at, due IS NOT NULL FROM delivery WHERE row > ? ORDER BY row LIMIT ?`
	deleteDelivery = `DELETE FROM delivery WHERE row = ? AND due IS NULL`
	deletePayload  = `DELETE FROM payload WHERE delivery = ?`
	deleteAttempts = `DELETE FROM attempt WHERE delivery = ?`
)

// purgePage is how many deliveries are removed in one write, for which other
// writers wait.
const purgePage = 100

// Purge removes the deliveries that were accepted before a time, except those
// that await an attempt, and returns how many. It stops at the first one that
// was accepted later: if the clock was ahead for a while, deliveries that
// follow remain until those are old. It also removes the links and sessions of
// the portal that expired before that time.
func (s *Store) Purge(ctx context.Context, before time.Time) (removed int, err error) {
	err = s.writer.write(ctx, func(tx *session) error {
		_, err := tx.run(purgePasses, before.UnixMilli())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("purge portal: %w", unknownOutcome(err))
	}
	for row := int64(0); ; {
		page, err := list(ctx, s, listOldest, scanOldest, row, purgePage)
		if err != nil {
			return removed, fmt.Errorf("purge deliveries: %w", err)
		}
		var old []int64
		for _, d := range page {
			if !fromMilli(d.accepted).Before(before) {
				page = nil
				break
			}
			if row = d.row; !d.pending {
				old = append(old, d.row)
			}
		}
		n, err := s.remove(ctx, old)
		removed += n
		if err != nil || len(page) < purgePage {
			return removed, err
		}
	}
}

// oldRow is a delivery that may be removed.
type oldRow struct {
	row, accepted int64
	pending       bool // awaits an attempt
}

func scanOldest(r *row) (oldRow, error) {
	return oldRow{row: r.int(), accepted: r.int(), pending: r.bool()}, nil
}

// remove removes deliveries with their payloads and attempts, unless they have become
// pending, and returns how many.
func (s *Store) remove(ctx context.Context, rows []int64) (removed int, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	gone := 0
	err = s.writer.write(ctx, func(tx *session) error {
		for _, row := range rows {
			n, err := tx.run(deleteDelivery, row)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			gone++
			for _, text := range [...]string{deletePayload, deleteAttempts} {
				if _, err := tx.run(text, row); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("purge %d deliveries: %w", len(rows), unknownOutcome(err))
	}
	return gone, nil
}
