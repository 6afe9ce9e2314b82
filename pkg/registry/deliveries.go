package registry

import (
	"cmp"
	"context"
	"fmt"
	"sync"
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
// same id. It returns [webhook.ErrNotFound] if the account does not exist.
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

// Shown returns a delivery that was read, as [Registry.Deliveries] shows it,
// tests included. It returns [webhook.ErrNotFound] if the account does not exist, or the delivery
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
// shows them, tests included, latest event first: at most limit, 1 to 1000, and the cursor of
// the page after it, empty at the end. It begins after the cursor, or with the
// first if that is empty. It reads one page of the store, so a filter that
// selects little may give few, even none, before the end.
//
//   - [webhook.ErrNotFound]: the account does not exist.
//   - [webhook.ErrInvalid]: the cursor is not one that DeliveryPage returned.
func (r *Registry) DeliveryPage(ctx context.Context, a webhook.Account, f DeliveryFilter, cursor string, limit int) (list []webhook.Delivery, next string, err error) {
	o, err := r.overview(ctx, a, f, cursor, limit, func() (deliveryView, error) { return r.newDeliveryView(ctx, a) })
	return o.Deliveries, o.Next, err
}

// Overview is an account at a glance.
type Overview struct {
	// Webhooks are all of the account, as [Registry.List] returns them.
	Webhooks []webhook.Webhook
	// Deliveries and Next are what [Registry.DeliveryPage] returns.
	Deliveries []webhook.Delivery
	Next       string
}

// Overview returns the webhooks of an account and a page of its deliveries, in
// one round of two reads. The account was read by the caller: its CreatedAt must
// be that of now. The other arguments, and the error for a cursor, are those of
// [Registry.DeliveryPage].
func (r *Registry) Overview(ctx context.Context, a webhook.AccountInfo, f DeliveryFilter, cursor string, limit int) (Overview, error) {
	return r.overview(ctx, a.Account, f, cursor, limit, func() (deliveryView, error) {
		list, err := r.cfg.Store.Webhooks(ctx, a.Account)
		return newView(a, list), err
	})
}

// overview reads a page of deliveries, and beside it what view reads.
func (r *Registry) overview(ctx context.Context, a webhook.Account, f DeliveryFilter, cursor string, limit int, view func() (deliveryView, error)) (o Overview, err error) {
	defer func() {
		if err != nil {
			o, err = Overview{}, fmt.Errorf("page of deliveries of %s: %w", a, err)
		}
	}()
	read := webhook.DeliveryRange{From: f.From, Until: f.Until, After: cursor, Limit: limit}
	if f.Event != "" || f.Status != nil {
		read.Limit = filteredPage
	}
	var v deliveryView
	var viewErr error
	var beside sync.WaitGroup
	beside.Go(func() { v, viewErr = view() })
	page, more, err := r.cfg.Store.DeliveryPage(ctx, a, read)
	beside.Wait()
	if err := cmp.Or(viewErr, err); err != nil {
		return Overview{}, err
	}
	o.Webhooks = inOrder(v.webhooks)
	seen := 0
	shown := page[:0] // in place, since a page may have a thousand
	for ; seen < len(page) && len(shown) < limit; seen++ {
		if d, ok := v.show(page[seen]); ok && f.selects(d) {
			shown = append(shown, d)
		}
	}
	o.Deliveries = shown
	if seen > 0 && (seen < len(page) || more) {
		o.Next = page[seen-1].ID()
	}
	return o, nil
}

func (f DeliveryFilter) selects(d webhook.Delivery) bool {
	return (f.Event == "" || f.Event == d.Event) && (f.Status == nil || *f.Status == d.Status)
}

// ShownTo returns a delivery that was read, as [Registry.Deliveries] shows it,
// tests included, given the webhook and the account that it has now. ok is false if the account
// does not exist, or the delivery is of a deleted account with the same id.
func ShownTo(d webhook.Delivery, now webhook.Recipient) (_ webhook.Delivery, ok bool) {
	if now.Account.CreatedAt.IsZero() {
		return webhook.Delivery{}, false
	}
	return newView(now.Account, []webhook.Webhook{now.Webhook}).show(d)
}

// deliveryView shows deliveries by what their account has now.
type deliveryView struct {
	info     webhook.AccountInfo
	webhooks []webhook.Webhook
	enabled  map[string]string // event to id
}

func (r *Registry) newDeliveryView(ctx context.Context, a webhook.Account) (deliveryView, error) {
	var info webhook.AccountInfo
	var infoErr error
	var account sync.WaitGroup
	account.Go(func() { info, infoErr = r.cfg.Store.Account(ctx, a) })
	list, err := r.cfg.Store.Webhooks(ctx, a)
	account.Wait()
	return newView(info, list), cmp.Or(infoErr, err)
}

func newView(info webhook.AccountInfo, list []webhook.Webhook) deliveryView {
	v := deliveryView{info: info, webhooks: list, enabled: map[string]string{}}
	for _, w := range list {
		if !w.Disabled {
			v.enabled[w.Event] = w.ID
		}
	}
	return v
}

// show returns a delivery as it is shown. ok is false if it belongs to a deleted
// account of the same id.
func (v deliveryView) show(d webhook.Delivery) (_ webhook.Delivery, ok bool) {
	if v.enabled[d.Event] != d.WebhookID {
		d = d.Cancelled(reasonNoWebhook)
	}
	return d, !d.AcceptedAt.Before(v.info.CreatedAt)
}
