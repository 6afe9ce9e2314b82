package modeltest

import (
	"context"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/hookline/hookline/internal/test/intercept"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// faulty returns a store of whose writes some do not happen, and of others the
// answer is lost.
func faulty(s store.Store, random *mathrand.Rand) store.Store {
	var mu sync.Mutex
	return intercept.Store{Store: s, Do: intercept.Writes(func(write func() error) error {
		mu.Lock()
		n := random.IntN(16)
		mu.Unlock()
		if n == 0 {
			return webhook.ErrUnavailable
		}
		err := write()
		if n == 1 {
			return webhook.ErrUnknownOutcome
		}
		return err
	})}
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
