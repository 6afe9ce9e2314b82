package sqlite

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// listDue reads the index of due deliveries in ascending order, after a
	// given millisecond. listDueAt continues within a millisecond, after a
	// given row.
	listDue   = `SELECT ` + pendingColumns + ` FROM delivery WHERE due > ? AND due <= ? ORDER BY due, row LIMIT +?`
	listDueAt = `SELECT ` + pendingColumns + ` FROM delivery WHERE due = ? AND row > ? ORDER BY row LIMIT +?`
	// pendingColumns are in the order of scanPending.
	pendingColumns = `row, dialect, account, event, id, attempts, next, due, sends, test`

	leaseDelivery = `UPDATE delivery SET due = ?, sends = sends + 1
		WHERE dialect = ? AND account = ? AND id = ? AND attempts = ? AND due = ?`
	voidLeases = `UPDATE delivery SET due = next, sends = 0 WHERE due > ? AND due > next`
)

// duePageSize is how many due deliveries are read at a time.
const duePageSize = 500

// Due implements [store.Deliveries]. It yields all deliveries earliest first.
// Nothing is being read while yield runs: it may use the store and take its
// time.
func (s *Store) Due(ctx context.Context, from, before time.Time, yield func(webhook.Pending) bool) error {
	last := pendingRow{row: math.MaxInt64}
	last.Due = from
	seen := rowSet{}
	for {
		page, err := s.duePage(ctx, last, before)
		if err != nil {
			return fmt.Errorf("list what is due: %w", err)
		}
		for _, p := range page {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("list what is due: %w", err)
			}
			// A delivery that yield has leased may appear again later.
			if seen.add(p.row) && !yield(p.Pending) {
				return nil
			}
		}
		if len(page) == 0 {
			return nil
		}
		last = page[len(page)-1]
	}
}

// duePage reads the deliveries after last that are due by before.
func (s *Store) duePage(ctx context.Context, last pendingRow, before time.Time) ([]pendingRow, error) {
	if last.row < math.MaxInt64 {
		page, err := list(ctx, s, listDueAt, scanPending, last.Due.UnixMilli(), last.row, duePageSize)
		if err != nil || len(page) > 0 {
			return page, err
		}
	}
	return list(ctx, s, listDue, scanPending, last.Due.UnixMilli(), before.UnixMilli(), duePageSize)
}

// pendingRow is a due delivery and its row in the table.
type pendingRow struct {
	webhook.Pending
	row int64
}

func scanPending(r *row) (p pendingRow, err error) {
	p.row = r.int()
	p.Account, p.Event = webhook.Account{API: webhook.API(r.text()), ID: r.text()}, r.text()
	p.ID = hex.EncodeToString(r.bytes())
	p.Attempt = r.int() + 1 // the one after those that were made
	p.At, p.Due, p.Sends, p.Test = r.time(), r.time(), r.int(), r.bool()
	return p, nil
}

// rowSet is a set of rows, most of which are close to each other. It maps n to
// the bits of the rows from 64n to 64n+63.
type rowSet map[int64]uint64

// add reports whether a row was not in the set.
func (s rowSet) add(row int64) bool {
	bit := uint64(1) << (row & 63)
	if s[row>>6]&bit != 0 {
		return false
	}
	s[row>>6] |= bit
	return true
}

// Lease implements [store.Deliveries]. It also returns [webhook.ErrChanged] if
// the delivery does not exist, and [webhook.ErrUnknownOutcome] if the disk
// failed during the commit.
func (s *Store) Lease(ctx context.Context, p webhook.Pending, until time.Time) error {
	err := s.writer.write(ctx, func(tx *session) error {
		return orElse(webhook.ErrChanged)(tx.run(leaseDelivery, until.UnixMilli(), string(p.Account.API), p.Account.ID,
			deliveryKey(p.ID), p.Attempt-1, p.Due.UnixMilli()))
	})
	if err != nil {
		return fmt.Errorf("lease delivery %q of %v: %w", p.ID, p.Account, unknownOutcome(err))
	}
	return nil
}

// VoidLeases ends the leases of all deliveries that would be due after now:
// each is due at the time of its next attempt again. Call it at the start of a
// process that alone delivers from this file.
func (s *Store) VoidLeases(ctx context.Context, now time.Time) error {
	err := s.writer.write(ctx, func(tx *session) error {
		_, err := tx.run(voidLeases, now.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("void leases: %w", unknownOutcome(err))
	}
	return nil
}
