package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	selectRecipient = `SELECT ` + recipientColumns + `
		FROM (SELECT ? AS dialect, ? AS account, ? AS event) AS subject ` + joinRecipient
	selectAttemptInput = `SELECT ` + prefixedColumns + `, ` + wholePayload + `, ` + recipientColumns + `
		FROM delivery AS subject ` + joinRecipient + ` WHERE subject.dialect = ? AND subject.account = ? AND subject.id = ?`
	joinRecipient = `
		LEFT JOIN webhook AS w ON w.dialect = subject.dialect AND w.account = subject.account AND w.event = subject.event
		LEFT JOIN account AS a ON a.dialect = subject.dialect AND a.id = subject.account`
	// recipientColumns are in the order of readRecipient: the webhookColumns,
	// and the account's.
	recipientColumns = `w.event, w.id, w.claim, w.url, w.send_payload, w.position, w.sealed_key, w.retired_keys, w.disabled,
		w.disabled_reason, w.version, w.created_at, w.updated_at, w.last_sent_at, w.last_failed_at, w.failed_attempts,
		w.state_since, w.last_status, w.disabled_at, w.slow_since, w.told, a.id, a.created_at, a.closing, a.sealed_key`
	// prefixedColumns are the deliveryColumns.
	prefixedColumns = `subject.time, subject.event, subject.event_id, subject.number, subject.instance, subject.content,
		subject.webhook_id, subject.url, subject.accepted_at, subject.attempts, subject.attempted_at, subject.duration,
		subject.status, subject.next, subject.due, subject.sends, subject.status_code, subject.reason, subject.test`
)

// Recipients implements [store.Deliveries].
func (s *Store) Recipients(ctx context.Context, eventKeys []webhook.EventKey) ([]webhook.Recipient, error) {
	asked := slices.Clone(eventKeys) // the caller may return before they are read
	recipients, err := read(ctx, s.reader, func(conn *sqlite.Conn) ([]webhook.Recipient, error) { return recipients(conn, asked) })
	if err != nil {
		return nil, fmt.Errorf("read recipients of %d event keys: %w", len(eventKeys), err)
	}
	return recipients, nil
}

func recipients(conn *sqlite.Conn, eventKeys []webhook.EventKey) ([]webhook.Recipient, error) {
	recipients := make([]webhook.Recipient, len(eventKeys))
	found := make(map[webhook.EventKey]int, len(eventKeys))
	for i, eventKey := range eventKeys {
		if first, known := found[eventKey]; known {
			recipients[i] = copyOf(recipients[first])
			continue
		}
		found[eventKey] = i
		var err error
		recipients[i], err = one(conn, selectRecipient, func(r *row) (webhook.Recipient, error) { return readRecipient(eventKey.Account, r) },
			string(eventKey.Account.API), eventKey.Account.ID, eventKey.Event)
		if err != nil {
			return nil, err
		}
	}
	return recipients, nil
}

// copyOf returns a recipient that shares nothing with t.
func copyOf(t webhook.Recipient) webhook.Recipient {
	t.Webhook = normalised(t.Webhook)
	t.Account.SealedKey = bytes.Clone(t.Account.SealedKey)
	return t
}

// AttemptInput implements [store.Deliveries]. It reads everything from one
// snapshot.
func (s *Store) AttemptInput(ctx context.Context, m webhook.Message) (webhook.AttemptInput, error) {
	input, err := find(ctx, s, selectAttemptInput, func(r *row) (input webhook.AttemptInput, err error) {
		if input.Delivery, err = readDelivery(m.Account, r); err != nil {
			return webhook.AttemptInput{}, err
		}
		input.Delivery.Payload = r.bytes()
		input.Recipient, err = readRecipient(m.Account, r)
		return input, err
	}, string(m.Account.API), m.Account.ID, deliveryKey(m.ID))
	if err != nil {
		return webhook.AttemptInput{}, fmt.Errorf("read input of delivery %q of %v: %w", m.ID, m.Account, err)
	}
	return input, nil
}

// readRecipient reads the recipientColumns. What does not exist is zero.
func readRecipient(a webhook.Account, r *row) (t webhook.Recipient, err error) {
	if t.Webhook, err = readWebhook(a, r); err != nil {
		return webhook.Recipient{}, err
	}
	if t.Webhook.ID == "" {
		t.Webhook = webhook.Webhook{}
	}
	if t.Account = readAccount(a.API, r); t.Account.Account.ID == "" {
		t.Account = webhook.AccountInfo{}
	}
	return t, nil
}
