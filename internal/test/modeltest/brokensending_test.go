package modeltest

import (
	"context"
	"slices"
	"sync"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// brokenSending are stores with a fault each in what has to do with deliveries.
var brokenSending = []struct {
	name string
	wrap func(store.Store) store.Store
}{
	{"records any attempt", func(s store.Store) store.Store { return &recordsAny{s} }},
	{"keeps the latest attempt", func(s store.Store) store.Store { return &keepsLatest{s} }},
	{"writes over attempts", func(s store.Store) store.Store { return &writesOver{s} }},
	{"forgets when it attempted", func(s store.Store) store.Store { return &forgetsWhen{s} }},
	{"reads all as enabled", func(s store.Store) store.Store { return &readsEnabled{s} }},
	{"lists what works as failing", func(s store.Store) store.Store { return &staysFailing{Store: s} }},
	{"lists nothing that fails", func(s store.Store) store.Store { return &listsDisabled{s} }},
}

// recordsAny writes over attempts that came between.
type recordsAny struct{ store.Store }

func (s *recordsAny) RecordAttempt(ctx context.Context, r webhook.AttemptResult) (webhook.Delivery, error) {
	if d, err := s.Delivery(ctx, r.Was.Account, r.Was.ID()); err == nil {
		r.Was.Attempts = d.Attempts
	}
	return s.Store.RecordAttempt(ctx, r)
}

// keepsLatest loses all attempts but one.
type keepsLatest struct{ store.Store }

func (s *keepsLatest) Attempts(ctx context.Context, d webhook.Delivery) ([]webhook.Attempt, error) {
	list, err := s.Store.Attempts(ctx, d)
	return list[max(0, len(list)-1):], err
}

// writesOver has one response for all attempts.
type writesOver struct{ store.Store }

func (s *writesOver) Attempts(ctx context.Context, d webhook.Delivery) ([]webhook.Attempt, error) {
	list, err := s.Store.Attempts(ctx, d)
	for i := range list {
		list[i].Response = list[len(list)-1].Response
	}
	return list, err
}

// forgetsWhen lists deliveries as if they had been attempted long ago, so that a
// recovery reopens what was attempted since.
type forgetsWhen struct{ store.Store }

func (s *forgetsWhen) DeliveryPage(ctx context.Context, a webhook.Account, r webhook.DeliveryRange) ([]webhook.Delivery, bool, error) {
	list, more, err := s.Store.DeliveryPage(ctx, a, r)
	for i := range list {
		list[i].AttemptedAt = list[i].AcceptedAt.Add(-24 * retained)
	}
	return list, more, err
}

// readsEnabled tells publishers that every webhook is enabled, so that what is
// held is taken up.
type readsEnabled struct{ store.Store }

func (s *readsEnabled) Recipients(ctx context.Context, keys []webhook.EventKey) ([]webhook.Recipient, error) {
	list, err := s.Store.Recipients(ctx, keys)
	for i := range list {
		list[i].Webhook.Disabled = false
	}
	return list, err
}

// staysFailing has an index that a success does not clear.
type staysFailing struct {
	store.Store
	mu     sync.Mutex
	failed map[webhook.EventKey]bool
}

func (s *staysFailing) RecordAttempt(ctx context.Context, r webhook.AttemptResult) (webhook.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = map[webhook.EventKey]bool{}
	}
	if r.Stats == webhook.StatsFailed {
		s.failed[r.Was.EventKey()] = true
	}
	return s.Store.RecordAttempt(ctx, r)
}

func (s *staysFailing) Failing(ctx context.Context, api webhook.API, after string, limit int) ([]webhook.Webhook, string, error) {
	list, next, err := s.Store.Failing(ctx, api, after, limit)
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.failed {
		w, missing := s.Webhook(ctx, k.Account, k.Event)
		if missing == nil && k.Account.API == api && w.State() == webhook.StateHealthy {
			list = append(list, w)
		}
	}
	return list, next, err
}

// listsDisabled has an index that a failure does not enter.
type listsDisabled struct{ store.Store }

func (s *listsDisabled) Failing(ctx context.Context, api webhook.API, after string, limit int) ([]webhook.Webhook, string, error) {
	list, next, err := s.Store.Failing(ctx, api, after, limit)
	return slices.DeleteFunc(list, func(w webhook.Webhook) bool { return !w.Disabled }), next, err
}
