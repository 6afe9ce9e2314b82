package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Deliveries gives the deliveries of an account whose events happened at from
// or later to yield, the latest event first, until yield returns false. One
// that did not succeed, and whose webhook is disabled or gone, is given as
// failed for good: no other attempt comes.
func (r *Registry) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	list, err := r.Store.Webhooks(ctx, a)
	if err != nil {
		return fmt.Errorf("list deliveries of %s: %w", a, err)
	}
	enabled := map[string]string{} // event to id
	for _, w := range list {
		if !w.Disabled {
			enabled[w.Event] = w.ID
		}
	}
	err = r.Store.Deliveries(ctx, a, from, func(d webhook.Delivery) bool {
		if d.Status != webhook.Success && enabled[d.Event] != d.WebhookID {
			d.Status, d.Active = webhook.Failed, false
		}
		return yield(d)
	})
	if err != nil {
		return fmt.Errorf("list deliveries of %s: %w", a, err)
	}
	return nil
}
