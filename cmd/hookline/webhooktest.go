package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// ownLease is how long a test is left to the command that attempts it.
	ownLease = 2 * time.Minute
	// reasonInterrupted is the Reason of a test that its command did not finish.
	reasonInterrupted = "cancelled: hookline webhook test was interrupted"
)

type webhookTest struct {
	webhookID
	Event        string        `help:"The event, if the webhook has several (default: the first)." placeholder:"NAME"`
	Timeout      time.Duration `help:"How long to wait for the result (default: 1m)." default:"1m" placeholder:"1m"`
	AllowHTTP    bool          `help:"Send to http as well as https. Where a server runs, its own flags count."`
	AllowPrivate bool          `help:"Send to private addresses and any port. Where a server runs, its own flags count."`

	AllowNetwork validate.Networks `help:"Send to addresses in this private network as well (repeatable). Where a server runs, its own flags count." placeholder:"NETWORK"`
}

// Validate checks the flags.
func (c *webhookTest) Validate() error { return checkTimeout(c.Timeout) }

// testResult is the outcome of a test.
type testResult struct {
	Webhook  string `json:"webhook"`
	Event    string `json:"event"`
	URL      string `json:"url"`
	Delivery string `json:"delivery"` // its webhook-id
	Status   int    `json:"status"`   // 0: no response
	Reason   string `json:"reason"`
	Duration int64  `json:"duration_ms"` // 0: no attempt
	// Response is how the body of a response that was no success began, escaped.
	Response string `json:"response"`
}

func newTestResult(d deliveryDetails) testResult {
	result := testResult{Webhook: d.Webhook, Event: d.Event, URL: d.URL, Delivery: d.ID, Status: d.Code, Reason: d.Reason}
	if n := len(d.Log); n > 0 {
		result.Duration, result.Response = d.Log[n-1].Duration, d.Log[n-1].Response
	}
	return result
}

// Run makes a test delivery, waits for its result, and fails unless it was
// delivered. Whoever serves the data attempts it; if nobody does, the command
// does so itself.
func (c *webhookTest) Run(ctx context.Context, p *program) (err error) {
	if p.flags.remote() && (c.AllowHTTP || c.AllowPrivate || len(c.AllowNetwork) > 0) {
		return usageErrorf("webhook test: --allow-http, --allow-private and --allow-network do not go with --stack and --url: what a server sends to is its own setting")
	}
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	s, own := b.(storeBackend)
	if own {
		served, err := dataDirLocked(p.flags.Data)
		if err != nil {
			return err
		}
		own = !served
	}
	waiting, stop := context.WithTimeout(ctx, c.Timeout)
	defer stop()
	var id string
	var d deliveryDetails
	if own {
		if id, err = c.attempt(waiting, s); err == nil {
			d, err = b.Delivery(ctx, c.Account.Account, id)
		}
	} else if id, err = b.Test(waiting, c.Account.Account, c.ID, c.Event); err == nil {
		d, err = p.awaitDelivery(waiting, b, c.Account.Account, id, c.Timeout, func(d deliveryDetails) bool { return d.ended() })
	}
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return c.late(p, id, own)
	}
	if err != nil {
		return c.failure(ctx, p, b, err)
	}
	return c.show(p, newTestResult(d), d.Status == webhook.StatusDelivered.String(), own)
}

// attempt makes a test and attempts it. If that is interrupted, the test is
// cancelled, so that no server attempts it later.
func (c *webhookTest) attempt(ctx context.Context, b storeBackend) (id string, err error) {
	worker, err := c.worker(ctx, b)
	if err != nil {
		return "", err
	}
	tester, err := b.tester(leased{})
	if err != nil {
		return "", err
	}
	d, err := tester.Test(ctx, c.Account.Account, c.ID, c.Event)
	if err != nil {
		return "", err
	}
	if _, err = worker.Attempt(ctx, d.Message()); err != nil {
		now := webhook.AttemptResult{Was: d, Now: d.Cancelled(reasonInterrupted)}
		if _, cancelErr := b.RecordAttempt(context.WithoutCancel(ctx), now); cancelErr != nil && !errors.Is(cancelErr, webhook.ErrChanged) {
			err = errors.Join(err, cancelErr)
		}
	}
	return d.ID(), err
}

// worker returns a worker that sends where the flags allow.
func (c *webhookTest) worker(ctx context.Context, b storeBackend) (*delivery.Worker, error) {
	sendings, err := b.p.sendings()
	if err != nil {
		return nil, err
	}
	opener, err := b.opener(ctx)
	if err != nil {
		return nil, err
	}
	return delivery.NewWorker(delivery.WorkerConfig{
		Store: b.Store, Queue: leased{}, Opener: opener, Sendings: sendings, Now: b.p.now, Jitter: rand.N[time.Duration], Log: slog.New(slog.DiscardHandler),
		Sender: sender.New(senderConfig(
			validate.URLPolicy{AllowHTTP: c.AllowHTTP, AllowPrivate: c.AllowPrivate, AllowNetworks: c.AllowNetwork}, b.p.now)),
	}), nil
}

// leased is the queue of a command that makes its attempts itself. Nobody else
// does so for a while.
type leased struct{ unattended }

func (leased) Lease(webhook.EventKey) (time.Duration, bool) { return ownLease, true }

// late returns the error for a test without a result in time.
func (c *webhookTest) late(p *program, id string, own bool) error {
	switch {
	case id == "":
		return fmt.Errorf("no test was made within %v; try again, or give a longer --timeout", c.Timeout)
	case own:
		return fmt.Errorf("no response within %v; the test is cancelled. Give a longer --timeout to wait as long as a server does", c.Timeout)
	}
	return fmt.Errorf("no result within %v; the test is attempted all the same. Show it with: %s delivery show %s --account %s", c.Timeout, p.again(), id, c.Account)
}

// failure returns the error for a test that was not made.
func (c *webhookTest) failure(ctx context.Context, p *program, b backend, err error) error {
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		if info, infoErr := b.Account(ctx, c.Account.Account); infoErr == nil && info.Closing {
			return fmt.Errorf("%s is being deleted", c.Account)
		}
		return c.noWebhook(ctx, p, b, c.ID)
	case errors.Is(err, webhook.ErrInvalid) && c.Event != "":
		return usageErrorf("webhook test: --event: %s is not registered for %q", c.ID, c.Event)
	case errors.Is(err, webhook.ErrDisabled):
		return fmt.Errorf("webhook %s is disabled; enable it with: %s webhook enable %s --account %s", c.ID, p.again(), c.ID, c.Account)
	}
	return err
}

// show writes the result, and returns an error unless the test was delivered.
func (c *webhookTest) show(p *program, r testResult, delivered, own bool) error {
	if delivered {
		return p.show(r, linef("%s responded with %d to sample %s of %s", r.URL, r.Status, r.Delivery, r.Event))
	}
	text := fmt.Sprintf("the sample to %s failed: %s", r.URL, r.Reason)
	if r.Response != "" {
		text += "; it answered: " + r.Response
	}
	return p.fail(r, errors.New(text+testHint(r.Reason, own)))
}

// testHint says which flag lets a test go where it was not allowed to.
func testHint(reason string, own bool) string {
	flag := ""
	switch {
	case strings.Contains(reason, "must be an https URL"):
		flag = "--allow-http"
	case strings.Contains(reason, "not public"), strings.Contains(reason, "private or reserved"), strings.Contains(reason, "an allowed port"):
		flag = "--allow-private"
	}
	switch {
	case flag == "":
		return ""
	case own:
		return "; " + flag + " allows it"
	}
	return "; a server that is started with " + flag + ", or with --dev, sends there"
}
