package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/client"
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
	statuses := webhook.Statuses()
	names := make([]string, len(statuses))
	for i, status := range statuses {
		names[i] = status.String()
	}
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
	Test     bool       `json:"test"`         // a sample, of webhook test
}

func newDeliveryResult(d webhook.Delivery) deliveryResult {
	return deliveryResult{
		ID: d.ID(), Account: d.Account.String(), Event: d.Event, Time: d.Time, Status: d.Status.String(), Attempts: d.Attempts,
		Last: orNull(d.AttemptedAt), Code: d.StatusCode, Reason: d.Reason, Next: orNull(d.Next), Test: d.Test,
	}
}

// statusText returns the status for people.
func (r deliveryResult) statusText() string {
	if r.Test {
		return r.Status + " (test)"
	}
	return r.Status
}

type deliveryList struct {
	Account *accountName  `help:"Only deliveries of this account (default: of all, which reads every account)." placeholder:"<api>:<id>"`
	Event   string        `help:"Only deliveries of this event." placeholder:"NAME"`
	Status  *statusFlag   `help:"Only deliveries with this status: ${statuses}." placeholder:"STATUS"`
	Since   time.Duration `help:"Only events that happened within this duration (default: all)." placeholder:"24h"`
	From    *moment       `help:"Only events that happened at this time or later." placeholder:"2026-01-15T10:30:00Z"`
	Until   *moment       `help:"Only events that happened before this time." placeholder:"2026-01-15T10:30:00Z"`
	Limit   int           `help:"Maximum number of deliveries (default: 100)." default:"100" placeholder:"N"`
}

// Validate checks the flags.
func (c *deliveryList) Validate() error {
	switch {
	case c.Limit < 1:
		return errors.New("--limit: give a number of at least 1")
	case c.Since < 0:
		return errors.New("--since: give a duration such as 24h")
	case c.Since > 0 && c.From != nil:
		return errors.New("--since and --from: give one of them")
	}
	return nil
}

// Run lists deliveries.
func (c *deliveryList) Run(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	results, err := c.find(ctx, p, b)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, r := range results {
		rows = append(rows, []string{r.ID, r.Account, r.Event, timeText(r.Time), r.statusText(), strconv.FormatInt(r.Attempts, 10), timeOrDash(r.Next), orDash(r.Reason)})
	}
	return p.show(results, table([]string{"ID", "ACCOUNT", "EVENT", "TIME", "STATUS", "ATTEMPTS", "NEXT", "REASON"}, rows))
}

// find returns the deliveries of one account, or the latest of all.
func (c *deliveryList) find(ctx context.Context, p *program, b backend) ([]deliveryResult, error) {
	f := c.filter(p)
	if c.Account != nil {
		found, err := b.Deliveries(ctx, c.Account.Account, f, c.Limit)
		if errors.Is(err, webhook.ErrNotFound) {
			return nil, noAccount(ctx, p, b, c.Account.Account)
		}
		return found, err
	}
	var found []deliveryResult
	for _, api := range all.APIs() {
		accounts, err := b.Accounts(ctx, api.Name)
		if err != nil {
			return nil, err
		}
		for _, info := range accounts {
			account, err := webhook.ParseAccount(info.Account)
			if err != nil {
				return nil, err
			}
			more, err := b.Deliveries(ctx, account, f, c.Limit)
			if err != nil && !errors.Is(err, webhook.ErrNotFound) { // deleted meanwhile
				return nil, err
			}
			found = append(found, more...)
			slices.SortStableFunc(found, func(a, b deliveryResult) int { return b.Time.Compare(a.Time) })
			found = found[:min(len(found), c.Limit)]
		}
	}
	return found, nil
}

// filter returns which deliveries the flags ask for.
func (c *deliveryList) filter(p *program) client.DeliveryFilter {
	f := client.DeliveryFilter{Event: c.Event}
	if c.Status != nil {
		f.Status = c.Status.String()
	}
	switch {
	case c.From != nil:
		f.From = c.From.Time
	case c.Since > 0:
		f.From = p.now().Add(-c.Since)
	}
	if c.Until != nil {
		f.Until = c.Until.Time
	}
	return f
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
	Webhook  string         `json:"webhook"`
	URL      string         `json:"url"` // at acceptance
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
	text := timeText(a.At) + ", " + cmp.Or(a.Reason, "answered "+strconv.Itoa(a.Code)) + " after " + (time.Duration(a.Duration) * time.Millisecond).String()
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

type deliveryRetry struct{ deliveryID }

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
		return fmt.Errorf("another attempt of %s was just made; show it with: %s delivery show %[1]s --account %s", c.ID, p.again(), c.Account)
	case err != nil:
		return err
	}
	return p.show(result, linef("attempt %d of %s is due now", result.Attempts+1, c.ID))
}
