package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// reasonNoWebhook is the Reason shown for deliveries that the next attempt
// would cancel.
const reasonNoWebhook = "cancelled: the webhook is disabled or gone"

// Deliveries calls yield for each delivery of an account whose event happened
// at from or later, latest event first, until yield returns false. A delivery
// that awaits an attempt but whose webhook is disabled or deleted is shown as
// cancelled, since that attempt would cancel it. Deliveries of a deleted
// account with the same id are omitted. It returns [webhook.ErrNotFound] if the
// account does not exist.
func (r *Registry) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	info, err := r.cfg.Store.Account(ctx, a)
	if err != nil {
		return fmt.Errorf("list deliveries of %s: %w", a, err)
	}
	list, err := r.cfg.Store.Webhooks(ctx, a)
	if err != nil {
		return fmt.Errorf("list deliveries of %s: %w", a, err)
	}
	enabled := map[string]string{} // event to id
	for _, w := range list {
		if !w.Disabled {
			enabled[w.Event] = w.ID
		}
	}
	err = r.cfg.Store.Deliveries(ctx, a, from, func(d webhook.Delivery) bool {
		if d.AcceptedAt.Before(info.CreatedAt) {
			return true
		}
		if enabled[d.Event] != d.WebhookID {
			d = d.Cancelled(reasonNoWebhook)
		}
		return yield(d)
	})
	if err != nil {
		return fmt.Errorf("list deliveries of %s: %w", a, err)
	}
	return nil
}
