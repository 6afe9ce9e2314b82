package modeltest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

// delays are the times between attempts of each api.
var delays = [apis][]time.Duration{{time.Minute}, {time.Hour}, {time.Minute, time.Hour}}

// lease is how long the sweeper leaves an attempt to the queue, retained how
// long attempts are made, and quick what a success takes less than to tell that
// a webhook is no longer slow.
const (
	lease    = 2 * time.Minute
	retained = 6 * 24 * time.Hour
	quick    = 2 * time.Second
)

// sending is what a sequence publishes and delivers with.
type sending struct {
	publisher *delivery.Publisher
	worker    *delivery.Worker
	retrier   *delivery.Retrier
}

func (q *sequence) newSending() sending {
	now := func() time.Time { return q.model.now }
	sendings := map[webhook.API]webhook.Sending{}
	for a := range api(apis) {
		sendings[q.account(int(a)).API] = webhook.Sending{
			CheckEvent: func(webhook.Event) error { return nil },
			Body:       func(d webhook.Delivery, _ webhook.Webhook) ([]byte, error) { return d.Payload, nil },
			Header:     func(webhook.Secret, time.Time, []byte) map[string]string { return nil },
			AccountKey: a == batch, Statistics: a != batch, Delays: delays[a], Timeout: time.Second,
		}
	}
	log := slog.New(slog.DiscardHandler)
	return sending{
		publisher: delivery.NewPublisher(delivery.PublisherConfig{
			Store: q.store, Queue: discard{}, Sendings: sendings, Now: now, Log: log,
			NewID: func() (string, error) { return "", errors.New("every event has an id") },
		}),
		worker: delivery.NewWorker(delivery.WorkerConfig{
			Store: q.store, Queue: discard{}, Sender: q, Opener: plain{}, Sendings: sendings, Now: now, Log: log,
			Jitter: func(time.Duration) time.Duration { return 0 },
		}),
		retrier: delivery.NewRetrier(q.store, discard{}, now),
	}
}

// discard is a queue that has room and loses everything.
type discard struct{}

func (discard) Lease(webhook.EventKey) (time.Duration, bool)  { return lease, true }
func (discard) Full() bool                                    { return false }
func (discard) Send(context.Context, []webhook.Message) error { return nil }

// Open finds nothing to open.
func (plain) Open(context.Context, seal.Owner, []byte) (webhook.Secret, error) {
	return webhook.NewSecret("a2V5IG9mIDMyIGJ5dGVzLCBhcyBnb29kIGFzIGFueS4="), nil
}

// Send is the receiver. Something else may happen while it thinks.
func (q *sequence) Send(context.Context, delivery.Request) delivery.Response {
	response := q.response
	q.store.interrupt()
	return response
}

// respond gives what the receiver of an attempt responds: each time something
// else, so that no attempt can be taken for another.
func (m *model) respond(o operation) delivery.Response {
	m.responses++
	if o.Status/100 == 2 {
		return delivery.Response{Status: o.Status}
	}
	return delivery.Response{
		Status: o.Status, Reason: fmt.Sprint("answered ", o.Status), Body: fmt.Sprint("response ", m.responses),
	}
}

// eventOf is the event that an operation publishes. There are few each day, so
// that they are published again.
func (m *model) eventOf(o operation, a webhook.Account) webhook.Event {
	return webhook.Event{
		Account: a, Name: o.Event, ID: fmt.Sprint(o.Number), Payload: fmt.Appendf(nil, `{"payload":%t}`, o.Edit.Payload),
		Time: m.now.Truncate(24 * time.Hour).Add(time.Duration(o.Number) * time.Second),
	}
}

// deliver does what is done to deliveries.
func (q *sequence) deliver(o operation, a webhook.Account, v view) (got reply, err error) {
	d := v.delivery
	switch o.Do {
	case "publish":
		r := q.sending.publisher.Publish(q.ctx, []webhook.Event{q.model.eventOf(o, a)})[0]
		got.Published = delivery.Result{Status: r.Status, Delivery: r.Delivery}
	case "attempt":
		message := d.Message()
		message.Account = a // also where there is no delivery
		message.Attempt -= int64(o.Stale)
		q.response = v.response
		got.Outcome, err = q.sending.worker.Attempt(q.ctx, message)
	case "retry":
		var now webhook.Delivery
		now, err = q.sending.retrier.Retry(q.ctx, a, d.ID())
		if err != nil {
			return got, err
		}
		now.Payload = nil
		got.Deliveries = []webhook.Delivery{now}
	case "recover":
		got.Recovered, err = q.sending.retrier.Recover(q.ctx, a, q.model.recovery(o))
	case "lease":
		p := webhook.Pending{Message: d.Message(), Due: d.Due.Add(-time.Duration(o.Stale) * time.Hour), Sends: d.Sends}
		err = q.store.Lease(q.ctx, p, q.model.now.Add(time.Hour))
	case "leave":
		_, err = registry.DeleteAccount(q.ctx, q.store, a, q.model.now, func(context.Context, time.Duration) error {
			q.model.now = q.model.now.Add(registry.DeletionPause)
			return nil
		})
	default:
		err = errors.New("no such operation")
	}
	return got, err
}

// recovery is what an operation recovers.
func (m *model) recovery(o operation) delivery.Recovery {
	return delivery.Recovery{From: m.now.Add(-o.Ago), Event: o.Event, Limit: o.Number, AsOf: m.now.Add(-o.AsOf)}
}

// differSent says how what is stored of a client's deliveries differs from the
// model; "" if it does not.
func (q *sequence) differSent(client int) string {
	a := q.account(client)
	stored, err := q.deliveries(a)
	if err != nil {
		return err.Error()
	}
	if diff := q.differ(fmt.Sprintf("the deliveries of client %d", client), stored, q.model.latestFirst(a)); diff != "" {
		return diff
	}
	for _, d := range stored {
		attempts, err := q.store.Attempts(q.ctx, d)
		if err != nil {
			return err.Error()
		}
		what := fmt.Sprintf("the attempts of %s of client %d", d.EventID, client)
		if diff := q.differ(what, attempts, q.model.attempts(d)); diff != "" {
			return diff
		}
	}
	if client >= apis { // of each API once
		return ""
	}
	failing, err := q.failing(a.API)
	if err != nil {
		return err.Error()
	}
	return q.differ(fmt.Sprintf("what fails of %v", api(client)), failing, q.model.failing(a.API))
}

// deliveries lists an account's deliveries, which are the same by pages of two.
func (q *sequence) deliveries(a webhook.Account) ([]webhook.Delivery, error) {
	var list, paged []webhook.Delivery
	err := q.store.Deliveries(q.ctx, a, time.Time{}, func(d webhook.Delivery) bool { list = append(list, d); return true })
	for after, more := "", err == nil; more; {
		var page []webhook.Delivery
		page, more, err = q.store.DeliveryPage(q.ctx, a, webhook.DeliveryRange{After: after, Limit: 2})
		if paged = append(paged, page...); len(page) == 0 {
			break
		}
		after = page[len(page)-1].ID()
	}
	if err == nil && !slices.EqualFunc(list, paged, func(d, e webhook.Delivery) bool { return d.ID() == e.ID() }) {
		err = fmt.Errorf("%d deliveries, by pages %d", len(list), len(paged))
	}
	return list, err
}

// failing lists what fails of an API, longest first, by pages of two. Webhooks
// that fail since the same time have the order of the store.
func (q *sequence) failing(api webhook.API) (all []webhook.Webhook, err error) {
	for after, more := "", true; more; more = after != "" {
		var page []webhook.Webhook
		if page, after, err = q.store.Failing(q.ctx, api, after, 2); err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	if !slices.IsSortedFunc(all, func(v, w webhook.Webhook) int { return v.FailingSince().Compare(w.FailingSince()) }) {
		return nil, errors.New("what fails is not listed longest first")
	}
	slices.SortStableFunc(all, bySince)
	return all, nil
}

func bySince(v, w webhook.Webhook) int {
	return cmp.Or(v.FailingSince().Compare(w.FailingSince()), cmp.Compare(v.Account.ID, w.Account.ID), cmp.Compare(v.Event, w.Event))
}
