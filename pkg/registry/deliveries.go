package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// reasonNoWebhook is what deliveries say that nothing has cancelled yet, but that
// an attempt would.
const reasonNoWebhook = "cancelled: the webhook is disabled or gone"

// Deliveries gives the deliveries of an account whose events happened at from
// or later to yield, the latest event first, until yield returns false. One
// whose webhook is disabled or gone is given as cancelled, since no other attempt
// comes, if one was to come. What an account of the same id left behind, which
// was deleted before, is not given. webhook.ErrNotFound: the account is gone.
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
