package modeltest

import (
	"context"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// faulty is a store of whose writes some do not happen, and of others the answer
// is lost.
type faulty struct {
	store.Store
	mu     sync.Mutex
	random *mathrand.Rand
}

// write makes a write.
func (s *faulty) write(do func() error) error {
	s.mu.Lock()
	n := s.random.IntN(16)
	s.mu.Unlock()
	if n == 0 {
		return webhook.ErrUnavailable
	}
	err := do()
	if n == 1 {
		return webhook.ErrUnknownOutcome
	}
	return err
}

func (s *faulty) AddDelivery(ctx context.Context, d webhook.Delivery) (added webhook.Delivery, err error) {
	err = s.write(func() (err error) { added, err = s.Store.AddDelivery(ctx, d); return err })
	return added, err
}

func (s *faulty) RecordAttempt(ctx context.Context, r webhook.AttemptResult) (d webhook.Delivery, err error) {
	err = s.write(func() (err error) { d, err = s.Store.RecordAttempt(ctx, r); return err })
	return d, err
}

func (s *faulty) Change(ctx context.Context, c webhook.Change) error {
	return s.write(func() error { return s.Store.Change(ctx, c) })
}

func (s *faulty) Delete(ctx context.Context, webhooks []webhook.Webhook) error {
	return s.write(func() error { return s.Store.Delete(ctx, webhooks) })
}

func (s *faulty) CreateAccount(ctx context.Context, a webhook.AccountInfo) error {
	return s.write(func() error { return s.Store.CreateAccount(ctx, a) })
}

func (s *faulty) CloseAccount(ctx context.Context, a webhook.Account, at time.Time) error {
	return s.write(func() error { return s.Store.CloseAccount(ctx, a, at) })
}

func (s *faulty) PostponeClosing(ctx context.Context, a webhook.Account, at time.Time) error {
	return s.write(func() error { return s.Store.PostponeClosing(ctx, a, at) })
}

func (s *faulty) DeleteAccount(ctx context.Context, a webhook.Account) error {
	return s.write(func() error { return s.Store.DeleteAccount(ctx, a) })
}

func (s *faulty) CreateToken(ctx context.Context, token webhook.Token) error {
	return s.write(func() error { return s.Store.CreateToken(ctx, token) })
}

func (s *faulty) RevokeToken(ctx context.Context, a webhook.Account, id string) error {
	return s.write(func() error { return s.Store.RevokeToken(ctx, a, id) })
}

// ignoresClosing does not tell workers that an account is being deleted.
type ignoresClosing struct{ store.Store }

func (s *ignoresClosing) AttemptInput(ctx context.Context, m webhook.Message) (webhook.AttemptInput, error) {
	input, err := s.Store.AttemptInput(ctx, m)
	input.Account.Closing = false
	return input, err
}

// hidesOpen does not list what awaits an attempt.
type hidesOpen struct{ store.Store }

func (s *hidesOpen) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	return s.Store.Deliveries(ctx, a, from, func(d webhook.Delivery) bool { return d.Open() || yield(d) })
}

// shortPages leaves out the second delivery of each page.
type shortPages struct{ store.Store }

func (s *shortPages) DeliveryPage(ctx context.Context, a webhook.Account, r webhook.DeliveryRange) ([]webhook.Delivery, bool, error) {
	list, more, err := s.Store.DeliveryPage(ctx, a, r)
	if len(list) > 2 {
		list = append(list[:1], list[2:]...)
	}
	return list, more, err
}

// longPages begins each page with a delivery of the one before.
type longPages struct{ store.Store }

func (s *longPages) DeliveryPage(ctx context.Context, a webhook.Account, r webhook.DeliveryRange) ([]webhook.Delivery, bool, error) {
	list, more, err := s.Store.DeliveryPage(ctx, a, r)
	if d, missing := s.Delivery(ctx, a, r.After); r.After != "" && missing == nil {
		list = append([]webhook.Delivery{d}, list...)
	}
	return list, more, err
}
