package memstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// record is a delivery as it is kept, beside its id, which is not computed
// anew at every look-up.
type record struct {
	id       string
	delivery webhook.Delivery
}

// bare gives the delivery as those who did not ask for the payload get it.
func (r *record) bare() webhook.Delivery {
	d := r.delivery
	d.Payload = nil
	return d
}

// whole gives the delivery with a payload of its own.
func (r *record) whole() webhook.Delivery {
	d := r.delivery
	d.Payload = bytes.Clone(d.Payload)
	return d
}

// AddDelivery keeps a delivery with its payload, as store.Deliveries says.
func (s *Store) AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return webhook.Delivery{}, fmt.Errorf("add delivery %s of %s of %v: %w", d.EventID, d.Event, d.Account, err)
	}
	if !d.Status.Valid() {
		return webhook.Delivery{}, fmt.Errorf("add delivery %s of %s of %v: %w: %v", d.EventID, d.Event, d.Account, webhook.ErrInvalid, d.Status)
	}
	if d.Time.Before(time.UnixMilli(0)) || !d.Time.Before(time.UnixMilli(webhook.MaxEventTime+1)) {
		return webhook.Delivery{}, fmt.Errorf("add delivery %s of %s of %v: %w: no id holds the time %v",
			d.EventID, d.Event, d.Account, webhook.ErrInvalid, d.Time)
	}
	added := &record{d.ID(), keptDelivery(d)}
	i, found := s.findDelivery(d.Account, added.id)
	held := s.deliveries[d.Account]
	if found {
		return held[i].bare(), fmt.Errorf("add delivery %s of %s of %v: %w", d.EventID, d.Event, d.Account, webhook.ErrExists)
	}
	s.deliveries[d.Account] = slices.Insert(held, i, added)
	s.watch(added)
	return added.bare(), nil
}

// Delivery reads a delivery by its id, with its payload. webhook.ErrNotFound:
// there is none. None expires.
func (s *Store) Delivery(ctx context.Context, a webhook.Account, id string) (webhook.Delivery, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return webhook.Delivery{}, fmt.Errorf("read delivery %q of %v: %w", id, a, err)
	}
	i, found := s.findDelivery(a, id)
	if !found {
		return webhook.Delivery{}, fmt.Errorf("read delivery %q of %v: %w", id, a, webhook.ErrNotFound)
	}
	return s.deliveries[a][i].whole(), nil
}

// Deliveries gives the deliveries of an account that were there when it was
// called to yield, as store.Deliveries says. yield may use the store.
func (s *Store) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	for _, d := range slices.Backward(s.deliveriesFrom(a, from)) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("list deliveries of %v: %w", a, err)
		}
		if !yield(d) {
			return nil
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("list deliveries of %v: %w", a, err)
	}
	return nil
}

// deliveriesFrom copies the deliveries of events at from or later, without
// their payloads.
func (s *Store) deliveriesFrom(a webhook.Account, from time.Time) []webhook.Delivery {
	s.mu.RLock()
	defer s.mu.RUnlock()
	held := s.deliveries[a]
	i, _ := slices.BinarySearchFunc(held, from, func(r *record, from time.Time) int {
		return r.delivery.Time.Compare(from) // on a tie, the first one of that time
	})
	list := make([]webhook.Delivery, 0, len(held)-i)
	for _, r := range held[i:] {
		list = append(list, r.bare())
	}
	return list
}

// findDelivery gives the place of a delivery in its account, or where it would
// be. The caller holds the lock.
func (s *Store) findDelivery(a webhook.Account, id string) (int, bool) {
	return slices.BinarySearchFunc(s.deliveries[a], id, func(r *record, id string) int {
		return strings.Compare(r.id, id)
	})
}

// keptDelivery gives d as it is stored: nothing shared with the caller, times
// to the millisecond. There is no payload apart from its record here.
func keptDelivery(d webhook.Delivery) webhook.Delivery {
	d.Payload, d.PayloadRef = bytes.Clone(d.Payload), ""
	d.Time, d.AcceptedAt, d.AttemptedAt = toMilli(d.Time), toMilli(d.AcceptedAt), toMilli(d.AttemptedAt)
	d.Next, d.Due = toMilli(d.Next), toMilli(d.Due)
	return d
}
