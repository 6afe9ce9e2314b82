package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

// retention is how long after its acceptance a delivery is attempted. Its
// record is kept two days longer, so that it does not expire with an attempt to
// come.
const retention = 6 * 24 * time.Hour

// early is how much too early an attempt may be made: SQS counts delays in
// whole seconds.
const early = time.Second

// writeTimeout bounds the writes after an attempt. They continue when the
// worker is told to stop, because an attempt that was made must be recorded.
const writeTimeout = 10 * time.Second

// WorkerStore is the part of store.Store that attempts need.
type WorkerStore interface {
	AttemptInput(context.Context, webhook.Message) (webhook.AttemptInput, error)
	RecordAttempt(context.Context, webhook.AttemptResult) (webhook.Delivery, error)
	WebhooksByID(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error)
	Change(context.Context, webhook.Change) error
	Recipients(context.Context, []webhook.EventKey) ([]webhook.Recipient, error)
	Tell(context.Context, webhook.Notice) error
	SetSlow(ctx context.Context, w webhook.Webhook, since time.Time) error
}

// Opener opens sealed signing keys. open.Opener implements it.
type Opener interface {
	Open(context.Context, seal.Owner, []byte) (webhook.Secret, error)
}

// WorkerConfig is what a Worker is made of. All fields but NoticeID
// and Observe are needed.
type WorkerConfig struct {
	Store  WorkerStore
	Queue  Queue
	Sender Sender
	Opener Opener
	// Sendings are the APIs, by name.
	Sendings map[webhook.API]webhook.Sending
	Now      func() time.Time
	// Jitter draws a wait from 0 to below its argument.
	Jitter func(below time.Duration) time.Duration
	Log    *slog.Logger
	// NoticeID makes the UUIDv7 of a notice to the operator. If it is nil, no
	// notices are stored.
	NoticeID func() (string, error)
	// Observe, unless nil, is told of each attempt and of each delivery that is
	// cancelled or given up without one, once that is recorded.
	Observe func(Observation)
}

// Observation is what became of a message that was not dropped, and not for a
// test.
type Observation struct {
	API     webhook.API
	Outcome Outcome
	// Status is the delivery's from now on.
	Status webhook.Status
	// Response and Duration are those of the attempt. They are zero without one.
	Response Response
	Duration time.Duration
}

// observe tells the observer, if there is one, what became of a delivery. Tests
// are not told: what fails of them is nobody's loss.
func (w *Worker) observe(d webhook.Delivery, o Observation) {
	if w.cfg.Observe != nil && !d.Test {
		w.cfg.Observe(o)
	}
}

// Worker makes attempts. It is safe for concurrent use.
type Worker struct{ cfg WorkerConfig }

// NewWorker makes a worker. It panics if a field of cfg is missing.
func NewWorker(cfg WorkerConfig) *Worker {
	if cfg.Store == nil || cfg.Queue == nil || cfg.Sender == nil || cfg.Opener == nil ||
		cfg.Sendings == nil || cfg.Now == nil || cfg.Jitter == nil || cfg.Log == nil {
		panic("delivery: a field of WorkerConfig is missing")
	}
	return &Worker{cfg}
}

// Outcome is what became of a message.
type Outcome int

// The outcomes.
const (
	// Dropped: there was nothing to do. The message was stale, duplicated or
	// early.
	Dropped Outcome = iota
	// Delivered: the attempt succeeded.
	Delivered
	// Failed: the attempt failed.
	Failed
	// Disabled: the attempt failed with 410, which disabled the webhook.
	Disabled
	// Cancelled: no attempt is to come.
	Cancelled
)

// errInterrupted says that an attempt was cut off when the process stopped, and
// does not count.
var errInterrupted = errors.New("the attempt was interrupted")

// Attempt makes the attempt that a message asks for, if the delivery's record
// asks for it too, and records the outcome: a success, a failure with the time
// of the next attempt, or that none is to come. It uses the webhook as it is
// now. An error is an internal error: the attempt does not count, and is
// repeated when the message returns or the lease ends.
func (w *Worker) Attempt(ctx context.Context, m webhook.Message) (Outcome, error) {
	outcome, err := w.attempt(ctx, m)
	if err != nil {
		return outcome, fmt.Errorf("attempt %d of delivery %s of %s: %w", m.Attempt, m.ID, m.Account, err)
	}
	return outcome, nil
}

func (w *Worker) attempt(ctx context.Context, m webhook.Message) (Outcome, error) {
	input, err := w.cfg.Store.AttemptInput(ctx, m)
	if errors.Is(err, webhook.ErrNotFound) {
		return Dropped, nil
	}
	if err != nil {
		return Dropped, err
	}
	d := input.Delivery
	now := w.cfg.Now()
	if !d.Open() || m.Attempt != d.Attempts+1 || now.Before(d.Next.Add(-early)) {
		return Dropped, nil
	}
	if reason := cancelReason(input); reason != "" {
		return w.end(ctx, d, d.Cancelled(reason), reason)
	}
	if d.Attempts > 0 && now.After(d.AcceptedAt.Add(retention)) {
		outcome, err := w.end(ctx, d, d.GivenUp(reasonTooLate), reasonTooLate)
		if outcome == Cancelled {
			w.exhausted(ctx, d)
		}
		return outcome, err
	}
	sending, known := w.cfg.Sendings[d.Account.API]
	if !known {
		return Dropped, fmt.Errorf("there is no API %q", d.Account.API)
	}
	t := attempt{Worker: w, sending: sending, input: input, began: now}
	request, err := t.request(ctx, now)
	if err != nil {
		return Dropped, err
	}
	response := t.send(ctx, request)
	if response.Interrupted {
		return Dropped, errInterrupted
	}
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	outcome, err := t.record(recording, response)
	if outcome == Delivered {
		t.noteQuick(ctx)
	}
	return outcome, err
}

// reasonTooLate is the Reason of a delivery whose retries would take longer
// than the retention.
const reasonTooLate = "given up after 6 days"

// cancelReason says why a delivery can no longer be attempted. It returns "" if
// it can.
func cancelReason(t webhook.AttemptInput) string {
	d := t.Delivery
	switch {
	case t.Account.CreatedAt.IsZero() || t.Account.Closing || t.Account.CreatedAt.After(d.AcceptedAt):
		return webhook.ReasonAccountDeleted
	case t.Webhook.ID != d.WebhookID:
		return "cancelled: the webhook was deleted or moved"
	case t.Webhook.Disabled:
		return webhook.ReasonWebhookDisabled
	}
	return ""
}

// end records that no attempt is to come. It keeps the result of an attempt
// that was under way meanwhile.
func (w *Worker) end(ctx context.Context, was, now webhook.Delivery, reason string) (Outcome, error) {
	_, err := w.cfg.Store.RecordAttempt(ctx, webhook.AttemptResult{Was: was, Now: now})
	switch {
	case errors.Is(err, webhook.ErrChanged) || errors.Is(err, webhook.ErrNotFound):
		return Dropped, nil
	case err != nil:
		return Dropped, err
	}
	w.observe(was, Observation{API: was.Account.API, Outcome: Cancelled, Status: now.Status})
	w.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "delivery cancelled", append(about(was), slog.String("reason", reason))...)
	return Cancelled, nil
}

// about returns the log attributes that identify a delivery.
func about(d webhook.Delivery) []slog.Attr {
	return []slog.Attr{
		slog.String("api", string(d.Account.API)),
		slog.String("account", d.Account.ID),
		slog.String("event", d.Event),
		slog.String("delivery", d.ID()),
	}
}
