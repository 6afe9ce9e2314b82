package memstore

import (
	"context"
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

// CreateToken adds a token. webhook.ErrNotFound: its account does not exist,
// or is closing; webhook.ErrExists: its hash, or its id in the account, is in
// use.
func (s *Store) CreateToken(ctx context.Context, t webhook.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("create token %s of %v: %w", t.ID, t.Account, err)
	}
	if info, found := s.accounts[t.Account]; !found || info.Closing {
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

// tokenByID finds the hash of an account's token. The caller holds the lock.
func (s *Store) tokenByID(a webhook.Account, id string) (hash webhook.TokenHash, found bool) {
	for hash, t := range s.tokens {
		if t.Account == a && t.ID == id {
			return hash, true
		}
	}
	return webhook.TokenHash{}, false
}
