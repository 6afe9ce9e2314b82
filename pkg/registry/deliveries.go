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
// cancelled, since that attempt would cancel it. Tests are omitted, which
// customers are not shown, and so are deliveries of a deleted account with the
// same id. It returns [webhook.ErrNotFound] if the
// account does not exist.
func (r *Registry) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	v, err := r.newDeliveryView(ctx, a)
	if err == nil {
		err = r.cfg.Store.Deliveries(ctx, a, from, func(d webhook.Delivery) bool {
			shown, ok := v.show(d)
			return !ok || d.Test || yield(shown)
		})
	}
	if err != nil {
		return fmt.Errorf("list deliveries of %s: %w", a, err)
	}
	return nil
}

// Shown returns a delivery that was read, as [Registry.Deliveries] shows it. It
// returns [webhook.ErrNotFound] if the account does not exist, or the delivery
// is of a deleted account with the same id.
func (r *Registry) Shown(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	v, err := r.newDeliveryView(ctx, d.Account)
	if err == nil {
		var ok bool
		if d, ok = v.show(d); ok {
			return d, nil
		}
		err = webhook.ErrNotFound
	}
	return webhook.Delivery{}, fmt.Errorf("show delivery %s of %s: %w", d.ID(), d.Account, err)
}

// DeliveryFilter selects deliveries of an account. A zero field selects all.
type DeliveryFilter struct {
	Event string
	// Status is that which is shown: see [Registry.Deliveries].
	Status *webhook.Status
	// From and Until bound the times of the events: From ≤ time < Until.
	From, Until time.Time
}

// filteredPage is how many deliveries are read for a page of those that a filter
// selects.
const filteredPage = 1000

// DeliveryPage returns the deliveries that f selects, as [Registry.Deliveries]
// shows them, latest event first: at most limit, 1 to 1000, and the cursor of
// the page after it, empty at the end. It begins after the cursor, or with the
// first if that is empty. It reads one page of the store, so a filter that
// selects little may give few, even none, before the end.
//
//   - [webhook.ErrNotFound]: the account does not exist.
//   - [webhook.ErrInvalid]: the cursor is not one that DeliveryPage returned.
func (r *Registry) DeliveryPage(ctx context.Context, a webhook.Account, f DeliveryFilter, cursor string, limit int) (list []webhook.Delivery, next string, err error) {
	list, next, err = r.deliveryPage(ctx, a, f, cursor, limit)
	if err != nil {
		return nil, "", fmt.Errorf("page of deliveries of %s: %w", a, err)
	}
	return list, next, nil
}

func (r *Registry) deliveryPage(ctx context.Context, a webhook.Account, f DeliveryFilter, cursor string, limit int) (list []webhook.Delivery, next string, err error) {
	v, err := r.newDeliveryView(ctx, a)
	if err != nil {
		return nil, "", err
	}
	read := webhook.DeliveryRange{From: f.From, Until: f.Until, After: cursor, Limit: limit}
	if f.Event != "" || f.Status != nil {
		read.Limit = filteredPage
	}
	page, more, err := r.cfg.Store.DeliveryPage(ctx, a, read)
	if err != nil {
		return nil, "", err
	}
	for i, d := range page {
		if i < len(page)-1 || more {
			next = d.ID()
		} else {
			next = ""
		}
		if shown, ok := v.show(d); ok && f.selects(shown) {
			if list = append(list, shown); len(list) == limit {
				break
			}
		}
	}
	return list, next, nil
}

func (f DeliveryFilter) selects(d webhook.Delivery) bool {
	return (f.Event == "" || f.Event == d.Event) && (f.Status == nil || *f.Status == d.Status)
}

// deliveryView shows deliveries by what their account has now.
type deliveryView struct {
	info    webhook.AccountInfo
	enabled map[string]string // event to id
}

func (r *Registry) newDeliveryView(ctx context.Context, a webhook.Account) (v deliveryView, err error) {
	if v.info, err = r.cfg.Store.Account(ctx, a); err != nil {
		return v, err
	}
	list, err := r.cfg.Store.Webhooks(ctx, a)
	v.enabled = map[string]string{}
	for _, w := range list {
		if !w.Disabled {
			v.enabled[w.Event] = w.ID
		}
	}
	return v, err
}

// show returns a delivery as it is shown. ok is false if it belongs to a deleted
// account of the same id.
func (v deliveryView) show(d webhook.Delivery) (_ webhook.Delivery, ok bool) {
	if v.enabled[d.Event] != d.WebhookID {
		d = d.Cancelled(reasonNoWebhook)
	}
	return d, !d.AcceptedAt.Before(v.info.CreatedAt)
}
