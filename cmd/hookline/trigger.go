package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

type triggerCommand struct {
	API     apiName       `arg:"" name:"api" help:"The API, such as squake."`
	Event   string        `arg:"" optional:"" help:"The event; without it the events are listed."`
	Account *accountName  `help:"The account (default: the API's demo account, which serve --dev makes)." placeholder:"<api>:<id>"`
	List    bool          `help:"List the events that can be triggered."`
	Wait    bool          `help:"Wait for the first attempt, and fail unless it succeeds."`
	Timeout time.Duration `help:"With --wait: how long (default: 1m)." default:"1m" placeholder:"1m"`
}

// triggerResult is the JSON output of an event that was triggered.
type triggerResult struct {
	Account  string `json:"account"`
	Event    string `json:"event"`
	Status   string `json:"status"`
	Delivery string `json:"delivery,omitzero"`
	// Result is present with --wait, once an attempt was made.
	Result *deliveryResult `json:"result,omitzero"`
}

// Validate checks what needs no data.
func (c *triggerCommand) Validate() error {
	switch {
	case c.List && (c.Event != "" || c.Account != nil || c.Wait):
		return errors.New("--list: give the API only")
	case c.Account != nil && c.Account.API != webhook.API(c.API):
		return fmt.Errorf("--account: %s is no account of %s", c.Account, c.API)
	case c.Event == "" && (c.Account != nil || c.Wait):
		return errors.New("give an event, such as those that --list shows")
	}
	return checkTimeout(c.Timeout)
}

// Run publishes a sample event, or lists those that there are.
func (c *triggerCommand) Run(ctx context.Context, p *program) (err error) {
	api, err := all.Find(string(c.API))
	if err != nil {
		return err
	}
	if c.Event == "" {
		events := api.Events(p.getenv)
		return p.show(events, strings.Join(convert(events, func(event string) string { return linef("%s", event) }), ""))
	}
	account, err := api.DemoAccount()
	if c.Account != nil {
		account, err = c.Account.Account, nil
	}
	if err != nil {
		return err
	}
	sendings, err := p.sendings()
	if err != nil {
		return err
	}
	event := client.Event{Account: account.String(), Event: c.Event}
	payload, instance := sendings[account.API].Sample(c.Event)
	if event.Payload = payload; api.Example.Instance != "" {
		event.Instance = &instance
	}
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	published, err := b.Publish(ctx, event)
	if err != nil {
		return err
	}
	return c.report(ctx, p, b, account, published)
}

// report shows what came of the event. A failure is an error, and JSON output
// shows it too.
func (c *triggerCommand) report(ctx context.Context, p *program, b backend, account webhook.Account, published delivery.Result) (err error) {
	result := triggerResult{Account: account.String(), Event: c.Event, Status: string(published.Status), Delivery: published.Delivery}
	switch {
	case published.Status == delivery.NoWebhook:
		err = fmt.Errorf("%s has no webhook for %s; receive it with: %s listen --account %[1]s --event %[4]s", account, c.Event, p.again(), shellQuote(c.Event))
	case published.Status == delivery.Held:
		err = fmt.Errorf("held %s: the webhook of %s for %s is disabled", published.Delivery, account, c.Event)
	default:
		err = p.publishFailure(account, published)
	}
	text := linef("%s %s", result.Status, result.Delivery)
	if err == nil && c.Wait {
		text, err = c.await(ctx, p, b, account, &result)
	}
	if err != nil {
		return p.fail(result, err)
	}
	return p.show(result, text)
}

// await waits for the first attempt.
func (c *triggerCommand) await(ctx context.Context, p *program, b backend, account webhook.Account, result *triggerResult) (text string, err error) {
	found, err := p.awaitDelivery(ctx, b, account, result.Delivery, c.Timeout, func(d deliveryDetails) bool {
		return d.Status != webhook.StatusPending.String()
	})
	switch {
	case errors.Is(err, errLate):
		return "", fmt.Errorf("delivery %s was not attempted within %v; does a server run on this data?", result.Delivery, c.Timeout)
	case err != nil:
		return "", err
	}
	result.Result = &found.deliveryResult
	took := ""
	if last := len(found.Log) - 1; last >= 0 {
		took = fmt.Sprintf(" in %dms", found.Log[last].Duration)
	}
	if found.Status != webhook.StatusDelivered.String() {
		return "", fmt.Errorf("%s %s to %s: %s%s", found.Status, result.Delivery, found.URL, found.Reason, took)
	}
	return linef("%s %s to %s: responded with %d%s", found.Status, result.Delivery, found.URL, found.Code, took), nil
}
