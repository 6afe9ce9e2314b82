package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	insertDelivery = `INSERT INTO delivery (dialect, account, ` + deliveryColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	// listDeliveries goes down the primary key, from below a place in it.
	listDeliveries = `SELECT ` + deliveryColumns + ` FROM delivery
		WHERE dialect = ? AND account = ? AND time >= ? AND (time, event, event_id) < (?, ?, ?)
		ORDER BY time DESC, event DESC, event_id DESC LIMIT ?`
	// deliveryColumns are in the order of scanDelivery.
	deliveryColumns = `time, event, event_id, number, instance, webhook_id, url, accepted_at, attempts, attempted_at,
		status, active`
)

// deliveryPage is how many deliveries are read at once: a read that goes on
// for long keeps the log from being carried over into the database.
const deliveryPage = 100

// AddDelivery keeps a delivery. webhook.ErrExists: one of the same identity is
// there, and stays as it is.
func (s *Store) AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	err := s.writer.write(ctx, func(tx *session) error {
		return orElse(webhook.ErrExists)(run(tx.insertDelivery, string(d.Account.Dialect), d.Account.ID, d.Time.UnixMilli(),
			d.Event, d.EventID, d.Number, d.Instance, d.WebhookID, d.URL, d.AcceptedAt.UnixMilli(),
			d.Attempts, optionalTime(d.AttemptedAt), int64(d.Status), d.Active))
	})
	if err != nil {
		return webhook.Delivery{}, fmt.Errorf("add delivery %s of %s of %v: %w", d.EventID, d.Event, d.Account, unknownOutcome(err))
	}
	return d, nil
}

// Deliveries gives the deliveries of an account to yield, as store.Store says.
// While yield runs nothing is being read: it may use the store, and take its
// time.
func (s *Store) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	scan := func(row scanner) (webhook.Delivery, error) { return scanDelivery(a, row) }
	below, event, eventID := int64(math.MaxInt64), "", ""
	for {
		page, err := all(ctx, s.queries.deliveries, scan, string(a.Dialect), a.ID, ceilMilli(from),
			below, event, eventID, deliveryPage)
		if err != nil {
			return fmt.Errorf("list deliveries of %v: %w", a, err)
		}
		for _, d := range page {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("list deliveries of %v: %w", a, err)
			}
			if !yield(d) {
				return nil
			}
		}
		if len(page) < deliveryPage {
			return nil
		}
		last := page[len(page)-1]
		below, event, eventID = last.Time.UnixMilli(), last.Event, last.EventID
	}
}

func scanDelivery(a webhook.Account, row scanner) (webhook.Delivery, error) {
	d := webhook.Delivery{Account: a}
	var at, accepted int64
	var attempted sql.NullInt64
	err := row.Scan(&at, &d.Event, &d.EventID, &d.Number, &d.Instance, &d.WebhookID, &d.URL, &accepted,
		&d.Attempts, &attempted, &d.Status, &d.Active)
	d.Time, d.AcceptedAt, d.AttemptedAt = fromMilli(at), fromMilli(accepted), readTime(attempted)
	return d, err
}

// ceilMilli gives the first millisecond that is not before t.
func ceilMilli(t time.Time) int64 {
	ms := t.UnixMilli()
	if fromMilli(ms).Before(t) {
		ms++
	}
	return ms
}
