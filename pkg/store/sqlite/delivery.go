package sqlite

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	insertDelivery = `INSERT INTO delivery (dialect, account, id, ` + deliveryColumns + `, payload)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	insertPayload = `INSERT INTO payload (delivery, bytes) VALUES (last_insert_rowid(), ?)`
	// findBareDelivery leaves the payload out.
	findBareDelivery = `SELECT ` + deliveryColumns + ` FROM delivery WHERE dialect = ? AND account = ? AND id = ?`
	findDelivery     = `SELECT ` + deliveryColumns + `, ` + wholePayload + ` FROM delivery AS subject WHERE dialect = ? AND account = ? AND id = ?`
	// listDeliveries goes down the ids of an account, from below one of them.
	listDeliveries = `SELECT ` + deliveryColumns + ` FROM delivery
		WHERE dialect = ? AND account = ? AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?`
	// wholePayload looks for the payload apart only where the record has none.
	wholePayload = `coalesce(subject.payload, (SELECT bytes FROM payload WHERE delivery = subject.row))`
	// deliveryColumns are in the order of readDelivery.
	deliveryColumns = `time, event, event_id, number, instance, content, webhook_id, url, accepted_at,
		attempts, attempted_at, status, next, due, sends, status_code, reason`
)

const (
	// deliveryPage is how many deliveries are read at once: a read that goes on
	// for long keeps the log from being carried over into the database.
	deliveryPage = 100
	// smallPayload is the largest payload in bytes that stands in the delivery's
	// record, which is written anew with every attempt.
	smallPayload = 1 << 10
)

// AddDelivery keeps a delivery with its payload, as store.Deliveries says.
// webhook.ErrUnknownOutcome: the disk failed in the middle of the commit.
func (s *Store) AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	if d.Time.Before(time.UnixMilli(0)) || !d.Time.Before(time.UnixMilli(webhook.MaxEventTime+1)) {
		return webhook.Delivery{}, fmt.Errorf("add delivery %s of %s of %v: %w: no id holds the time %v",
			d.EventID, d.Event, d.Account, webhook.ErrInvalid, d.Time)
	}
	if !d.Status.Valid() {
		return webhook.Delivery{}, fmt.Errorf("add delivery %s of %s of %v: %w: %v", d.EventID, d.Event, d.Account, webhook.ErrInvalid, d.Status)
	}
	id := deliveryKey(d.ID())
	// The writer works on copies: the caller may leave before it is done.
	stand, payload := normalizedDelivery(d), bytes.Clone(d.Payload)
	err := s.writer.write(ctx, func(tx *session) error {
		there, err := tx.addDelivery(id, stand, payload)
		if errors.Is(err, webhook.ErrExists) {
			stand = there
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("add delivery %s of %s of %v: %w", d.EventID, d.Event, d.Account, unknownOutcome(err))
		if errors.Is(err, webhook.ErrExists) {
			return stand, err
		}
		return webhook.Delivery{}, err
	}
	return stand, nil
}

// addDelivery adds a delivery. webhook.ErrExists: one is there, and is
// returned.
func (tx *session) addDelivery(id []byte, d webhook.Delivery, payload []byte) (webhook.Delivery, error) {
	if len(payload) <= smallPayload {
		return tx.addRecord(id, d, payload)
	}
	err := tx.whole(func() (err error) {
		if d, err = tx.addRecord(id, d, nil); err == nil {
			_, err = tx.run(insertPayload, payload)
		}
		return err
	})
	return d, err
}

// addRecord adds a delivery's record with a small payload.
func (tx *session) addRecord(id []byte, d webhook.Delivery, payload []byte) (webhook.Delivery, error) {
	n, err := tx.run(insertDelivery, string(d.Account.API), d.Account.ID, id, d.Time.UnixMilli(),
		d.Event, d.EventID, d.Number, d.Instance, d.Content, d.WebhookID, d.URL, d.AcceptedAt.UnixMilli(),
		d.Attempts, d.AttemptedAt, d.Status.String(), d.Next, d.Due, d.Sends, d.StatusCode, d.Reason, payload)
	if err != nil || n > 0 {
		return d, err
	}
	there, err := tx.delivery(d.Account, id)
	if err != nil {
		return webhook.Delivery{}, err
	}
	return there, webhook.ErrExists
}

// delivery reads a delivery without its payload, as the transaction sees it.
// webhook.ErrNotFound: there is none.
func (tx *session) delivery(a webhook.Account, id []byte) (webhook.Delivery, error) {
	return one(tx.conn, findBareDelivery, scanDelivery(a), string(a.API), a.ID, id)
}

// Delivery reads a delivery by its id, with its payload. webhook.ErrNotFound:
// there is none.
func (s *Store) Delivery(ctx context.Context, a webhook.Account, id string) (webhook.Delivery, error) {
	d, err := find(ctx, s, findDelivery, func(r *row) (webhook.Delivery, error) {
		d, err := readDelivery(a, r)
		d.Payload = r.bytes()
		return d, err
	}, string(a.API), a.ID, deliveryKey(id))
	if err != nil {
		return webhook.Delivery{}, fmt.Errorf("read delivery %q of %v: %w", id, a, err)
	}
	return d, nil
}

// Deliveries gives the deliveries of an account to yield, as store.Deliveries
// says. While yield runs nothing is being read: it may use the store, and take
// its time.
func (s *Store) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	first, below := firstKey(from), afterAll
	for {
		page, err := list(ctx, s, listDeliveries, scanDelivery(a), string(a.API), a.ID, first, below, deliveryPage)
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
		below = deliveryKey(page[len(page)-1].ID())
	}
}

func scanDelivery(a webhook.Account) func(*row) (webhook.Delivery, error) {
	return func(r *row) (webhook.Delivery, error) { return readDelivery(a, r) }
}

// readDelivery reads the deliveryColumns.
func readDelivery(a webhook.Account, r *row) (webhook.Delivery, error) {
	d := webhook.Delivery{Account: a, Time: r.time(), Event: r.text(), EventID: r.text(), Number: r.int(), Instance: r.text()}
	d.Content, d.WebhookID, d.URL, d.AcceptedAt = r.text(), r.text(), r.text(), r.time()
	d.Attempts, d.AttemptedAt = r.int(), r.time()
	var err error
	if d.Status, err = webhook.ParseStatus(r.text()); err != nil {
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	d.Next, d.Due, d.Sends, d.StatusCode, d.Reason = r.time(), r.time(), r.int(), int(r.int()), r.text()
	return d, err
}

// normalizedDelivery gives d as it is stored and read, without its payload:
// times to the millisecond. A payload needs no PayloadRef here to be found.
func normalizedDelivery(d webhook.Delivery) webhook.Delivery {
	d.Payload, d.PayloadRef = nil, ""
	d.Time, d.AcceptedAt, d.AttemptedAt = toMilli(d.Time), toMilli(d.AcceptedAt), toMilli(d.AttemptedAt)
	d.Next, d.Due = toMilli(d.Next), toMilli(d.Due)
	return d
}

// deliveryKey is an id as it is kept: the bytes of its hex digits, in the same
// order. What is no id gives a key that nothing has.
func deliveryKey(id string) []byte {
	key, err := hex.AppendDecode(nil, []byte(id))
	if err != nil || hex.EncodeToString(key) != id {
		return []byte{}
	}
	return key
}

// firstKey is before the keys of all events at from or later, and after the
// others.
func firstKey(from time.Time) []byte {
	ms := from.UnixMilli()
	if fromMilli(ms).Before(from) {
		ms++
	}
	key, _ := hex.DecodeString(fmt.Sprintf("%012x", min(max(ms, 0), webhook.MaxEventTime+1))[:12])
	return key
}

// afterAll is after all keys.
var afterAll = bytes.Repeat([]byte{0xff}, 23)
