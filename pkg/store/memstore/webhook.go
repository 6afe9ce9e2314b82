package memstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/hookline/hookline/pkg/webhook"
)

// Create adds webhooks, all or none, as store.Store says.
func (s *Store) Create(ctx context.Context, c webhook.Creation) ([]webhook.Webhook, error) {
	account := c.Webhooks[0].Account
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("create webhooks of %v: %w", account, err)
	}
	held := s.webhooks[account]
	stand, missing, err := judge(c, held)
	if err != nil {
		return nil, fmt.Errorf("create webhooks of %v: %w", account, err)
	}
	if held == nil {
		held = make(map[string]webhook.Webhook, len(missing))
		s.webhooks[account] = held
	}
	for _, i := range missing {
		stand[i] = kept(c.Webhooks[i])
		held[stand[i].Event] = stand[i]
	}
	return stand, nil
}

// judge finds the records of c that stand already as its own, and the places
// of those still to be added.
func judge(c webhook.Creation, held map[string]webhook.Webhook) (stand []webhook.Webhook, missing []int, err error) {
	stand = make([]webhook.Webhook, len(c.Webhooks))
	taken := map[string]string{}
	for i, w := range c.Webhooks {
		there, found := held[w.Event]
		switch {
		case !found:
			missing = append(missing, i)
		case there.SameRequest(w):
			stand[i] = there
		default:
			taken[w.Event] = there.ID
		}
	}
	if len(taken) > 0 {
		return nil, nil, &webhook.TakenError{IDs: taken}
	}
	if len(missing) == 0 {
		return stand, nil, nil
	}
	var excluded []webhook.Exclusion
	for _, x := range c.Exclusions {
		if _, found := held[x.By]; found {
			excluded = append(excluded, x)
		}
	}
	if len(excluded) > 0 {
		return nil, nil, &webhook.ExcludedError{Found: excluded}
	}
	return stand, missing, nil
}

// Webhooks lists the webhooks of an account, ordered by event.
func (s *Store) Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list webhooks of %v: %w", a, err)
	}
	webhooks := list(s.webhooks[a], func(webhook.Webhook) bool { return true },
		func(w webhook.Webhook) string { return w.Event })
	for i := range webhooks {
		webhooks[i] = own(webhooks[i])
	}
	return webhooks, nil
}

// Webhook reads the webhook of an event. webhook.ErrNotFound: there is none.
func (s *Store) Webhook(ctx context.Context, a webhook.Account, event string) (webhook.Webhook, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return webhook.Webhook{}, fmt.Errorf("read webhook of %s of %v: %w", event, a, err)
	}
	w, found := s.webhooks[a][event]
	if !found {
		return webhook.Webhook{}, fmt.Errorf("read webhook of %s of %v: %w", event, a, webhook.ErrNotFound)
	}
	return own(w), nil
}

// Change puts c.Now in the place of c.Was, all or none, as store.Store says.
func (s *Store) Change(ctx context.Context, c webhook.Change) error {
	account := c.Was[0].Account
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("change webhooks of %v: %w", account, err)
	}
	held := s.webhooks[account]
	if err := judgeChange(c, held); err != nil {
		return fmt.Errorf("change webhooks of %v: %w", account, err)
	}
	now := make([]webhook.Webhook, len(c.Now))
	for i, w := range c.Now {
		now[i] = kept(w)
		if was := c.Was[i].Event; w.Event == was {
			now[i].Statistics = held[was].Statistics
		}
	}
	for _, w := range c.Was {
		delete(held, w.Event)
	}
	for _, w := range now {
		held[w.Event] = w
	}
	return nil
}

// judgeChange reports what stands in the way of c.
func judgeChange(c webhook.Change, held map[string]webhook.Webhook) error {
	freed := make(map[string]bool, len(c.Was))
	changed := false
	for _, w := range c.Was {
		there, found := held[w.Event]
		if !found || there.ID != w.ID {
			return webhook.ErrNotFound
		}
		changed = changed || there.Version != w.Version
		freed[w.Event] = true
	}
	if changed {
		return webhook.ErrChanged
	}
	taken := map[string]string{}
	for _, w := range c.Now {
		if there, found := held[w.Event]; found && !freed[w.Event] {
			taken[w.Event] = there.ID
		}
	}
	if len(taken) > 0 {
		return &webhook.TakenError{IDs: taken}
	}
	return nil
}

// Delete removes webhooks of one account, all or none. webhook.ErrNotFound:
// one is gone, or its event's record has another id.
func (s *Store) Delete(ctx context.Context, webhooks []webhook.Webhook) error {
	account := webhooks[0].Account
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete webhooks of %v: %w", account, err)
	}
	held := s.webhooks[account]
	for _, w := range webhooks {
		if there, found := held[w.Event]; !found || there.ID != w.ID {
			return fmt.Errorf("delete webhook of %s of %v: %w", w.Event, account, webhook.ErrNotFound)
		}
	}
	for _, w := range webhooks {
		delete(held, w.Event)
	}
	if len(held) == 0 {
		delete(s.webhooks, account)
	}
	return nil
}

// kept gives w as it is stored: nothing shared with the caller, times to the
// millisecond.
func kept(w webhook.Webhook) webhook.Webhook {
	w = own(w)
	w.CreatedAt, w.UpdatedAt = toMilli(w.CreatedAt), toMilli(w.UpdatedAt)
	w.Statistics.LastSentAt = toMilli(w.Statistics.LastSentAt)
	w.Statistics.LastFailedAt = toMilli(w.Statistics.LastFailedAt)
	for i := range w.RetiredKeys {
		w.RetiredKeys[i].Until = toMilli(w.RetiredKeys[i].Until)
	}
	return w
}

// own gives a copy of w that shares nothing with it.
func own(w webhook.Webhook) webhook.Webhook {
	w.SealedKey = bytes.Clone(w.SealedKey)
	w.RetiredKeys = slices.Clone(w.RetiredKeys)
	for i, k := range w.RetiredKeys {
		w.RetiredKeys[i].Sealed = bytes.Clone(k.Sealed)
	}
	return w
}
