package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const setSlow = `UPDATE webhook SET slow_since = ?
	WHERE dialect = ? AND account = ? AND event = ? AND id = ? AND version = ? AND slow_since IS ?`

// SetSlow implements [store.Deliveries]. It returns [webhook.ErrUnknownOutcome]
// if the disk failed during the commit.
func (s *Store) SetSlow(ctx context.Context, w webhook.Webhook, since time.Time) error {
	err := s.writer.write(ctx, func(tx *session) error {
		n, err := tx.run(setSlow, since, string(w.Account.API), w.Account.ID, w.Event, w.ID, w.Version, w.SlowSince)
		if err != nil || n == 1 {
			return err
		}
		if err := tx.checkWas([]webhook.Webhook{w}); err != nil {
			return err
		}
		return webhook.ErrChanged // since another attempt was first
	})
	if err != nil {
		return fmt.Errorf("set whether webhook %q of %v is slow: %w", w.ID, w.Account, unknownOutcome(err))
	}
	return nil
}
