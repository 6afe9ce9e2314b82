package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// RetrierStore is the part of store.Store that retries need.
type RetrierStore interface {
	Delivery(ctx context.Context, a webhook.Account, id string) (webhook.Delivery, error)
	Recipients(context.Context, []webhook.EventKey) ([]webhook.Recipient, error)
	RecordAttempt(context.Context, webhook.AttemptResult) (webhook.Delivery, error)
	Account(context.Context, webhook.Account) (webhook.AccountInfo, error)
	Webhooks(context.Context, webhook.Account) ([]webhook.Webhook, error)
	DeliveryPage(context.Context, webhook.Account, webhook.DeliveryRange) (list []webhook.Delivery, more bool, err error)
}

// Retrier retries deliveries, for the operator or through the portal.
type Retrier struct {
	store RetrierStore
	queue Queue
	now   func() time.Time
}

// NewRetrier makes a retrier. It panics if an argument is nil.
func NewRetrier(store RetrierStore, queue Queue, now func() time.Time) *Retrier {
	if store == nil || queue == nil || now == nil {
		panic("delivery: an argument of NewRetrier is nil")
	}
	return &Retrier{store, queue, now}
}

// Retry asks for another attempt of a delivery at once. The delivery may have
// failed for good, been cancelled or succeeded, or its next attempt may be due
// later. It remains the same delivery under the same webhook-id, goes to
// whichever webhook has the event now, and continues the schedule of its API if
// attempts are left. Retry returns the delivery as it is then.
//
//   - webhook.ErrNotFound: there is no such delivery.
//   - webhook.ErrInvalid: it cannot be attempted: it is a test, its webhook or
//     account is gone, or disabled, or it was accepted more than 6 days ago.
//   - webhook.ErrChanged: an attempt came between. Look again.
func (r *Retrier) Retry(ctx context.Context, a webhook.Account, id string) (webhook.Delivery, error) {
	d, err := r.retry(ctx, a, id)
	if err != nil {
		return webhook.Delivery{}, fmt.Errorf("retry delivery %s of %s: %w", id, a, err)
	}
	return d, nil
}

func (r *Retrier) retry(ctx context.Context, a webhook.Account, id string) (webhook.Delivery, error) {
	was, err := r.store.Delivery(ctx, a, id)
	if err != nil {
		return webhook.Delivery{}, err
	}
	if was.Test {
		return webhook.Delivery{}, webhook.Invalid("it is a test, which is attempted once; make another")
	}
	recipients, err := r.store.Recipients(ctx, []webhook.EventKey{was.EventKey()})
	if err != nil {
		return webhook.Delivery{}, err
	}
	at := r.now().UTC().Truncate(time.Millisecond)
	if at.After(was.AcceptedAt.Add(retention)) {
		return webhook.Delivery{}, webhook.Invalid("it was accepted more than 6 days ago")
	}
	now := was
	if hook := recipients[0].Webhook; hook.ID != "" {
		now = was.For(hook)
	}
	if reason := cancelReason(webhook.AttemptInput{Delivery: now, Recipient: recipients[0]}); reason != "" {
		return webhook.Delivery{}, webhook.Invalid("it would be %s", reason)
	}
	now = now.Retried(at)
	now.Due = leaseEnd(r.queue, was.EventKey(), at)
	if existing, err := r.store.RecordAttempt(ctx, webhook.AttemptResult{Was: was, Now: now}); err != nil {
		return existing, err
	}
	if now.Due.After(now.Next) {
		_ = r.queue.Send(ctx, []webhook.Message{now.Message()}) // the sweeper sends what is not sent here
	}
	return now, nil
}
