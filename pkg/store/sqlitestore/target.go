package sqlitestore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	findTarget = `SELECT ` + targetColumns + `
		FROM (SELECT ? AS dialect, ? AS account, ? AS event) AS subject ` + joinTarget
	findTask = `SELECT ` + prefixedColumns + `, coalesce(subject.payload, payload.bytes), ` + targetColumns + `
		FROM delivery AS subject LEFT JOIN payload ON payload.delivery = subject.row ` + joinTarget + `
		WHERE subject.dialect = ? AND subject.account = ? AND subject.id = ?`
	joinTarget = `
		LEFT JOIN webhook AS w ON w.dialect = subject.dialect AND w.account = subject.account AND w.event = subject.event
		LEFT JOIN account AS a ON a.dialect = subject.dialect AND a.id = subject.account`
	// targetColumns are in the order of targetRow: the webhookColumns, and the
	// account's.
	targetColumns = `ifnull(w.event, ''), ifnull(w.id, ''), ifnull(w.claim, ''), ifnull(w.url, ''), ifnull(w.send_payload, 0),
		ifnull(w.position, 0), w.sealed_key, w.retired_keys, ifnull(w.disabled, 0), ifnull(w.disabled_reason, ''),
		ifnull(w.version, 0), ifnull(w.created_at, 0), w.updated_at, w.last_sent_at, w.last_failed_at,
		ifnull(w.failed_attempts, 0), a.created_at, ifnull(a.closing, 0), a.sealed_key`
	// prefixedColumns are the deliveryColumns.
	prefixedColumns = `subject.time, subject.event, subject.event_id, subject.number, subject.instance, subject.content,
		subject.webhook_id, subject.url, subject.accepted_at, subject.attempts, subject.attempted_at, subject.status,
		subject.active, subject.next, subject.due, subject.sends, subject.status_code, subject.reason`
)

// Targets gives the webhooks and accounts of subjects, in their order.
func (s *Store) Targets(ctx context.Context, subjects []webhook.Subject) ([]webhook.Target, error) {
	targets := make([]webhook.Target, len(subjects))
	found := make(map[webhook.Subject]int, len(subjects))
	for i, subject := range subjects {
		if first, known := found[subject]; known {
			targets[i] = copyOf(targets[first])
			continue
		}
		found[subject] = i
		target, err := one(ctx, s.queries.target, func(r scanner) (webhook.Target, error) {
			row := newTargetRow(subject.Account)
			if err := r.Scan(row.fields()...); err != nil {
				return webhook.Target{}, err
			}
			return row.read()
		}, string(subject.Account.Dialect), subject.Account.ID, subject.Event)
		if err != nil {
			return nil, fmt.Errorf("read targets of %d subjects: %w", len(subjects), err)
		}
		targets[i] = target
	}
	return targets, nil
}

// copyOf gives a target that shares nothing with another.
func copyOf(t webhook.Target) webhook.Target {
	t.Webhook = kept(t.Webhook)
	t.Account.SealedKey = bytes.Clone(t.Account.SealedKey)
	return t
}

// Task reads a delivery with its payload, and its webhook and account, all as
// they stood at one moment. webhook.ErrNotFound: there is no such delivery.
func (s *Store) Task(ctx context.Context, m webhook.Message) (webhook.Task, error) {
	task, err := one(ctx, s.queries.task, func(r scanner) (task webhook.Task, err error) {
		row := deliveryRow{Delivery: webhook.Delivery{Account: m.Account}}
		target := newTargetRow(m.Account)
		if err := r.Scan(append(append(row.fields(), &row.Payload), target.fields()...)...); err != nil {
			return task, err
		}
		task.Delivery = row.read()
		task.Target, err = target.read()
		return task, err
	}, string(m.Account.Dialect), m.Account.ID, deliveryKey(m.ID))
	if err != nil {
		return webhook.Task{}, fmt.Errorf("read task of delivery %q of %v: %w", m.ID, m.Account, err)
	}
	return task, nil
}

// targetRow takes the targetColumns.
type targetRow struct {
	webhook webhookRow
	account webhook.AccountInfo
	created sql.NullInt64 // the account's; NULL where there is none
}

func newTargetRow(a webhook.Account) *targetRow {
	return &targetRow{
		webhook: webhookRow{Webhook: webhook.Webhook{Account: a}},
		account: webhook.AccountInfo{Account: a},
	}
}

func (r *targetRow) fields() []any {
	return append(r.webhook.fields(), &r.created, &r.account.Closing, &r.account.SealedKey)
}

// read gives the target of the fields: what there is none of is zero.
func (r *targetRow) read() (t webhook.Target, err error) {
	if r.webhook.ID != "" {
		if t.Webhook, err = r.webhook.read(); err != nil {
			return webhook.Target{}, err
		}
	}
	if r.created.Valid {
		t.Account = r.account
		t.Account.CreatedAt = readTime(r.created)
	}
	return t, nil
}
