package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/pkg/webhook"
)

// Limits of an event (docs/contracts/operator.md, POST /events).
const (
	MaxEvents  = 100
	MaxPayload = 200 << 10 // bytes
	maxEventID = 128       // characters
	// oldest and latest bound the event's time relative to now.
	oldest = 7 * 24 * time.Hour
	latest = 5 * time.Minute
)

// atOnce is how many events of one publication are stored concurrently.
const atOnce = 32

// sendTimeout bounds the sending of messages after the records are stored. The
// publisher waits for it; the sweeper sends what was not sent.
const sendTimeout = 5 * time.Second

// PublisherStore is the part of store.Store that publishing needs.
type PublisherStore interface {
	Recipients(context.Context, []webhook.EventKey) ([]webhook.Recipient, error)
	AddDelivery(context.Context, webhook.Delivery) (webhook.Delivery, error)
	RecordAttempt(context.Context, webhook.AttemptResult) (webhook.Delivery, error)
}

// PublisherConfig is what a Publisher is made of. All fields are needed.
type PublisherConfig struct {
	Store PublisherStore
	Queue Queue
	// Sendings are the APIs, by name.
	Sendings map[webhook.API]webhook.Sending
	// NewID makes the id of an event that comes without.
	NewID func() (string, error)
	Now   func() time.Time
	Log   *slog.Logger
}

// Publisher accepts events. It is safe for concurrent use.
type Publisher struct{ cfg PublisherConfig }

// NewPublisher makes a publisher. It panics if a field of cfg is missing.
func NewPublisher(cfg PublisherConfig) *Publisher {
	if cfg.Store == nil || cfg.Queue == nil || cfg.Sendings == nil ||
		cfg.NewID == nil || cfg.Now == nil || cfg.Log == nil {
		panic("delivery: a field of PublisherConfig is missing")
	}
	return &Publisher{cfg}
}

// Sending is how an API has its deliveries made; ok is false for an unknown API.
func (p *Publisher) Sending(api webhook.API) (_ webhook.Sending, ok bool) {
	sending, ok := p.cfg.Sendings[api]
	return sending, ok
}

// PublishStatus is what became of a published event.
type PublishStatus string

// The statuses, as the operator's API writes them.
const (
	// Accepted: the event is stored durably and will be attempted even after a
	// crash.
	Accepted PublishStatus = "accepted"
	// Duplicate: the same event was accepted before.
	Duplicate PublishStatus = "duplicate"
	// Held: the event is stored, but its webhook is disabled, so that no attempt
	// is to come. Published again or retried once the webhook is enabled, it is
	// delivered.
	Held PublishStatus = "held"
	// NoWebhook: no webhook is registered, or the account is closing.
	NoWebhook PublishStatus = "no_webhook"
	// UnknownAccount: the account does not exist.
	UnknownAccount PublishStatus = "unknown_account"
	// Rejected: the event is not valid.
	Rejected PublishStatus = "rejected"
	// InternalError: whether the event was stored is not known.
	InternalError PublishStatus = "failed"
)

// Result is the outcome of publishing one event.
type Result struct {
	Status PublishStatus
	// Delivery is the id of the delivery that was accepted or is held, now or
	// before. It is empty otherwise.
	Delivery string
	// Reason says what is wrong. It may be empty.
	Reason string
	// Unavailable says that the store did not take the event, or not for
	// certain; Status is InternalError.
	Unavailable bool
}

// Reasons that the contract defines.
const (
	reasonReused = "id reused with other content"
	reasonOld    = "held for more than 6 days"
	reasonOurs   = "internal error, publish it again"
)

// Publish accepts 1 to [MaxEvents] events, each independently, and returns
// their results in the same order. It sets an empty ID and a zero Time, so that
// an event without an id is always a new one. Accepted events are durable when
// Publish returns, and so are those that are held. Of events of the same
// identity the first is accepted and the others are duplicates. A Payload must
// be compact, valid JSON.
func (p *Publisher) Publish(ctx context.Context, events []webhook.Event) []Result {
	b := batch{
		Publisher:  p,
		events:     slices.Clone(events),
		recipients: make([]webhook.Recipient, len(events)),
		messages:   make([]webhook.Message, len(events)),
		results:    make([]Result, len(events)),
		errors:     make([]error, len(events)),
	}
	b.validate()
	b.resolve(ctx)
	b.store(ctx)
	b.send(ctx)
	b.report(ctx)
	return b.results
}

// batch is a publication under way. An event that has a result is done; the next
// step processes the others.
type batch struct {
	*Publisher
	events     []webhook.Event
	recipients []webhook.Recipient
	messages   []webhook.Message // zero where none is to be sent
	results    []Result
	errors     []error // internal ones
}

// open returns the indexes of the events that have no result yet.
func (b *batch) open() []int {
	var list []int
	for i := range b.results {
		if b.results[i].Status == "" {
			list = append(list, i)
		}
	}
	return list
}

// validate completes the events and rejects invalid ones.
func (b *batch) validate() {
	for i := range b.events {
		err := b.complete(&b.events[i])
		switch {
		case errors.Is(err, webhook.ErrInvalid):
			b.results[i] = Result{Status: Rejected, Reason: err.Error()}
		case err != nil:
			b.fail(i, err)
		}
	}
}

// complete sets what an event may leave out and checks it. The error wraps
// webhook.ErrInvalid, or is internal.
func (p *Publisher) complete(e *webhook.Event) (err error) {
	sending, known := p.cfg.Sendings[e.Account.API]
	now := p.cfg.Now().UTC().Truncate(time.Millisecond)
	switch {
	case !known:
		return webhook.Invalid("account: there is no API %q", e.Account.API)
	case e.ID != "" && e.Time.IsZero():
		return webhook.Invalid("time: required with an id")
	case !utf8.ValidString(e.ID) || utf8.RuneCountInString(e.ID) > maxEventID:
		return webhook.Invalid("id: must have 1 to %d characters", maxEventID)
	case len(e.Payload) > MaxPayload:
		return webhook.Invalid("payload: must have %d KiB at most", MaxPayload>>10)
	}
	if e.ID == "" {
		if e.ID, err = p.cfg.NewID(); err != nil {
			return err
		}
	}
	if e.Time.IsZero() {
		e.Time = now
	}
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	if e.Time.Before(now.Add(-oldest)) || e.Time.After(now.Add(latest)) {
		return webhook.Invalid("time: must be within the last 7 days and the next 5 minutes")
	}
	return sending.CheckEvent(*e)
}

// resolve looks up the webhooks.
func (b *batch) resolve(ctx context.Context) {
	list := b.open()
	if len(list) == 0 {
		return
	}
	eventKeys := make([]webhook.EventKey, len(list))
	for n, i := range list {
		eventKeys[n] = webhook.EventKey{Account: b.events[i].Account, Event: b.events[i].Name}
	}
	recipients, err := b.cfg.Store.Recipients(ctx, eventKeys)
	for n, i := range list {
		if err != nil {
			b.fail(i, err)
			continue
		}
		b.recipients[i] = recipients[n]
		if err, refused := b.unreachable(recipients[n]); refused {
			b.results[i] = err
		}
	}
}

// unreachable returns the result if nothing can be sent to t.
func (b *batch) unreachable(t webhook.Recipient) (Result, bool) {
	switch {
	case t.Account.CreatedAt.IsZero():
		return Result{Status: UnknownAccount}, true
	case t.Account.Closing || t.Webhook.ID == "":
		return Result{Status: NoWebhook}, true
	}
	return Result{}, false
}

// store stores the records. Events of the same identity are stored one after
// the other, so that the first is accepted.
func (b *batch) store(ctx context.Context) {
	for list := b.open(); len(list) > 0; list = b.open() {
		seen := map[string]bool{}
		var group errgroup.Group
		group.SetLimit(atOnce)
		for _, i := range list {
			id := b.events[i].DeliveryID()
			if seen[id] {
				continue
			}
			seen[id] = true
			if len(list) == 1 {
				b.storeOne(ctx, i, id)
				continue
			}
			group.Go(func() error { b.storeOne(ctx, i, id); return nil })
		}
		_ = group.Wait() // each has its result
	}
}

// storeOne stores the record of one event and sets its result.
func (b *batch) storeOne(ctx context.Context, i int, id string) {
	d, err := b.delivery(b.events[i], b.recipients[i])
	if err != nil {
		b.fail(i, err)
		return
	}
	existing, err := b.cfg.Store.AddDelivery(ctx, d)
	switch {
	case err == nil && existing.Held():
		b.results[i] = Result{Status: Held, Delivery: id}
	case err == nil:
		b.accept(i, existing)
	case errors.Is(err, webhook.ErrExists) && existing.Content == d.Content:
		b.repeat(ctx, i, existing)
	case errors.Is(err, webhook.ErrExists):
		b.results[i] = Result{Status: Rejected, Reason: reasonReused}
	default:
		b.fail(i, err)
	}
}

// accept sets the result of an event whose delivery is to be attempted now, and
// its message.
func (b *batch) accept(i int, d webhook.Delivery) {
	b.results[i] = Result{Status: Accepted, Delivery: d.ID()}
	if d.Due.After(d.Next) {
		b.messages[i] = d.Message()
		b.messages[i].Fast = d.Attempts == 0 && b.recipients[i].Webhook.SlowSince.IsZero()
	}
}

// repeat sets the result of an event that was published before. One that is
// held is taken up if its webhook is enabled now.
func (b *batch) repeat(ctx context.Context, i int, existing webhook.Delivery) {
	to := b.recipients[i]
	now := b.cfg.Now().UTC().Truncate(time.Millisecond)
	switch {
	case !existing.Held() || to.Account.CreatedAt.After(existing.AcceptedAt): // or of a predecessor's
		b.results[i] = Result{Status: Duplicate, Delivery: existing.ID()}
		return
	case now.After(existing.AcceptedAt.Add(retention)):
		b.results[i] = Result{Status: Rejected, Reason: reasonOld}
		return
	case to.Webhook.Disabled:
		b.results[i] = Result{Status: Held, Delivery: existing.ID()}
		return
	}
	open := existing.For(to.Webhook).Retried(now)
	open.Due = leaseEnd(b.cfg.Queue, open.EventKey(), now)
	switch _, err := b.cfg.Store.RecordAttempt(ctx, webhook.AttemptResult{Was: existing, Now: open}); {
	case err == nil:
		b.accept(i, open)
	case errors.Is(err, webhook.ErrChanged): // another took it up, and it was attempted
		b.results[i] = Result{Status: Duplicate, Delivery: existing.ID()}
	default:
		b.fail(i, err)
	}
}

// delivery returns the record that an event becomes. If the webhook is disabled,
// no attempt is to come.
func (p *Publisher) delivery(e webhook.Event, t webhook.Recipient) (webhook.Delivery, error) {
	d := accepted(e, t, p.cfg.Queue, p.cfg.Now())
	if t.Webhook.Disabled {
		d = d.Cancelled(webhook.ReasonWebhookDisabled)
	}
	var err error
	if number := p.cfg.Sendings[e.Account.API].Number; number != nil {
		d.Number, err = number()
	}
	return d, err
}

// accepted returns the record of an event that is accepted at now. Its attempt
// is due at once; the sweeper checks for it when the queue's lease ends.
func accepted(e webhook.Event, t webhook.Recipient, q Queue, now time.Time) webhook.Delivery {
	now = now.UTC().Truncate(time.Millisecond)
	d := webhook.Delivery{
		Account: e.Account, Event: e.Name, EventID: e.ID, Time: e.Time, Instance: e.Instance,
		Payload: e.Payload, Content: e.Content(),
		WebhookID: t.Webhook.ID, URL: t.Webhook.URL, AcceptedAt: now, Status: webhook.StatusPending, Next: now,
	}
	// The clock that created the account may be ahead. A delivery that is older
	// than its account would be taken for one of a predecessor.
	if t.Account.CreatedAt.After(now) {
		d.AcceptedAt = t.Account.CreatedAt
	}
	d.Due = leaseEnd(q, d.EventKey(), now)
	return d
}

// send queues the attempts of accepted events. It goes on if the publisher's
// request has ended, rather than leave them to the sweeper.
func (b *batch) send(ctx context.Context) {
	messages := slices.DeleteFunc(b.messages, func(m webhook.Message) bool { return m.ID == "" })
	if len(messages) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	if err := b.cfg.Queue.Send(ctx, messages); err != nil {
		b.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "messages of accepted events were not sent; the sweeper sends them",
			slog.Int("messages", len(messages)), slog.String("error", err.Error()))
	}
}

// fail records an internal error.
func (b *batch) fail(i int, err error) {
	unavailable := errors.Is(err, webhook.ErrUnavailable) || errors.Is(err, webhook.ErrUnknownOutcome)
	b.results[i], b.errors[i] = Result{Status: InternalError, Reason: reasonOurs, Unavailable: unavailable}, err
}

// report logs the first internal error, and how many events have one: where the
// store takes no writes, all do.
func (b *batch) report(ctx context.Context) {
	var failed []int
	for i, err := range b.errors {
		if err != nil {
			failed = append(failed, i)
		}
	}
	if len(failed) == 0 {
		return
	}
	first := b.events[failed[0]]
	b.cfg.Log.LogAttrs(ctx, slog.LevelError, "publish",
		slog.String("account", first.Account.String()), slog.String("event", first.Name),
		slog.String("error", b.errors[failed[0]].Error()), slog.Int("failed", len(failed)))
}
