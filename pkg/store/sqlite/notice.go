package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	insertNotice = `INSERT INTO notice (id, type, at, dialect, account, webhook_id, events, state_since, last_status)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	listNotices = `SELECT id, type, at, dialect, account, webhook_id, events, state_since, last_status FROM notice
		WHERE id > ? ORDER BY id LIMIT ?`
	deleteNotice = `DELETE FROM notice WHERE id = ?`
	markTold     = `UPDATE webhook SET told = told | ? WHERE dialect = ? AND account = ? AND event = ?`
	// tellOnce marks a webhook that fails since a time as told.
	tellOnce = `UPDATE webhook SET told = told | ? WHERE dialect = ? AND account = ? AND event = ? AND id = ?
		AND NOT disabled AND failed_attempts > 0 AND state_since = ? AND told & ? = 0`
	isTold = `SELECT count(*) FROM webhook WHERE dialect = ? AND account = ? AND event = ? AND id = ? AND NOT disabled AND told <> 0`
)

// Tell implements [store.Notices]. It returns [webhook.ErrUnknownOutcome] if the
// disk failed during the commit.
func (s *Store) Tell(ctx context.Context, n webhook.Notice) error {
	told := int64(webhook.ToldOf(n.Type))
	if told == 0 || len(n.Events) != 1 {
		return fmt.Errorf("tell of webhook %.64q of %v: %w: %s of %d events", n.WebhookID, n.Account, webhook.ErrInvalid, n.Type, len(n.Events))
	}
	n.Events = slices.Clone(n.Events)
	err := s.writer.write(ctx, func(tx *session) error {
		err := orElse(webhook.ErrChanged)(tx.run(tellOnce, told, string(n.Account.API), n.Account.ID, n.Events[0], n.WebhookID,
			n.StateSince, told))
		if err != nil {
			return err
		}
		return tx.addNotice(n)
	})
	if err != nil {
		return fmt.Errorf("tell of webhook %.64q of %v: %w", n.WebhookID, n.Account, unknownOutcome(err))
	}
	return nil
}

// addNotice stores a notice.
func (tx *session) addNotice(n webhook.Notice) error {
	events, err := json.Marshal(n.Events)
	if err != nil {
		return fmt.Errorf("encode events of notice: %w", err)
	}
	_, err = tx.run(insertNotice, n.ID, string(n.Type), n.At.UnixMilli(), string(n.Account.API), n.Account.ID, n.WebhookID, string(events),
		n.StateSince.UnixMilli(), n.LastStatus)
	return err
}

// addRecovery stores the notice of a success if the operator was told of
// failures of the webhook.
func (tx *session) addRecovery(d webhook.Delivery, n webhook.Notice) error {
	told, err := one(tx.conn, isTold, scanInt, string(d.Account.API), d.Account.ID, d.Event, d.WebhookID)
	if err != nil || told == 0 {
		return err
	}
	return tx.addNotice(n)
}

// Notices implements [store.Notices].
func (s *Store) Notices(ctx context.Context, after string, limit int) ([]webhook.Notice, error) {
	found, err := list(ctx, s, listNotices, readNotice, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	return found, nil
}

func readNotice(r *row) (webhook.Notice, error) {
	n := webhook.Notice{ID: r.text(), Type: webhook.NoticeType(r.text()), At: r.time()}
	n.Account, n.WebhookID = webhook.Account{API: webhook.API(r.text()), ID: r.text()}, r.text()
	if err := json.Unmarshal([]byte(r.text()), &n.Events); err != nil {
		return webhook.Notice{}, fmt.Errorf("%w: events of notice: %w", errDamaged, err)
	}
	n.StateSince, n.LastStatus = r.time(), int(r.int())
	return n, nil
}

// RemoveNotice implements [store.Notices]. It returns
// [webhook.ErrUnknownOutcome] if the disk failed during the commit.
func (s *Store) RemoveNotice(ctx context.Context, id string) error {
	err := s.writer.write(ctx, func(tx *session) error {
		_, err := tx.run(deleteNotice, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove notice %.64q: %w", id, unknownOutcome(err))
	}
	return nil
}
