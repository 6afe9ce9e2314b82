// Package memstore is a store.Store in memory: what handlers are tested,
// fuzzed and measured against. It guarantees everything that package store
// promises except durability: when the process ends, all is gone. It never
// fails on its own account; the only errors are those that store.Store names
// and those of a context that has ended.
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
}

var _ store.Store = (*Store)(nil)

// New makes an empty store.
func New() *Store {
	return &Store{
		webhooks: make(map[webhook.Account]map[string]webhook.Webhook),
		accounts: make(map[webhook.Account]webhook.AccountInfo),
		tokens:   make(map[webhook.TokenHash]webhook.Token),
		keys:     make(map[string]webhook.SealingKey),
	}
}

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
	return list(s.webhooks[a], func(webhook.Webhook) bool { return true },
		func(w webhook.Webhook) string { return w.Event }), nil
}

// CreateAccount adds an account. webhook.ErrExists: it is there already.
func (s *Store) CreateAccount(ctx context.Context, a webhook.AccountInfo) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("create account %v: %w", a.Account, err)
	}
	if _, found := s.accounts[a.Account]; found {
		return fmt.Errorf("create account %v: %w", a.Account, webhook.ErrExists)
	}
	a.CreatedAt = toMilli(a.CreatedAt)
	s.accounts[a.Account] = a
	return nil
}

// Account reads an account. webhook.ErrNotFound: there is none.
func (s *Store) Account(ctx context.Context, a webhook.Account) (webhook.AccountInfo, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return webhook.AccountInfo{}, fmt.Errorf("read account %v: %w", a, err)
	}
	info, found := s.accounts[a]
	if !found {
		return webhook.AccountInfo{}, fmt.Errorf("read account %v: %w", a, webhook.ErrNotFound)
	}
	return info, nil
}

// Accounts lists the accounts of a dialect, ordered by id.
func (s *Store) Accounts(ctx context.Context, d webhook.Dialect) ([]webhook.AccountInfo, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list accounts of %s: %w", d, err)
	}
	return list(s.accounts, func(a webhook.AccountInfo) bool { return a.Account.Dialect == d },
		func(a webhook.AccountInfo) string { return a.Account.ID }), nil
}

// CreateToken adds a token. webhook.ErrNotFound: its account does not exist;
// webhook.ErrExists: its hash, or its id in the account, is in use.
func (s *Store) CreateToken(ctx context.Context, t webhook.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("create token %s of %v: %w", t.ID, t.Account, err)
	}
	if _, found := s.accounts[t.Account]; !found {
		return fmt.Errorf("create token %s: account %v: %w", t.ID, t.Account, webhook.ErrNotFound)
	}
	_, hashUsed := s.tokens[t.Hash]
	if _, idUsed := s.tokenByID(t.Account, t.ID); hashUsed || idUsed {
		return fmt.Errorf("create token %s of %v: %w", t.ID, t.Account, webhook.ErrExists)
	}
	t.CreatedAt, t.ExpiresAt = toMilli(t.CreatedAt), toMilli(t.ExpiresAt)
	s.tokens[t.Hash] = t
	return nil
}

// Token finds a token by its hash. webhook.ErrNotFound: there is none.
func (s *Store) Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return webhook.Token{}, fmt.Errorf("read token: %w", err)
	}
	t, found := s.tokens[h]
	if !found {
		return webhook.Token{}, fmt.Errorf("read token: %w", webhook.ErrNotFound)
	}
	return t, nil
}

// Tokens lists the tokens of an account, ordered by id.
func (s *Store) Tokens(ctx context.Context, a webhook.Account) ([]webhook.Token, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list tokens of %v: %w", a, err)
	}
	return list(s.tokens, func(t webhook.Token) bool { return t.Account == a },
		func(t webhook.Token) string { return t.ID }), nil
}

// RevokeToken removes a token of an account. webhook.ErrNotFound: the account
// has no token of that id.
func (s *Store) RevokeToken(ctx context.Context, a webhook.Account, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("revoke token %s of %v: %w", id, a, err)
	}
	hash, found := s.tokenByID(a, id)
	if !found {
		return fmt.Errorf("revoke token %s of %v: %w", id, a, webhook.ErrNotFound)
	}
	delete(s.tokens, hash)
	return nil
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

// tokenByID finds the hash of an account's token. The caller holds the lock.
func (s *Store) tokenByID(a webhook.Account, id string) (hash webhook.TokenHash, found bool) {
	for hash, t := range s.tokens {
		if t.Account == a && t.ID == id {
			return hash, true
		}
	}
	return webhook.TokenHash{}, false
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

// kept gives w as it is stored: nothing shared with the caller, times to the
// millisecond.
func kept(w webhook.Webhook) webhook.Webhook {
	w.SealedKey = bytes.Clone(w.SealedKey)
	w.CreatedAt, w.UpdatedAt = toMilli(w.CreatedAt), toMilli(w.UpdatedAt)
	return w
}

// toMilli gives t to the millisecond in UTC. The zero time stays zero.
func toMilli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }
