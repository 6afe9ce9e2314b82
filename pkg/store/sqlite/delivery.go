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
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	insertPayload = `INSERT INTO payload (delivery, bytes) VALUES (last_insert_rowid(), ?)`
	// findBareDelivery omits the payload.
	findBareDelivery = `SELECT ` + deliveryColumns + ` FROM delivery WHERE dialect = ? AND account = ? AND id = ?`
	findDelivery     = `SELECT ` + deliveryColumns + `, ` + wholePayload + ` FROM delivery AS subject WHERE dialect = ? AND account = ? AND id = ?`
	// listDeliveries lists the ids of an account in descending order, below a
	// given one. Its limit has a sign because SQLite would prepare the statement
	// anew for each value of a bare parameter there, which takes as long as reading
	// fifty rows.
	listDeliveries = `SELECT ` + deliveryColumns + ` FROM delivery
		WHERE dialect = ? AND account = ? AND id >= ? AND id < ? ORDER BY id DESC LIMIT +?`
	// wholePayload reads the payload table only if the record has no payload.
	wholePayload = `coalesce(subject.payload, (SELECT bytes FROM payload WHERE delivery = subject.row))`
	// deliveryColumns are in the order of readDelivery.
	deliveryColumns = `time, event, event_id, number, instance, content, webhook_id, url, accepted_at,
		attempts, attempted_at, duration, status, next, due, sends, status_code, reason, test`
)

const (
	// deliveryPage is how many deliveries are read at a time. A long read would
	// keep the log from being checkpointed.
	deliveryPage = 100
	// maxRoom is for how many deliveries there is room from the start. Most
	// accounts have fewer than anybody asks for.
	maxRoom = 320
	// smallPayload is the maximum size in bytes of a payload in the delivery's
	// record, which is rewritten with every attempt.
	smallPayload = 1 << 10
)

// AddDelivery implements [store.Deliveries]. It returns
// [webhook.ErrUnknownOutcome] if the disk failed during the commit.
func (s *Store) AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	if d.Time.Before(time.UnixMilli(0)) || !d.Time.Before(time.UnixMilli(webhook.MaxEventTime+1)) {
		return webhook.Delivery{}, fmt.Errorf("add delivery %s of %s of %v: %w: no id holds the time %v",
			d.EventID, d.Event, d.Account, webhook.ErrInvalid, d.Time)
	}
	if !d.Status.Valid() {
		return webhook.Delivery{}, fmt.Errorf("add delivery %s of %s of %v: %w: %v", d.EventID, d.Event, d.Account, webhook.ErrInvalid, d.Status)
	}
	id := deliveryKey(d.ID())
	// The writer works on copies, since the caller may return first.
	stand, payload := normalisedDelivery(d), bytes.Clone(d.Payload)
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

// addDelivery adds a delivery. If it exists, addDelivery returns the existing
// one with [webhook.ErrExists].
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
		d.Attempts, d.AttemptedAt, d.Duration.Milliseconds(), d.Status.String(), d.Next, d.Due, d.Sends, d.StatusCode, d.Reason, d.Test, payload)
	if err != nil || n > 0 {
		return d, err
	}
	there, err := tx.delivery(d.Account, id)
	if err != nil {
		return webhook.Delivery{}, err
	}
	return there, webhook.ErrExists
}

// delivery returns a delivery without its payload within the transaction, or
// [webhook.ErrNotFound].
func (tx *session) delivery(a webhook.Account, id []byte) (webhook.Delivery, error) {
	return one(tx.conn, findBareDelivery, scanDelivery(a), string(a.API), a.ID, id)
}

// Delivery implements [store.Deliveries].
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

// Deliveries implements [store.Deliveries]. Nothing is being read while yield
// runs: it may use the store and take its time.
func (s *Store) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	first, below := firstKey(from), afterAll
	for {
		page, err := s.deliveryPage(ctx, a, first, below, deliveryPage)
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

// DeliveryPage implements [store.Deliveries].
func (s *Store) DeliveryPage(ctx context.Context, a webhook.Account, r webhook.DeliveryRange) (found []webhook.Delivery, more bool, err error) {
	first, below := firstKey(r.From), afterAll
	if !r.Until.IsZero() {
		below = firstKey(r.Until)
	}
	if r.After != "" {
		if _, err := webhook.DeliveryTime(r.After); err != nil {
			return nil, false, fmt.Errorf("page of deliveries of %v: %w", a, err)
		}
		if after := deliveryKey(r.After); bytes.Compare(after, below) < 0 {
			below = after
		}
	}
	found, err = s.deliveryPage(ctx, a, first, below, r.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("page of deliveries of %v: %w", a, err)
	}
	if len(found) <= r.Limit {
		return found, false, nil
	}
	return found[:r.Limit], true, nil
}

// deliveryPage lists up to limit deliveries. They are read into one slice: one that
// grows would be copied several times.
func (s *Store) deliveryPage(ctx context.Context, a webhook.Account, first, below []byte, limit int) ([]webhook.Delivery, error) {
	found := make([]webhook.Delivery, 0, min(limit, maxRoom))
	_, err := list(ctx, s, listDeliveries, func(r *row) (none struct{}, err error) {
		d, err := readDelivery(a, r)
		found = append(found, d)
		return none, err
	}, string(a.API), a.ID, first, below, limit)
	return found, err
}

func scanDelivery(a webhook.Account) func(*row) (webhook.Delivery, error) {
	return func(r *row) (webhook.Delivery, error) { return readDelivery(a, r) }
}

// readDelivery reads the deliveryColumns.
func readDelivery(a webhook.Account, r *row) (webhook.Delivery, error) {
	d := webhook.Delivery{Account: a, Time: r.time(), Event: r.text(), EventID: r.text(), Number: r.int(), Instance: r.text()}
	d.Content, d.WebhookID, d.URL, d.AcceptedAt = r.text(), r.text(), r.text(), r.time()
	d.Attempts, d.AttemptedAt, d.Duration = r.int(), r.time(), r.duration()
	var err error
	if d.Status, err = webhook.ParseStatus(r.text()); err != nil {
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	d.Next, d.Due, d.Sends, d.StatusCode, d.Reason = r.time(), r.time(), r.int(), int(r.int()), r.text()
	d.Test = r.bool()
	return d, err
}

// normalisedDelivery returns d as it is stored and read, without its payload:
// times to the millisecond. This store finds payloads without a PayloadRef.
func normalisedDelivery(d webhook.Delivery) webhook.Delivery {
	d.Payload, d.PayloadRef = nil, ""
	d.Time, d.AcceptedAt, d.AttemptedAt = toMilli(d.Time), toMilli(d.AcceptedAt), toMilli(d.AttemptedAt)
	d.Next, d.Due = toMilli(d.Next), toMilli(d.Due)
	d.Duration = d.Duration.Truncate(time.Millisecond)
	return d
}

// deliveryKey returns an id as it is stored: the bytes of its hex digits, in
// the same order. For an invalid id it returns a key that no delivery has.
func deliveryKey(id string) []byte {
	key, err := hex.AppendDecode(nil, []byte(id))
	if err != nil || hex.EncodeToString(key) != id {
		return []byte{}
	}
	return key
}

// firstKey returns a key that precedes those of all events at from or later,
// and follows all others.
func firstKey(from time.Time) []byte {
	ms := from.UnixMilli()
	if fromMilli(ms).Before(from) {
		ms++
	}
	key, _ := hex.DecodeString(fmt.Sprintf("%012x", min(max(ms, 0), webhook.MaxEventTime+1))[:12])
	return key
}

// afterAll follows all keys.
var afterAll = bytes.Repeat([]byte{0xff}, 23)
