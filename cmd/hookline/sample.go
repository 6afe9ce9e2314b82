package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

type webhookTest struct {
	webhookID
	Event        string `help:"The event, if the webhook has several (default: the first)." placeholder:"NAME"`
	AllowHTTP    bool   `help:"Send to http as well as https, as a server with this flag does."`
	AllowPrivate bool   `help:"Send to private addresses and any port, as a server with this flag does."`

	AllowNetwork validate.Networks `env:"HOOKLINE_ALLOW_NETWORK" help:"Send to addresses in this private network as well, as a server with this flag does (repeatable)." placeholder:"NETWORK"`
}

// sampleResult is the outcome of a sample.
type sampleResult struct {
	Webhook  string `json:"webhook"`
	Event    string `json:"event"`
	URL      string `json:"url"`
	Delivery string `json:"delivery"` // its webhook-id
	Status   int    `json:"status"`   // 0: no response
	Reason   string `json:"reason"`
}

// Run sends a signed sample to a webhook, and fails unless the response is 2xx.
func (c *webhookTest) Run(ctx context.Context, p *program) (err error) {
	if p.flags.remote() {
		return usageErrorf("webhook test: signs with the webhook's key, which only the server may open; it works on the data, with --data or --store")
	}
	s, err := p.openStore(ctx, mustExist)
	if err != nil {
		return err
	}
	defer s.closeInto(&err)
	b := storeBackend{p, s}
	found, err := b.registry().Find(ctx, c.Account.Account, c.ID)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return c.noWebhook(ctx, p, b, c.ID)
	case err != nil:
		return err
	}
	w, err := c.choose(found)
	if err != nil {
		return err
	}
	info, err := s.Store.Account(ctx, c.Account.Account)
	if err != nil {
		return err
	}
	result, err := c.send(ctx, p, s, webhook.Recipient{Webhook: w, Account: info})
	if err != nil {
		return err
	}
	if result.Reason != "" {
		failure := fmt.Errorf("the sample to %s failed: %s", result.URL, result.Reason)
		if p.flags.JSON {
			return errors.Join(p.show(result, ""), failure)
		}
		return failure
	}
	return p.show(result, linef("%s responded with %d to sample %s of %s", result.URL, result.Status, result.Delivery, result.Event))
}

// choose returns the record of the event that is asked for.
func (c *webhookTest) choose(found []webhook.Webhook) (webhook.Webhook, error) {
	if c.Event == "" {
		return found[0], nil
	}
	for _, w := range found {
		if w.Event == c.Event {
			return w, nil
		}
	}
	return webhook.Webhook{}, usageErrorf("webhook test: --event: %s is not registered for %q", c.ID, c.Event)
}

func (c *webhookTest) send(ctx context.Context, p *program, s openedStore, recipient webhook.Recipient) (sampleResult, error) {
	sendings, err := p.sendings()
	if err != nil {
		return sampleResult{}, err
	}
	opener, err := s.opener(ctx)
	if err != nil {
		return sampleResult{}, err
	}
	eventID, err := p.keys.UUID()
	if err != nil {
		return sampleResult{}, err
	}
	worker := delivery.NewWorker(delivery.WorkerConfig{
		Store: s, Queue: s.queue, Opener: opener, Sendings: sendings, Now: p.now, Jitter: rand.N[time.Duration], Log: slog.New(slog.DiscardHandler),
		Sender: sender.New(senderConfig(
			validate.URLPolicy{AllowHTTP: c.AllowHTTP, AllowPrivate: c.AllowPrivate, AllowNetworks: c.AllowNetwork}, p.now)),
	})
	id, response, err := worker.Sample(ctx, recipient, eventID)
	return sampleResult{
		Webhook: recipient.Webhook.ID, Event: recipient.Webhook.Event, URL: recipient.Webhook.URL,
		Delivery: id, Status: response.Status, Reason: response.Reason,
	}, err
}
