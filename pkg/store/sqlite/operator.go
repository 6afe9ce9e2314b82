package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	insertAccount = `INSERT INTO account (dialect, id, created_at, closing, sealed_key, portal_epoch)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	setAccountKey = `UPDATE account SET sealed_key = ? WHERE dialect = ? AND id = ? AND NOT closing`
	closeAccount  = `UPDATE account SET closing = true, closing_since = CASE WHEN closing THEN closing_since ELSE ? END
		WHERE dialect = ? AND id = ?`
	postponeClosing = `UPDATE account SET closing_since = ? WHERE dialect = ? AND id = ? AND closing`
	deleteAccount   = `DELETE FROM account WHERE dialect = ? AND id = ? AND closing`
	insertToken     = `INSERT INTO token (hash, dialect, account, id, rights, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	deleteToken      = `DELETE FROM token WHERE dialect = ? AND account = ? AND id = ?`
	insertSealingKey = `INSERT INTO sealing_key (id, public, wrapped_private, created_at)
		VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
)

// CreateAccount implements [store.Store].
func (s *Store) CreateAccount(ctx context.Context, a webhook.AccountInfo) error {
	sealed := bytes.Clone(a.SealedKey)
	err := s.writer.write(ctx, func(tx *session) error {
		return orElse(webhook.ErrExists)(tx.run(insertAccount, string(a.Account.API), a.Account.ID,
			a.CreatedAt.UnixMilli(), a.Closing, sealed, a.PortalEpoch))
	})
	if err != nil {
		return fmt.Errorf("create account %v: %w", a.Account, err)
	}
	return nil
}

// SetAccountKey implements [store.Store].
func (s *Store) SetAccountKey(ctx context.Context, a webhook.Account, sealed []byte) error {
	sealed = bytes.Clone(sealed)
	err := s.writer.write(ctx, func(tx *session) error {
		return orElse(webhook.ErrNotFound)(tx.run(setAccountKey, sealed, string(a.API), a.ID))
	})
	if err != nil {
		return fmt.Errorf("set key of account %v: %w", a, unknownOutcome(err))
	}
	return nil
}

// CloseAccount implements [store.Store].
func (s *Store) CloseAccount(ctx context.Context, a webhook.Account, at time.Time) error {
	err := s.writer.write(ctx, func(tx *session) error {
		return orElse(webhook.ErrNotFound)(tx.run(closeAccount, at.UnixMilli(), string(a.API), a.ID))
	})
	if err != nil {
		return fmt.Errorf("close account %v: %w", a, unknownOutcome(err))
	}
	return nil
}

// PostponeClosing implements [store.Store].
func (s *Store) PostponeClosing(ctx context.Context, a webhook.Account, at time.Time) error {
	err := s.writer.write(ctx, func(tx *session) error {
		return orElse(webhook.ErrNotFound)(tx.run(postponeClosing, at.UnixMilli(), string(a.API), a.ID))
	})
	if err != nil {
		return fmt.Errorf("postpone closing account %v: %w", a, unknownOutcome(err))
	}
	return nil
}

// DeleteAccount implements [store.Store].
func (s *Store) DeleteAccount(ctx context.Context, a webhook.Account) error {
	err := s.writer.write(ctx, func(tx *session) error {
		return orElse(webhook.ErrNotFound)(tx.run(deleteAccount, string(a.API), a.ID))
	})
	if err != nil {
		return fmt.Errorf("delete account %v: %w", a, unknownOutcome(err))
	}
	return nil
}

// CreateToken implements [store.Store]. A token's id must be unique in its
// account, its hash in the store.
func (s *Store) CreateToken(ctx context.Context, t webhook.Token) error {
	api, account := string(t.Account.API), t.Account.ID
	err := s.writer.write(ctx, func(tx *session) error {
		info, err := one(tx.conn, findAccount, scanAccount(t.Account.API), api, account)
		if err != nil {
			return err
		}
		if info.Closing {
			return webhook.ErrNotFound
		}
		return orElse(webhook.ErrExists)(tx.run(insertToken, t.Hash[:], api, account, t.ID, int64(t.Rights),
			t.CreatedAt.UnixMilli(), t.ExpiresAt))
	})
	if err != nil {
		return fmt.Errorf("create token %s of %v: %w", t.ID, t.Account, err)
	}
	return nil
}

// RevokeToken implements [store.Store].
func (s *Store) RevokeToken(ctx context.Context, a webhook.Account, id string) error {
	err := s.writer.write(ctx, func(tx *session) error {
		return orElse(webhook.ErrNotFound)(tx.run(deleteToken, string(a.API), a.ID, id))
	})
	if err != nil {
		return fmt.Errorf("revoke token %s of %v: %w", id, a, err)
	}
	return nil
}

// AddSealingKey implements [store.Store].
func (s *Store) AddSealingKey(ctx context.Context, k webhook.SealingKey) (webhook.SealingKey, error) {
	public, private := bytes.Clone(k.Public), bytes.Clone(k.WrappedPrivate)
	var existing webhook.SealingKey
	err := s.writer.write(ctx, func(tx *session) error {
		_, err := tx.run(insertSealingKey, k.ID, public, private, k.CreatedAt.UnixMilli())
		if err != nil {
			return err
		}
		existing, err = one(tx.conn, findSealingKey, scanSealingKey, k.ID)
		return err
	})
	if err != nil {
		return webhook.SealingKey{}, fmt.Errorf("add sealing key %s: %w", k.ID, err)
	}
	return existing, nil
}

// orElse returns none as the error of a statement that wrote no row.
func orElse(none error) func(rows int, err error) error {
	return func(rows int, err error) error {
		if err == nil && rows == 0 {
			return none
		}
		return err
	}
}
