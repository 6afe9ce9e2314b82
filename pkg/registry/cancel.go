package registry

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// cancelledTogether is how many deliveries are held at a time, and
	// cancelledAtOnce how many of them are written concurrently.
	cancelledTogether = 100
	cancelledAtOnce   = 16
)

// cancelDeliveries cancels the deliveries that await an attempt until none is
// left. It keeps their records.
func (d *deletion) cancelDeliveries(ctx context.Context) error {
	for range maxSweeps {
		pending, err := d.cancelOnce(ctx)
		if err != nil || !pending {
			return err
		}
	}
	return fmt.Errorf("deliveries were pending each of %d times: %w", maxSweeps, webhook.ErrUnavailable)
}

// cancelOnce goes through all deliveries once and reports whether any awaited
// an attempt.
func (d *deletion) cancelOnce(ctx context.Context) (pending bool, err error) {
	var batch []webhook.Delivery
	var failed error
	err = d.store.Deliveries(ctx, d.account, time.Time{}, func(one webhook.Delivery) bool {
		if !one.Open() {
			return true
		}
		pending = true
		if batch = append(batch, one); len(batch) == cancelledTogether {
			failed = d.cancel(ctx, batch)
			batch = batch[:0]
		}
		return failed == nil
	})
	if err = errors.Join(err, failed); err == nil && len(batch) > 0 {
		err = d.cancel(ctx, batch)
	}
	return pending, err
}

// cancel cancels deliveries after checking that they belong to this account. It
// leaves a delivery whose attempt ended meanwhile to the next pass.
func (d *deletion) cancel(ctx context.Context, batch []webhook.Delivery) error {
	if err := d.checkClosing(ctx); err != nil {
		return err
	}
	var cancelled atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cancelledAtOnce)
	for _, was := range batch {
		group.Go(func() error {
			switch _, err := d.store.RecordAttempt(ctx, webhook.AttemptResult{Was: was, Now: was.Cancelled(webhook.ReasonAccountDeleted)}); {
			case err == nil:
				cancelled.Add(1)
			case !errors.Is(err, webhook.ErrChanged) && !errors.Is(err, webhook.ErrNotFound):
				return err
			}
			return nil
		})
	}
	err := group.Wait()
	d.done.Cancelled += int(cancelled.Load())
	return err
}
