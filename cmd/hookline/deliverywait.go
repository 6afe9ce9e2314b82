package main

import (
	"context"
	"errors"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// deliveryPoll is how often a delivery is looked at whose result is awaited.
const deliveryPoll = 250 * time.Millisecond

// errLate says that the time of a wait was over first.
var errLate = errors.New("the delivery has no result in time")

// awaitDelivery looks at a delivery until done is true of it, and shows
// progress. The error is errLate if that takes longer than timeout, a look that
// is slow included.
func (p *program) awaitDelivery(
	ctx context.Context, b backend, a webhook.Account, id string, timeout time.Duration, done func(deliveryDetails) bool,
) (d deliveryDetails, err error) {
	waiting, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	err = p.waitUntil(waiting, deliveryPoll, func() (bool, error) {
		d, err = b.Delivery(waiting, a, id)
		return err == nil && done(d), err
	})
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		err = errLate
	}
	return d, err
}

// checkTimeout checks the flag that says how long a command waits.
func checkTimeout(timeout time.Duration) error {
	if timeout <= 0 {
		return errors.New("--timeout: give a duration such as 30s")
	}
	return nil
}

// ended reports whether a delivery has a result that is its last. A status that
// is not known is one.
func (r deliveryResult) ended() bool {
	status, err := webhook.ParseStatus(r.Status)
	return err != nil || !status.Open()
}
