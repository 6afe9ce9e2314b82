package memstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// watch has a delivery found by Due while it has a time to be looked at. It is
// called whenever that time may have changed. The caller holds the lock.
func (s *Store) watch(r *record) {
	if r.delivery.Due.IsZero() {
		delete(s.due, r)
		return
	}
	s.due[r] = struct{}{}
}

// Due gives what was due after from and not after before when it was called to
// yield, the earliest first. yield may use the store.
func (s *Store) Due(ctx context.Context, from, before time.Time, yield func(webhook.Pending) bool) error {
	for _, p := range s.dueBetween(from, before) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("list what is due: %w", err)
		}
		if !yield(p) {
			return nil
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("list what is due: %w", err)
	}
	return nil
}

// dueBetween copies what is due after from and not after before, the earliest
// first.
func (s *Store) dueBetween(from, before time.Time) []webhook.Pending {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []webhook.Pending
	for r := range s.due {
		if d := r.delivery; d.Due.After(from) && !d.Due.After(before) {
			list = append(list, webhook.Pending{Message: d.Message(), Due: d.Due, Sends: d.Sends})
		}
	}
	slices.SortFunc(list, func(a, b webhook.Pending) int {
		return cmp.Or(a.Due.Compare(b.Due), strings.Compare(a.Account.String(), b.Account.String()), strings.Compare(a.ID, b.ID))
	})
	return list
}

// Lease puts off a due delivery to until, and adds one to its Sends.
// webhook.ErrChanged: its attempts or its Due are not those of p any more, or
// it is gone.
func (s *Store) Lease(ctx context.Context, p webhook.Pending, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("lease delivery %q of %v: %w", p.ID, p.Account, err)
	}
	i, found := s.findDelivery(p.Account, p.ID)
	if !found {
		return fmt.Errorf("lease delivery %q of %v: %w", p.ID, p.Account, webhook.ErrChanged)
	}
	r := s.deliveries[p.Account][i]
	d := &r.delivery
	if d.Due.IsZero() || !d.Due.Equal(toMilli(p.Due)) || d.Attempts+1 != p.Attempt {
		return fmt.Errorf("lease delivery %q of %v: %w", p.ID, p.Account, webhook.ErrChanged)
	}
	d.Due = toMilli(until)
	d.Sends++
	s.watch(r)
	return nil
}
