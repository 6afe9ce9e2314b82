// Package memstore is a store.Store in memory: what handlers are tested,
// fuzzed and measured against. It guarantees everything that package store
// promises except durability: when the process ends, all is gone. It never
// fails on its own account; the only errors are those that store.Store names
// and those of a context that has ended. Nothing that it keeps is shared with
// its callers.
package memstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// Store keeps everything in maps under one lock. Use New.
type Store struct {
	mu       sync.RWMutex
	webhooks map[webhook.Account]map[string]webhook.Webhook // by event
	accounts map[webhook.Account]webhook.AccountInfo
	tokens   map[webhook.TokenHash]webhook.Token
	keys     map[string]webhook.SealingKey
	// deliveries of an account are in the order of their ids, which is that of
	// the events' times.
	deliveries map[webhook.Account][]*record
	// due are those of the deliveries whose Due is set.
	due map[*record]struct{}
}

var (
	_ store.Store      = (*Store)(nil)
	_ store.Deliveries = (*Store)(nil)
)

// New makes an empty store.
func New() *Store {
	return &Store{
		webhooks: make(map[webhook.Account]map[string]webhook.Webhook),
		accounts: make(map[webhook.Account]webhook.AccountInfo),
		tokens:   make(map[webhook.TokenHash]webhook.Token),
		keys:     make(map[string]webhook.SealingKey),

		deliveries: make(map[webhook.Account][]*record),
		due:        make(map[*record]struct{}),
	}
}

// AddSealingKey keeps k unless its id is there, and returns the one that
// stands.
func (s *Store) AddSealingKey(ctx context.Context, k webhook.SealingKey) (webhook.SealingKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return webhook.SealingKey{}, fmt.Errorf("add sealing key %s: %w", k.ID, err)
	}
	if there, found := s.keys[k.ID]; found {
		return there, nil
	}
	k.Public, k.WrappedPrivate = bytes.Clone(k.Public), bytes.Clone(k.WrappedPrivate)
	k.CreatedAt = toMilli(k.CreatedAt)
	s.keys[k.ID] = k
	return k, nil
}

// SealingKeys lists all sealing keys, ordered by id.
func (s *Store) SealingKeys(ctx context.Context) ([]webhook.SealingKey, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list sealing keys: %w", err)
	}
	return list(s.keys, func(webhook.SealingKey) bool { return true },
		func(k webhook.SealingKey) string { return k.ID }), nil
}

// list gives the wanted values of m, ordered by name.
func list[K comparable, V any](m map[K]V, wanted func(V) bool, name func(V) string) []V {
	var values []V
	for _, v := range m {
		if wanted(v) {
			values = append(values, v)
		}
	}
	slices.SortFunc(values, func(a, b V) int { return strings.Compare(name(a), name(b)) })
	return values
}

// toMilli gives t to the millisecond in UTC. The zero time stays zero.
func toMilli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }
