package sqlite

import (
	"context"
	"fmt"

	"github.com/hookline/hookline/pkg/webhook"
)

// latestAttempted finds the status of the latest attempted delivery of an event
// among the latest of its account. The inner query is read only as far as the
// outer one needs.
const latestAttempted = `SELECT status FROM (
		SELECT event, attempts, status FROM delivery WHERE dialect = ? AND account = ? ORDER BY id DESC LIMIT ?)
	WHERE event = ? AND attempts > 0 LIMIT 1`

// provenAmong bounds how many deliveries Proven reads, so that it takes about a
// millisecond at most.
const provenAmong = 1000

// Proven reports whether the latest attempted delivery for an event key was
// delivered. It looks at the latest thousand deliveries of the account only.
func (s *Store) Proven(ctx context.Context, key webhook.EventKey) (bool, error) {
	delivered := webhook.StatusDelivered.String()
	statuses, err := list(ctx, s, latestAttempted, func(r *row) (string, error) { return r.text(), nil },
		string(key.Account.API), key.Account.ID, provenAmong, key.Event)
	if err != nil {
		return false, fmt.Errorf("read whether %s of %v is proven: %w", key.Event, key.Account, err)
	}
	return len(statuses) > 0 && statuses[0] == delivered, nil
}
