package delivery

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// jitterShare is the maximum random part that is added to a delay.
	jitterShare = 10 // percent
	// overloaded is the minimum wait after a response that signals overload,
	// even if the API's own delay is shorter.
	overloaded = time.Minute
	// fresh is the age up to which LastSentAt is not updated while a webhook
	// works: Squake shows whole seconds. freshElsewhere is that of APIs which
	// show no statistics, whose operators see them; there a failing webhook is
	// updated as often as freshFailure.
	fresh          = time.Second
	freshElsewhere = time.Hour
	freshFailure   = time.Minute
	// maxRewrites bounds how often a success is written anew because another
	// attempt's result came first.
	maxRewrites = 8
)

// record records the outcome of an attempt.
func (t *attempt) record(ctx context.Context, response Response) (Outcome, error) {
	gone := false
	if response.Status == http.StatusGone && !t.input.Delivery.Test {
		var err error
		if gone, err = t.disable(ctx); err != nil {
			return Failed, err
		}
	}
	was := t.input.Delivery
	now := t.after(was, response, gone)
	outcome := Failed
	var err error
	if now.Reason == "" {
		outcome = Delivered
		err = t.writeSuccess(ctx, was, now)
	} else {
		err = t.writeFailure(ctx, webhook.AttemptResult{Was: was, Now: now, Response: []byte(response.Body), Stats: t.statsUpdate(now)})
	}
	if err == nil && now.Status == webhook.StatusFailed && !gone {
		t.exhausted(ctx, now)
	}
	if gone {
		outcome = Disabled
	}
	if err != nil {
		return outcome, err
	}
	t.observe(now, Observation{API: now.Account.API, Outcome: outcome, Status: now.Status, Response: response, Duration: t.took})
	t.report(ctx, now, response)
	return outcome, nil
}

// after returns the delivery after an attempt.
func (t *attempt) after(d webhook.Delivery, response Response, gone bool) webhook.Delivery {
	reason := response.failure()
	var next time.Time
	if reason != "" && !gone {
		next = t.next(d, response)
	}
	d = d.Attempted(t.began.UTC().Truncate(time.Millisecond), response.Status, reason, next)
	// Not 0, which says that it is not known. The clock may be set back.
	d.Duration = max(t.took.Truncate(time.Millisecond), time.Millisecond)
	if d.Open() && next.Sub(t.cfg.Now()) <= MaxDelay {
		d.Due = leaseEnd(t.cfg.Queue, d.EventKey(), next)
	}
	return d
}

// next returns the time of the attempt after this one, which failed: after the
// API's delay from now, or after the delay that the receiver asked for if that
// is longer. It adds up to a tenth, so that deliveries that failed together are
// not retried together. It returns the zero time if no other attempt is to
// come, as after that of a test.
func (t *attempt) next(d webhook.Delivery, response Response) time.Time {
	if d.Test || d.Attempts >= int64(len(t.sending.Delays)) {
		return time.Time{}
	}
	delay := t.sending.Delays[d.Attempts]
	switch response.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		delay = max(delay, overloaded)
	}
	delay = max(delay, response.RetryAfter)
	delay += t.cfg.Jitter(delay * jitterShare / 100)
	// Rounded up: no attempt comes before its time.
	next := t.cfg.Now().UTC().Add(delay + time.Millisecond - 1).Truncate(time.Millisecond)
	if next.After(d.AcceptedAt.Add(retention)) {
		return time.Time{}
	}
	return next
}

// writeFailure records a failure, unless another result of the same attempt
// exists, and queues the next attempt.
func (t *attempt) writeFailure(ctx context.Context, result webhook.AttemptResult) error {
	now := result.Now
	_, err := t.cfg.Store.RecordAttempt(ctx, result)
	if errors.Is(err, webhook.ErrChanged) || errors.Is(err, webhook.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !now.Due.After(now.Next) {
		return nil // the sweeper takes it
	}
	if err := t.cfg.Queue.Send(ctx, []webhook.Message{now.Message()}); err != nil {
		t.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "the message of the next attempt was not sent; the sweeper sends it",
			append(about(now), slog.String("error", err.Error()))...)
	}
	return nil
}

// writeSuccess records a success, whatever other attempts came to meanwhile,
// unless one of them was a success too.
func (t *attempt) writeSuccess(ctx context.Context, was, now webhook.Delivery) error {
	recovered, err := t.recoveredNotice(now)
	if err != nil {
		return err
	}
	for range maxRewrites {
		existing, err := t.cfg.Store.RecordAttempt(ctx, webhook.AttemptResult{
			Was: was, Now: now, Stats: t.statsUpdate(now), Recovered: recovered,
		})
		switch {
		case errors.Is(err, webhook.ErrNotFound):
			return nil
		case !errors.Is(err, webhook.ErrChanged):
			return err
		case existing.Status == webhook.StatusDelivered:
			return nil
		}
		was = existing
		was.WebhookID = now.WebhookID // that was called, wherever the delivery goes by now
		now.Attempts = existing.Attempts + 1
	}
	return webhook.ErrUnavailable
}

// statsUpdate returns how a result changes the statistics. A change of the
// webhook's state is always noted. An API that shows statistics gets every
// failure counted. A test changes none.
func (t *attempt) statsUpdate(d webhook.Delivery) webhook.StatsUpdate {
	if d.Test {
		return webhook.NoStats
	}
	noted := t.input.Webhook.Statistics
	update, last, enough := webhook.StatsSent, noted.LastSentAt, fresh
	if !t.sending.Statistics {
		enough = freshElsewhere
	}
	failing := d.Reason != ""
	if failing {
		update, last, enough = webhook.StatsFailed, noted.LastFailedAt, freshFailure
	}
	changes := failing != (noted.FailedAttempts > 0) || failing && t.sending.Statistics || !failing && noted.Told != 0
	if !changes && d.AttemptedAt.Sub(last) < enough {
		return webhook.NoStats
	}
	return update
}

// report logs the attempt.
func (t *attempt) report(ctx context.Context, d webhook.Delivery, response Response) {
	attrs := append(about(d),
		slog.Int64("attempt", d.Attempts),
		slog.Int("status", response.Status),
		slog.Float64("duration_ms", float64(t.took.Microseconds())/1000))
	if d.Reason != "" {
		attrs = append(attrs, slog.String("reason", d.Reason), slog.Bool("final", !d.Open()))
	}
	if d.Test {
		attrs = append(attrs, slog.Bool("test", true))
	}
	t.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "attempt", attrs...)
}
