package sqlitestore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	findTarget = `SELECT ` + targetColumns + `
		FROM (SELECT ? AS dialect, ? AS account, ? AS event) AS subject ` + joinTarget
	findTask = `SELECT ` + prefixedColumns + `, ` + wholePayload + `, ` + targetColumns + `
		FROM delivery AS subject ` + joinTarget + ` WHERE subject.dialect = ? AND subject.account = ? AND subject.id = ?`
	joinTarget = `
		LEFT JOIN webhook AS w ON w.dialect = subject.dialect AND w.account = subject.account AND w.event = subject.event
		LEFT JOIN account AS a ON a.dialect = subject.dialect AND a.id = subject.account`
	// targetColumns are in the order of readTarget: the webhookColumns, and the
	// account's.
	targetColumns = `w.event, w.id, w.claim, w.url, w.send_payload, w.position, w.sealed_key, w.retired_keys, w.disabled,
		w.disabled_reason, w.version, w.created_at, w.updated_at, w.last_sent_at, w.last_failed_at, w.failed_attempts,
		a.id, a.created_at, a.closing, a.sealed_key`
	// prefixedColumns are the deliveryColumns.
	prefixedColumns = `subject.time, subject.event, subject.event_id, subject.number, subject.instance, subject.content,
		subject.webhook_id, subject.url, subject.accepted_at, subject.attempts, subject.attempted_at, subject.status,
		subject.next, subject.due, subject.sends, subject.status_code, subject.reason`
)

// Targets gives the webhooks and accounts of subjects, in their order.
func (s *Store) Targets(ctx context.Context, subjects []webhook.Subject) ([]webhook.Target, error) {
	asked := slices.Clone(subjects) // the caller may leave before they are read
	targets, err := read(ctx, s.finder, func(conn *sqlite.Conn) ([]webhook.Target, error) { return findTargets(conn, asked) })
	if err != nil {
		return nil, fmt.Errorf("read targets of %d subjects: %w", len(subjects), err)
	}
	return targets, nil
}

func findTargets(conn *sqlite.Conn, subjects []webhook.Subject) ([]webhook.Target, error) {
	targets := make([]webhook.Target, len(subjects))
	found := make(map[webhook.Subject]int, len(subjects))
	for i, subject := range subjects {
		if first, known := found[subject]; known {
			targets[i] = copyOf(targets[first])
			continue
		}
		found[subject] = i
		var err error
		targets[i], err = one(conn, findTarget, func(r *row) (webhook.Target, error) { return readTarget(subject.Account, r) },
			string(subject.Account.Dialect), subject.Account.ID, subject.Event)
		if err != nil {
			return nil, err
		}
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
	task, err := find(ctx, s, findTask, func(r *row) (task webhook.Task, err error) {
		if task.Delivery, err = readDelivery(m.Account, r); err != nil {
			return webhook.Task{}, err
		}
		task.Delivery.Payload = r.bytes()
		task.Target, err = readTarget(m.Account, r)
		return task, err
	}, string(m.Account.Dialect), m.Account.ID, deliveryKey(m.ID))
	if err != nil {
		return webhook.Task{}, fmt.Errorf("read task of delivery %q of %v: %w", m.ID, m.Account, err)
	}
	return task, nil
}

// readTarget reads the targetColumns: what there is none of is zero.
func readTarget(a webhook.Account, r *row) (t webhook.Target, err error) {
	if t.Webhook, err = readWebhook(a, r); err != nil {
		return webhook.Target{}, err
	}
	if t.Webhook.ID == "" {
		t.Webhook = webhook.Webhook{}
	}
	if t.Account = readAccount(a.Dialect, r); t.Account.Account.ID == "" {
		t.Account = webhook.AccountInfo{}
	}
	return t, nil
}
