package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	listWebhooks     = `SELECT ` + webhookColumns + ` FROM webhook WHERE dialect = ? AND account = ? ORDER BY event`
	listWebhooksByID = `SELECT ` + webhookColumns + ` FROM webhook INDEXED BY webhook_id
		WHERE dialect = ? AND account = ? AND id = ? ORDER BY event`
	findAccount       = `SELECT id, created_at, closing, sealed_key, portal_epoch FROM account WHERE dialect = ? AND id = ?`
	listAccounts      = `SELECT id, created_at, closing, sealed_key, portal_epoch FROM account WHERE dialect = ? ORDER BY id`
	listAccountsAfter = `SELECT id, created_at, closing, sealed_key, portal_epoch FROM account WHERE dialect = ? AND id > ? ORDER BY id LIMIT ?`
	listClosing       = `SELECT dialect, id, closing_since FROM account WHERE closing`
	findToken         = `SELECT dialect, account, hash, id, rights, created_at, expires_at FROM token WHERE hash = ?`
	listTokens        = `SELECT dialect, account, hash, id, rights, created_at, expires_at FROM token WHERE dialect = ? AND account = ? ORDER BY id`
	findSealingKey    = `SELECT id, public, wrapped_private, created_at FROM sealing_key WHERE id = ?`
	listSealingKeys   = `SELECT id, public, wrapped_private, created_at FROM sealing_key ORDER BY id`
)

// Webhooks implements [store.Store].
func (s *Store) Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error) {
	rows, err := list(ctx, s, listWebhooks, scanWebhook(a), string(a.API), a.ID)
	if err != nil {
		return nil, fmt.Errorf("list webhooks of %v: %w", a, err)
	}
	return rows, nil
}

// WebhooksByID implements [store.Store].
func (s *Store) WebhooksByID(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error) {
	rows, err := list(ctx, s, listWebhooksByID, scanWebhook(a), string(a.API), a.ID, id)
	if err != nil {
		return nil, fmt.Errorf("list webhooks %q of %v: %w", id, a, err)
	}
	return rows, nil
}

// Webhook implements [store.Store].
func (s *Store) Webhook(ctx context.Context, a webhook.Account, event string) (webhook.Webhook, error) {
	w, err := find(ctx, s, findWebhook, scanWebhook(a), string(a.API), a.ID, event)
	if err != nil {
		return webhook.Webhook{}, fmt.Errorf("read webhook of %s of %v: %w", event, a, err)
	}
	return w, nil
}

// Account implements [store.Store].
func (s *Store) Account(ctx context.Context, a webhook.Account) (webhook.AccountInfo, error) {
	info, err := find(ctx, s, findAccount, scanAccount(a.API), string(a.API), a.ID)
	if err != nil {
		return webhook.AccountInfo{}, fmt.Errorf("read account %v: %w", a, err)
	}
	return info, nil
}

// Accounts implements [store.Store].
func (s *Store) Accounts(ctx context.Context, d webhook.API) ([]webhook.AccountInfo, error) {
	rows, err := list(ctx, s, listAccounts, scanAccount(d), string(d))
	if err != nil {
		return nil, fmt.Errorf("list accounts of %s: %w", d, err)
	}
	return rows, nil
}

// AccountsAfter implements [store.Store].
func (s *Store) AccountsAfter(ctx context.Context, d webhook.API, after string, limit int) (accounts []webhook.AccountInfo, next string, err error) {
	accounts, err = list(ctx, s, listAccountsAfter, scanAccount(d), string(d), after, int64(limit))
	if err != nil {
		return nil, "", fmt.Errorf("list accounts of %s: %w", d, err)
	}
	if len(accounts) == limit {
		next = accounts[limit-1].Account.ID
	}
	return accounts, next, nil
}

// ClosingAccounts implements [store.Store].
func (s *Store) ClosingAccounts(ctx context.Context) ([]webhook.ClosingAccount, error) {
	rows, err := list(ctx, s, listClosing, func(r *row) (webhook.ClosingAccount, error) {
		return webhook.ClosingAccount{Account: webhook.Account{API: webhook.API(r.text()), ID: r.text()}, Since: r.time()}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list closing accounts: %w", err)
	}
	return rows, nil
}

// Token implements [store.Store].
func (s *Store) Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error) {
	t, err := find(ctx, s, findToken, scanToken, h[:])
	if err != nil {
		return webhook.Token{}, fmt.Errorf("read token: %w", err)
	}
	return t, nil
}

// Tokens implements [store.Store].
func (s *Store) Tokens(ctx context.Context, a webhook.Account) ([]webhook.Token, error) {
	rows, err := list(ctx, s, listTokens, scanToken, string(a.API), a.ID)
	if err != nil {
		return nil, fmt.Errorf("list tokens of %v: %w", a, err)
	}
	return rows, nil
}

// SealingKeys implements [store.Store].
func (s *Store) SealingKeys(ctx context.Context) ([]webhook.SealingKey, error) {
	rows, err := list(ctx, s, listSealingKeys, scanSealingKey)
	if err != nil {
		return nil, fmt.Errorf("list sealing keys: %w", err)
	}
	return rows, nil
}

// find reads a single row as read does. It returns [webhook.ErrNotFound] if
// there is none.
func find[T any](ctx context.Context, s *Store, text string, scan func(*row) (T, error), args ...any) (T, error) {
	return read(ctx, s.reader, func(conn *sqlite.Conn) (T, error) { return one(conn, text, scan, args...) })
}

func scanWebhook(a webhook.Account) func(*row) (webhook.Webhook, error) {
	return func(r *row) (webhook.Webhook, error) { return readWebhook(a, r) }
}

// readWebhook reads the webhookColumns.
func readWebhook(a webhook.Account, r *row) (w webhook.Webhook, err error) {
	w = webhook.Webhook{Account: a, Event: r.text(), ID: r.text(), RequestID: r.text(), URL: r.text(), SendPayload: r.bool()}
	w.Position, w.SealedKey = int(r.int()), r.bytes()
	retired := r.text()
	w.Disabled, w.DisabledReason, w.Version, w.CreatedAt, w.UpdatedAt = r.bool(), r.text(), r.int(), r.time(), r.time()
	w.Statistics = webhook.Statistics{
		LastSentAt: r.time(), LastFailedAt: r.time(), FailedAttempts: r.int(), Since: r.time(), LastStatus: int(r.int()),
	}
	w.DisabledAt, w.SlowSince, w.Statistics.Told = r.time(), r.time(), webhook.Told(r.byte())
	if w.RetiredKeys, err = decodeRetired(retired); err != nil {
		return webhook.Webhook{}, fmt.Errorf("webhook %s of %s: %w", w.ID, w.Event, err)
	}
	return w, nil
}

func scanAccount(d webhook.API) func(*row) (webhook.AccountInfo, error) {
	return func(r *row) (webhook.AccountInfo, error) { return readAccount(d, r), nil }
}

func readAccount(d webhook.API, r *row) webhook.AccountInfo {
	return webhook.AccountInfo{
		Account: webhook.Account{API: d, ID: r.text()}, CreatedAt: r.time(), Closing: r.bool(), SealedKey: r.bytes(),
		PortalEpoch: r.int(),
	}
}

func scanToken(r *row) (webhook.Token, error) {
	t := webhook.Token{Account: webhook.Account{API: webhook.API(r.text()), ID: r.text()}}
	hash := r.bytes()
	t.ID, t.Rights, t.CreatedAt, t.ExpiresAt = r.text(), webhook.Rights(r.byte()), r.time(), r.time()
	if len(hash) != len(t.Hash) {
		return webhook.Token{}, fmt.Errorf("token %s of %v has a hash of %d bytes", t.ID, t.Account, len(hash))
	}
	t.Hash = webhook.TokenHash(hash)
	return t, nil
}

func scanSealingKey(r *row) (webhook.SealingKey, error) {
	return webhook.SealingKey{ID: r.text(), Public: r.bytes(), WrappedPrivate: r.bytes(), CreatedAt: r.time()}, nil
}
