package memstore

import (
	"bytes"
	"context"
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

// Targets gives the webhooks and accounts of subjects, in their order, all as
// they stood at one moment.
func (s *Store) Targets(ctx context.Context, subjects []webhook.Subject) ([]webhook.Target, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read targets of %d subjects: %w", len(subjects), err)
	}
	targets := make([]webhook.Target, len(subjects))
	for i, subject := range subjects {
		targets[i] = s.target(subject)
	}
	return targets, nil
}

// target gives copies of what a subject names. The caller holds the lock.
func (s *Store) target(subject webhook.Subject) webhook.Target {
	account := s.accounts[subject.Account]
	account.SealedKey = bytes.Clone(account.SealedKey)
	return webhook.Target{Webhook: own(s.webhooks[subject.Account][subject.Event]), Account: account}
}

// Task reads a delivery with its payload, and its webhook and account, all as
// they stood at one moment. webhook.ErrNotFound: there is no such delivery.
func (s *Store) Task(ctx context.Context, m webhook.Message) (webhook.Task, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return webhook.Task{}, fmt.Errorf("read task of delivery %q of %v: %w", m.ID, m.Account, err)
	}
	i, found := s.findDelivery(m.Account, m.ID)
	if !found {
		return webhook.Task{}, fmt.Errorf("read task of delivery %q of %v: %w", m.ID, m.Account, webhook.ErrNotFound)
	}
	r := s.deliveries[m.Account][i]
	return webhook.Task{Delivery: r.whole(), Target: s.target(r.delivery.Subject())}, nil
}

// Settle writes what became of a delivery and marks the statistics of its
// webhook, both or neither. The delivery is returned as it stands, without its
// payload. webhook.ErrChanged: its attempts have moved; webhook.ErrNotFound:
// there is none.
func (s *Store) Settle(ctx context.Context, settlement webhook.Settlement) (webhook.Delivery, error) {
	was, now := settlement.Was, settlement.Now
	id := was.ID()
	if !now.Status.Valid() {
		return webhook.Delivery{}, fmt.Errorf("settle delivery %s of %v: %w: %v", id, was.Account, webhook.ErrInvalid, now.Status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return webhook.Delivery{}, fmt.Errorf("settle delivery %s of %v: %w", id, was.Account, err)
	}
	i, found := s.findDelivery(was.Account, id)
	if !found {
		return webhook.Delivery{}, fmt.Errorf("settle delivery %s of %v: %w", id, was.Account, webhook.ErrNotFound)
	}
	r := s.deliveries[was.Account][i]
	d := &r.delivery
	if d.Attempts != was.Attempts {
		return r.bare(), fmt.Errorf("settle delivery %s of %v: %w", id, was.Account, webhook.ErrChanged)
	}
	d.Attempts, d.AttemptedAt = now.Attempts, toMilli(now.AttemptedAt)
	d.Status = now.Status
	d.Next, d.Due, d.Sends = toMilli(now.Next), toMilli(now.Due), now.Sends
	d.StatusCode, d.Reason = now.StatusCode, now.Reason
	s.watch(r)
	s.mark(r.delivery, settlement.Mark)
	return r.bare(), nil
}

// mark notes the latest attempt of d in the statistics of the webhook that d
// is for, if that is still the one of its event. The caller holds the lock.
func (s *Store) mark(d webhook.Delivery, mark webhook.Mark) {
	w, found := s.webhooks[d.Account][d.Event]
	if !found || w.ID != d.WebhookID {
		return
	}
	switch mark {
	case webhook.MarkFailed:
		w.Statistics.FailedAttempts++
		w.Statistics.LastFailedAt = d.AttemptedAt
	case webhook.MarkSent:
		w.Statistics.FailedAttempts = 0
		w.Statistics.LastSentAt = d.AttemptedAt
	case webhook.NoMark:
		return
	}
	s.webhooks[d.Account][d.Event] = w
}
