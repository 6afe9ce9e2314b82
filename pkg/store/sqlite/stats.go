package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// countDue reads no more of the index than maxCounted rows.
	countDue = `SELECT count(*), coalesce(min(due), 0) FROM (SELECT due FROM delivery WHERE due <= ? ORDER BY due LIMIT ?)`
	// countFailing reads the index of those that fail or are disabled.
	countFailing = `SELECT dialect, disabled, count(*) FROM webhook WHERE disabled OR failed_attempts > 0 GROUP BY dialect, disabled`
)

// maxCounted bounds what Backlog counts, and so how long it takes.
const maxCounted = 100_000

// Backlog is how many deliveries are due, at most 100,000, and since when the
// oldest is; zero if there is none.
type Backlog struct {
	Due   int
	Since time.Time
}

// Backlog returns what is due at a time and has been left to no queue.
func (s *Store) Backlog(ctx context.Context, now time.Time) (Backlog, error) {
	found, err := list(ctx, s, countDue, func(r *row) (Backlog, error) {
		return Backlog{Due: int(r.int()), Since: r.time()}, nil
	}, now.UnixMilli(), maxCounted)
	if err != nil {
		return Backlog{}, fmt.Errorf("count what is due: %w", err)
	}
	if found[0].Due == 0 {
		return Backlog{}, nil
	}
	return found[0], nil
}

// FailingCount is how many webhooks of an API have a state.
type FailingCount struct {
	API   webhook.API
	State webhook.State
	Count int
}

// CountFailing counts the webhooks that fail or are disabled. What there is
// none of is left out.
func (s *Store) CountFailing(ctx context.Context) ([]FailingCount, error) {
	found, err := list(ctx, s, countFailing, func(r *row) (FailingCount, error) {
		c := FailingCount{API: webhook.API(r.text()), State: webhook.StateFailing}
		if r.bool() {
			c.State = webhook.StateDisabled
		}
		c.Count = int(r.int())
		return c, nil
	})
	if err != nil {
		return nil, fmt.Errorf("count failing webhooks: %w", err)
	}
	return found, nil
}
