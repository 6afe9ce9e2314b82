package memstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// AddDelivery keeps a delivery. webhook.ErrExists: one of the same identity is
// there, and stays as it is.
func (s *Store) AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	d.Time, d.AcceptedAt, d.AttemptedAt = toMilli(d.Time), toMilli(d.AcceptedAt), toMilli(d.AttemptedAt)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return webhook.Delivery{}, fmt.Errorf("add delivery %s of %s of %v: %w", d.EventID, d.Event, d.Account, err)
	}
	held := s.deliveries[d.Account]
	i, found := slices.BinarySearchFunc(held, d, compareDeliveries)
	if found {
		return held[i], fmt.Errorf("add delivery %s of %s of %v: %w", d.EventID, d.Event, d.Account, webhook.ErrExists)
	}
	s.deliveries[d.Account] = slices.Insert(held, i, d)
	return d, nil
}

// Deliveries gives the deliveries of an account that were there when it was
// called to yield, as store.Store says. yield may use the store.
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

// deliveriesFrom copies the deliveries of events at from or later.
func (s *Store) deliveriesFrom(a webhook.Account, from time.Time) []webhook.Delivery {
	s.mu.RLock()
	defer s.mu.RUnlock()
	held := s.deliveries[a]
	i, _ := slices.BinarySearchFunc(held, from, func(d webhook.Delivery, from time.Time) int {
		return d.Time.Compare(from) // on a tie, the first one of that time
	})
	return slices.Clone(held[i:])
}

// compareDeliveries orders the deliveries of an account by their identity, the
// earliest event first.
func compareDeliveries(a, b webhook.Delivery) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Event, b.Event), cmp.Compare(a.EventID, b.EventID))
}
