package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	listWebhooks    = `SELECT ` + webhookColumns + ` FROM webhook WHERE dialect = ? AND account = ? ORDER BY event`
	findAccount     = `SELECT id, created_at, closing, sealed_key FROM account WHERE dialect = ? AND id = ?`
	listAccounts    = `SELECT id, created_at, closing, sealed_key FROM account WHERE dialect = ? ORDER BY id`
	findToken       = `SELECT dialect, account, hash, id, rights, created_at, expires_at FROM token WHERE hash = ?`
	listTokens      = `SELECT dialect, account, hash, id, rights, created_at, expires_at FROM token WHERE dialect = ? AND account = ? ORDER BY id`
	findSealingKey  = `SELECT id, public, wrapped_private, created_at FROM sealing_key WHERE id = ?`
	listSealingKeys = `SELECT id, public, wrapped_private, created_at FROM sealing_key ORDER BY id`
)

// queries are the prepared statements of the readers.
type queries struct {
	webhooks, webhook, account, accounts, token, tokens, sealingKeys *sql.Stmt

	target, task, delivery, deliveries, due, dueAt, oldest *sql.Stmt
}

func (q *queries) prepare(ctx context.Context, db *sql.DB) error {
	for _, query := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&q.webhooks, listWebhooks},
		{&q.webhook, findWebhook},
		{&q.account, findAccount},
		{&q.accounts, listAccounts},
		{&q.token, findToken},
		{&q.tokens, listTokens},
		{&q.sealingKeys, listSealingKeys},
		{&q.target, findTarget},
		{&q.task, findTask},
		{&q.delivery, findDelivery},
		{&q.deliveries, listDeliveries},
		{&q.due, listDue},
		{&q.dueAt, listDueAt},
		{&q.oldest, listOldest},
	} {
		var err error
		if *query.stmt, err = db.PrepareContext(ctx, query.text); err != nil {
			return err
		}
	}
	return nil
}

// Webhooks lists the webhooks of an account, ordered by event.
func (s *Store) Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error) {
	list, err := all(ctx, s.queries.webhooks, func(row scanner) (webhook.Webhook, error) { return scanWebhook(a, row) },
		string(a.Dialect), a.ID)
	if err != nil {
		return nil, fmt.Errorf("list webhooks of %v: %w", a, err)
	}
	return list, nil
}

// Webhook reads the webhook of an event. webhook.ErrNotFound: there is none.
func (s *Store) Webhook(ctx context.Context, a webhook.Account, event string) (webhook.Webhook, error) {
	w, err := one(ctx, s.queries.webhook, func(row scanner) (webhook.Webhook, error) { return scanWebhook(a, row) },
		string(a.Dialect), a.ID, event)
	if err != nil {
		return webhook.Webhook{}, fmt.Errorf("read webhook of %s of %v: %w", event, a, err)
	}
	return w, nil
}

// Account reads an account. webhook.ErrNotFound: there is none.
func (s *Store) Account(ctx context.Context, a webhook.Account) (webhook.AccountInfo, error) {
	info, err := one(ctx, s.queries.account, scanAccount(a.Dialect), string(a.Dialect), a.ID)
	if err != nil {
		return webhook.AccountInfo{}, fmt.Errorf("read account %v: %w", a, err)
	}
	return info, nil
}

// Accounts lists the accounts of a dialect, ordered by id.
func (s *Store) Accounts(ctx context.Context, d webhook.Dialect) ([]webhook.AccountInfo, error) {
	list, err := all(ctx, s.queries.accounts, scanAccount(d), string(d))
	if err != nil {
		return nil, fmt.Errorf("list accounts of %s: %w", d, err)
	}
	return list, nil
}

// Token finds a token by its hash, expired ones too. webhook.ErrNotFound:
// there is none.
func (s *Store) Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error) {
	t, err := one(ctx, s.queries.token, scanToken, h[:])
	if err != nil {
		return webhook.Token{}, fmt.Errorf("read token: %w", err)
	}
	return t, nil
}

// Tokens lists the tokens of an account, ordered by id.
func (s *Store) Tokens(ctx context.Context, a webhook.Account) ([]webhook.Token, error) {
	list, err := all(ctx, s.queries.tokens, scanToken, string(a.Dialect), a.ID)
	if err != nil {
		return nil, fmt.Errorf("list tokens of %v: %w", a, err)
	}
	return list, nil
}

// SealingKeys lists all sealing keys, ordered by id.
func (s *Store) SealingKeys(ctx context.Context) ([]webhook.SealingKey, error) {
	list, err := all(ctx, s.queries.sealingKeys, scanSealingKey)
	if err != nil {
		return nil, fmt.Errorf("list sealing keys: %w", err)
	}
	return list, nil
}

// scanner is a row to be read: *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// one reads a single row. webhook.ErrNotFound: there is none.
func one[T any](ctx context.Context, query *sql.Stmt, scan func(scanner) (T, error), args ...any) (T, error) {
	value, err := scan(query.QueryRowContext(ctx, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return value, webhook.ErrNotFound
	}
	if err != nil {
		return value, readFault(ctx, err)
	}
	return value, nil
}

// all reads all rows.
func all[T any](ctx context.Context, query *sql.Stmt, scan func(scanner) (T, error), args ...any) (list []T, err error) {
	rows, err := query.QueryContext(ctx, args...)
	if err != nil {
		return nil, readFault(ctx, err)
	}
	defer func() {
		if err = errors.Join(err, rows.Close()); err != nil {
			list, err = nil, readFault(ctx, err)
		}
	}()
	for rows.Next() {
		value, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, rows.Err()
}

func scanWebhook(a webhook.Account, row scanner) (webhook.Webhook, error) {
	r := webhookRow{Webhook: webhook.Webhook{Account: a}}
	if err := row.Scan(r.fields()...); err != nil {
		return webhook.Webhook{}, err
	}
	return r.read()
}

// webhookRow takes the webhookColumns.
type webhookRow struct {
	webhook.Webhook
	created                       int64
	updated, lastSent, lastFailed sql.NullInt64
	retired                       sql.NullString
}

func (r *webhookRow) fields() []any {
	return []any{
		&r.Event, &r.ID, &r.Claim, &r.URL, &r.SendPayload, &r.Position, &r.SealedKey, &r.retired, &r.Disabled,
		&r.DisabledReason, &r.Version, &r.created, &r.updated, &r.lastSent, &r.lastFailed, &r.Statistics.FailedAttempts,
	}
}

// read gives the webhook of the fields.
func (r *webhookRow) read() (w webhook.Webhook, err error) {
	w = r.Webhook
	w.CreatedAt, w.UpdatedAt = fromMilli(r.created), readTime(r.updated)
	w.Statistics.LastSentAt, w.Statistics.LastFailedAt = readTime(r.lastSent), readTime(r.lastFailed)
	if w.RetiredKeys, err = decodeRetired(r.retired); err != nil {
		return webhook.Webhook{}, fmt.Errorf("webhook %s of %s: %w", w.ID, w.Event, err)
	}
	return w, nil
}

func scanAccount(d webhook.Dialect) func(scanner) (webhook.AccountInfo, error) {
	return func(row scanner) (webhook.AccountInfo, error) {
		info := webhook.AccountInfo{Account: webhook.Account{Dialect: d}}
		var created int64
		err := row.Scan(&info.Account.ID, &created, &info.Closing, &info.SealedKey)
		info.CreatedAt = fromMilli(created)
		return info, err
	}
}

func scanToken(row scanner) (webhook.Token, error) {
	var t webhook.Token
	var hash []byte
	var created int64
	var expires sql.NullInt64
	err := row.Scan(&t.Account.Dialect, &t.Account.ID, &hash, &t.ID, &t.Rights, &created, &expires)
	if err != nil {
		return webhook.Token{}, err
	}
	if copy(t.Hash[:], hash) != len(t.Hash) {
		return webhook.Token{}, fmt.Errorf("token %s of %v has a hash of %d bytes", t.ID, t.Account, len(hash))
	}
	t.CreatedAt, t.ExpiresAt = fromMilli(created), readTime(expires)
	return t, nil
}

func scanSealingKey(row scanner) (webhook.SealingKey, error) {
	var k webhook.SealingKey
	var created int64
	err := row.Scan(&k.ID, &k.Public, &k.WrappedPrivate, &created)
	k.CreatedAt = fromMilli(created)
	return k, err
}
