package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// updateWebhook omits what no change may touch, and the statistics. It
	// clears slow_since if the URL changes.
	updateWebhook = `UPDATE webhook SET slow_since = CASE WHEN url = ?1 THEN slow_since END, url = ?1, send_payload = ?, sealed_key = ?, retired_keys = nullif(?, ''), disabled = ?,
		disabled_reason = ?, disabled_at = ?, version = ?, updated_at = ? WHERE dialect = ? AND account = ? AND event = ?`
	deleteWebhook = `DELETE FROM webhook WHERE dialect = ? AND account = ? AND event = ? AND id = ?`
)

// Change implements [store.Store]. It returns [webhook.ErrUnknownOutcome] if
// the disk failed during the commit.
func (s *Store) Change(ctx context.Context, c webhook.Change) error {
	// The writer works on copies, since the caller may return first.
	was, now := slices.Clone(c.Was), c.Replacements()
	for i := range now {
		now[i] = normalised(now[i])
	}
	err := s.writer.write(ctx, func(tx *session) error { return tx.changeAndTell(was, now, c.Notice) })
	if err != nil {
		return fmt.Errorf("change webhooks of %v: %w", c.Was[0].Account, unknownOutcome(err))
	}
	return nil
}

// changeAndTell makes a change, and stores its notice.
func (tx *session) changeAndTell(was, now []webhook.Webhook, n *webhook.Notice) error {
	if err := tx.change(was, now); err != nil || n == nil {
		return err
	}
	for _, w := range now {
		told := int64(webhook.ToldOf(n.Type))
		if _, err := tx.run(markTold, told, string(w.Account.API), w.Account.ID, w.Event); err != nil {
			return err
		}
	}
	return tx.addNotice(*n)
}

// change checks the whole change, then makes it. Nobody else can write in
// between.
func (tx *session) change(was, now []webhook.Webhook) error {
	if err := tx.checkWas(was); err != nil {
		return err
	}
	if err := tx.checkMoves(was, now); err != nil {
		return err
	}
	return tx.whole(func() error {
		for i := range was { // first free the events that other records may claim
			if now[i].Event == was[i].Event {
				continue
			}
			if err := tx.remove(was[i]); err != nil {
				return err
			}
		}
		for i := range now {
			if err := tx.put(&now[i], now[i].Event != was[i].Event); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkWas checks that all records are as they were read. It returns
// [webhook.ErrNotFound] if not, or [webhook.ErrChanged] if only versions
// differ.
func (tx *session) checkWas(was []webhook.Webhook) error {
	changed := false
	for i := range was {
		there, err := tx.webhook(was[i].Account, was[i].Event)
		switch {
		case errors.Is(err, webhook.ErrNotFound) || err == nil && there.ID != was[i].ID:
			return webhook.ErrNotFound
		case err != nil:
			return err
		}
		changed = changed || there.Version != was[i].Version
	}
	if changed {
		return webhook.ErrChanged
	}
	return nil
}

// checkMoves returns a TakenError for the events of now that was lacks and that
// have a webhook.
func (tx *session) checkMoves(was, now []webhook.Webhook) error {
	taken := map[string]string{}
	for i := range now {
		event := now[i].Event
		if slices.ContainsFunc(was, func(w webhook.Webhook) bool { return w.Event == event }) {
			continue
		}
		there, err := tx.webhook(now[i].Account, event)
		switch {
		case err == nil:
			taken[event] = there.ID
		case !errors.Is(err, webhook.ErrNotFound):
			return err
		}
	}
	if len(taken) > 0 {
		return &webhook.TakenError{IDs: taken}
	}
	return nil
}

// put writes w: as a new record if its event changed, otherwise over the
// existing record.
func (tx *session) put(w *webhook.Webhook, moved bool) error {
	if moved {
		added, err := tx.addWebhook(w)
		if err == nil && !added {
			err = fmt.Errorf("event %s, which was free, is not", w.Event)
		}
		return err
	}
	retired, err := encodeRetired(w.RetiredKeys)
	if err != nil {
		return err
	}
	return orElse(webhook.ErrNotFound)(tx.run(updateWebhook, w.URL, w.SendPayload, w.SealedKey, retired, w.Disabled,
		w.DisabledReason, w.DisabledAt, w.Version, w.UpdatedAt, string(w.Account.API), w.Account.ID, w.Event))
}

// Delete implements [store.Store]. It returns [webhook.ErrUnknownOutcome] if
// the disk failed during the commit.
func (s *Store) Delete(ctx context.Context, webhooks []webhook.Webhook) error {
	account, gone := webhooks[0].Account, slices.Clone(webhooks)
	err := s.writer.write(ctx, func(tx *session) error {
		return tx.whole(func() error {
			for _, w := range gone {
				if err := tx.remove(w); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("delete webhooks of %v: %w", account, unknownOutcome(err))
	}
	return nil
}

// remove deletes the record of w's event. It returns [webhook.ErrNotFound] if
// no record has that event and w's id.
func (tx *session) remove(w webhook.Webhook) error {
	return orElse(webhook.ErrNotFound)(tx.run(deleteWebhook, string(w.Account.API), w.Account.ID, w.Event, w.ID))
}
