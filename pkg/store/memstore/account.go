package memstore

import (
	"bytes"
	"context"
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

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
	a.CreatedAt, a.SealedKey = toMilli(a.CreatedAt), bytes.Clone(a.SealedKey)
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
	info.SealedKey = bytes.Clone(info.SealedKey)
	return info, nil
}

// Accounts lists the accounts of a dialect, ordered by id.
func (s *Store) Accounts(ctx context.Context, d webhook.Dialect) ([]webhook.AccountInfo, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list accounts of %s: %w", d, err)
	}
	accounts := list(s.accounts, func(a webhook.AccountInfo) bool { return a.Account.Dialect == d },
		func(a webhook.AccountInfo) string { return a.Account.ID })
	for i := range accounts {
		accounts[i].SealedKey = bytes.Clone(accounts[i].SealedKey)
	}
	return accounts, nil
}

// SetAccountKey makes sealed the account's signing key. webhook.ErrNotFound:
// there is no such account, or it is closing.
func (s *Store) SetAccountKey(ctx context.Context, a webhook.Account, sealed []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("set key of account %v: %w", a, err)
	}
	info, found := s.accounts[a]
	if !found || info.Closing {
		return fmt.Errorf("set key of account %v: %w", a, webhook.ErrNotFound)
	}
	info.SealedKey = bytes.Clone(sealed)
	s.accounts[a] = info
	return nil
}

// CloseAccount marks an account as closing. webhook.ErrNotFound: there is no
// such account.
func (s *Store) CloseAccount(ctx context.Context, a webhook.Account) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("close account %v: %w", a, err)
	}
	info, found := s.accounts[a]
	if !found {
		return fmt.Errorf("close account %v: %w", a, webhook.ErrNotFound)
	}
	info.Closing = true
	s.accounts[a] = info
	return nil
}

// DeleteAccount removes an account that is closing, and nothing that it has.
// webhook.ErrNotFound: there is no such account.
func (s *Store) DeleteAccount(ctx context.Context, a webhook.Account) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete account %v: %w", a, err)
	}
	if !s.accounts[a].Closing {
		return fmt.Errorf("delete account %v: %w", a, webhook.ErrNotFound)
	}
	delete(s.accounts, a)
	return nil
}
