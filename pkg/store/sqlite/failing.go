package sqlite

import (
	"context"
	"fmt"
	"math"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	failingSince = `iif(disabled, disabled_at, state_since)`
	// listFailing reads the index of those that fail or are disabled, after a
	// given one.
	listFailing = `SELECT account, ` + webhookColumns + ` FROM webhook
		WHERE dialect = ? AND (` + failingSince + `, account, event) > (?, ?, ?) AND (disabled OR failed_attempts > 0)
		ORDER BY ` + failingSince + `, account, event LIMIT ?`
)

// Failing implements [store.Store].
func (s *Store) Failing(ctx context.Context, api webhook.API, after string, limit int) ([]webhook.Webhook, string, error) {
	since, key := int64(math.MinInt64), webhook.EventKey{}
	if after != "" {
		p, err := store.ParsePosition(api, after)
		if err != nil {
			return nil, "", fmt.Errorf("list failing webhooks of %s: %w", api, err)
		}
		since, key = p.Since.UnixMilli(), p.Key
	}
	found, err := list(ctx, s, listFailing, func(r *row) (webhook.Webhook, error) {
		return readWebhook(webhook.Account{API: api, ID: r.text()}, r)
	}, string(api), since, key.Account.ID, key.Event, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list failing webhooks of %s: %w", api, err)
	}
	if len(found) <= limit {
		return found, "", nil
	}
	found = found[:limit]
	last := found[limit-1]
	return found, store.Position{Since: last.FailingSince(), Key: last.EventKey()}.String(), nil
}
