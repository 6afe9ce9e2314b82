package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/terminal"
	"github.com/hookline/hookline/pkg/webhook"
)

type deliveryCommands struct {
	List    deliveryList    `cmd:"" help:"List deliveries, latest event first."`
	Show    deliveryShow    `cmd:"" help:"Show everything about a delivery."`
	Retry   deliveryRetry   `cmd:"" help:"Attempt a delivery again, at once and under the same webhook-id."`
	Recover deliveryRecover `cmd:"" help:"Attempt again all deliveries of an account that failed, were cancelled or are held. May be interrupted and repeated."`
}

// statusNames lists the statuses of deliveries, "a, b or c".
func statusNames() string {
	names := new(statusFlag).suggestions()
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// statusFlag is the value of a flag for a status.
type statusFlag struct{ webhook.Status }

// UnmarshalText parses the name. The error wraps [webhook.ErrInvalid].
func (f *statusFlag) UnmarshalText(text []byte) (err error) {
	f.Status, err = webhook.ParseStatus(string(text))
	return err
}

func (*statusFlag) suggestions() (names []string) {
	for _, status := range webhook.Statuses() {
		names = append(names, status.String())
	}
	return names
}

// deliveryResult is the JSON output of a delivery.
type deliveryResult struct {
	ID       string     `json:"id"`
	Account  string     `json:"account"`
	Event    string     `json:"event"`
	Time     time.Time  `json:"time"`
	Status   string     `json:"status"`
	Attempts int64      `json:"attempts"`
	Last     *time.Time `json:"last_attempt"` // null: never
	Code     int        `json:"last_status"`  // 0: no response
	Reason   string     `json:"reason"`
	Next     *time.Time `json:"next_attempt"` // null: no attempt is to come
	Webhook  string     `json:"webhook"`
	URL      string     `json:"url"`  // at acceptance
	Test     bool       `json:"test"` // a sample, of webhook test
}

func newDeliveryResult(d webhook.Delivery) deliveryResult {
	return deliveryResult{
		ID: d.ID(), Account: d.Account.String(), Event: d.Event, Time: d.Time, Status: d.Status.String(), Attempts: d.Attempts,
		Last: orNull(d.AttemptedAt), Code: d.StatusCode, Reason: d.Reason, Next: orNull(d.Next), Webhook: d.WebhookID, URL: d.URL, Test: d.Test,
	}
}

// statusText returns the status for people.
func (r deliveryResult) statusText() string {
	if r.Test {
		return r.Status + " (test)"
	}
	return r.Status
}

// deliveryID selects a delivery on the command line.
type deliveryID struct {
	ID string `arg:"" help:"The delivery's id, as delivery list shows it; receivers get it as webhook-id."`
	customer
}

// unknown returns the error for an id that was not found.
func (c deliveryID) unknown(ctx context.Context, p *program, b backend) error {
	if _, err := b.Account(ctx, c.Account.Account); errors.Is(err, webhook.ErrNotFound) {
		return noAccount(ctx, p, b, c.Account.Account)
	}
	return fmt.Errorf("%s has no delivery %q; deliveries are kept for 8 days; list them with: %s delivery list --account %[1]s",
		c.Account, c.ID, p.again())
}

type deliveryShow struct{ deliveryID }

// deliveryDetails is all that the record of a delivery has.
type deliveryDetails struct {
	deliveryResult
	EventID  string         `json:"event_id"`
	Instance string         `json:"instance,omitempty"`
	Accepted time.Time      `json:"accepted"`
	Payload  jsontext.Value `json:"payload"` // null: none, or null itself
	// Log has the attempts that are kept, oldest first.
	Log []attemptResult `json:"attempt_log"`
}

// attemptResult is the JSON output of one attempt of a delivery.
type attemptResult struct {
	Number   int64     `json:"number"`
	At       time.Time `json:"at"`
	Duration int64     `json:"duration_ms"`
	Code     int       `json:"status"` // 0: no response
	Reason   string    `json:"reason"` // empty: it succeeded
	// Response is how the body of a response that was no success began, escaped.
	Response string `json:"response"`
}

func newAttemptResult(a webhook.Attempt) attemptResult {
	return attemptResult{
		Number: a.Number, At: a.At, Duration: a.Duration.Milliseconds(), Code: a.StatusCode, Reason: a.Reason, Response: a.ResponseText(),
	}
}

// text returns the attempt in one line, for people.
func (a attemptResult) text() string {
	text := timeText(a.At) + ", " + cmp.Or(a.Reason, webhook.ReasonStatus(a.Code)) + " after " + (time.Duration(a.Duration) * time.Millisecond).String()
	if a.Response != "" {
		text += ": " + a.Response
	}
	return text
}

// Run shows a delivery.
func (c *deliveryShow) Run(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	details, err := b.Delivery(ctx, c.Account.Account, c.ID)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return c.unknown(ctx, p, b)
	case err != nil:
		return err
	}
	return p.show(details, details.text())
}

// text returns the delivery for people.
func (d deliveryDetails) text() string {
	lines := [][2]string{
		{"id", d.ID},
		{"account", d.Account},
		{"event", d.Event},
		{"event id", d.EventID},
		{"time", timeText(d.Time)},
		{"instance", orDash(d.Instance)},
		{"webhook", d.Webhook},
		{"url", d.URL},
		{"accepted", timeText(d.Accepted)},
		{"status", d.statusText()},
		{"attempts", strconv.FormatInt(d.Attempts, 10)},
		{"last attempt", timeOrDash(d.Last)},
		{"last status", orDash(strings.TrimPrefix(strconv.Itoa(d.Code), "0"))},
		{"reason", orDash(d.Reason)},
		{"next attempt", timeOrDash(d.Next)},
	}
	for _, a := range d.Log {
		lines = append(lines, [2]string{"attempt " + strconv.FormatInt(a.Number, 10), a.text()})
	}
	if d.Payload == nil {
		return fields(append(lines, [2]string{"payload", orDash("")}))
	}
	var payload strings.Builder
	terminal.WriteJSON(&payload, d.Payload, terminal.Plain(), "… (cut here; --json shows it whole)")
	return fields(lines) + "payload\n" + payload.String() + "\n"
}

type deliveryRetry struct {
	deliveryID
	Wait    bool          `help:"Wait for the attempt and show what came of it; a failure is an error. Takes a running server or the stack."`
	Timeout time.Duration `help:"With --wait: how long (default: 2m)." default:"2m" placeholder:"2m"`
}

// Validate checks the flags.
func (c *deliveryRetry) Validate() error { return checkTimeout(c.Timeout) }

// Run asks for another attempt. A running server, or the stack, makes it.
func (c *deliveryRetry) Run(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	result, err := b.Retry(ctx, c.Account.Account, c.ID)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return c.unknown(ctx, p, b)
	case errors.Is(err, webhook.ErrChanged):
		return fmt.Errorf("another attempt of %s was just made; show it with: %s delivery show %s --account %s", c.ID, p.again(), c.ID, c.Account)
	case err != nil:
		return err
	}
	if c.Wait {
		return c.await(ctx, p, b, result.Attempts)
	}
	return p.show(result, linef("attempt %d of %s is due now", result.Attempts+1, c.ID))
}

// await waits for an attempt after the first ones, and shows it. If it failed,
// or was not made in time, that is an error.
func (c *deliveryRetry) await(ctx context.Context, p *program, b backend, attempts int64) error {
	d, err := p.awaitDelivery(ctx, b, c.Account.Account, c.ID, c.Timeout, func(d deliveryDetails) bool {
		return d.Attempts > attempts || d.Status == webhook.StatusCancelled.String()
	})
	switch {
	case errors.Is(err, errLate):
		return fmt.Errorf("attempt %d of %s was not made within %v; does a server run on this data?", attempts+1, c.ID, c.Timeout)
	case err != nil:
		return err
	case d.Status == webhook.StatusDelivered.String():
		return p.show(d.deliveryResult, linef("%s responded with %d to attempt %d of %s", d.URL, d.Code, d.Attempts, c.ID))
	}
	failure := fmt.Errorf("attempt %d of %s failed: %s", d.Attempts, c.ID, d.Reason)
	if d.Next != nil {
		failure = fmt.Errorf("%w; the next is %s", failure, relative(d.Next.Sub(p.now())))
	}
	return p.fail(d.deliveryResult, failure)
}
