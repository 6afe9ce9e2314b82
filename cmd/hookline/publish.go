package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/webhook"
)

// moment is a time on the command line, in the form of the operator's API.
type moment struct{ time.Time }

// UnmarshalText parses RFC 3339. The error wraps [webhook.ErrInvalid].
func (m *moment) UnmarshalText(text []byte) (err error) {
	m.Time, err = operator.ParseTime(string(text))
	return err
}

type publishCommand struct {
	Account  accountName `help:"The account, such as squake:acme." placeholder:"<api>:<id>" required:""`
	Event    string      `help:"The event's name, as the API has it." required:"" placeholder:"NAME"`
	ID       *string     `help:"Your id of the event, with --time. Published again, the event is still delivered only once." name:"id" placeholder:"ID"`
	Time     *moment     `help:"When it happened (default: now)." placeholder:"2026-01-15T10:30:00Z"`
	Instance *string     `help:"What the event is about, such as an order's code, if the API requires it." placeholder:"TEXT"`
	Payload  *string     `help:"The payload as JSON; @FILE reads it from a file, @- from standard input." placeholder:"JSON|@FILE"`
}

// Validate checks what needs no store.
func (c *publishCommand) Validate() error {
	switch {
	case c.ID != nil && c.Time == nil:
		return errors.New("--id: give --time too; together they identify the event")
	case c.ID != nil && *c.ID == "":
		return errors.New("--id: give 1 to 128 characters")
	case c.Time != nil && c.Time.IsZero():
		return errors.New("--time: give the time of the event")
	case c.Payload != nil && *c.Payload == "":
		return errors.New("--payload: give JSON, or omit the flag for none; \"\" within the quotes of the shell is an empty string")
	}
	return nil
}

// Run publishes one event durably. A running server, or the stack, delivers it.
// An event without a webhook is not an error.
func (c *publishCommand) Run(ctx context.Context, p *program) (err error) {
	payload, err := c.payload(ctx, p)
	if err != nil {
		return err
	}
	event := client.Event{Account: c.Account.String(), Event: c.Event, Instance: c.Instance, Payload: payload}
	if c.ID != nil {
		event.ID = *c.ID
	}
	if c.Time != nil {
		event.Time = c.Time.Time
	}
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	if err := c.checkInstance(p); err != nil {
		return err
	}
	result, err := b.Publish(ctx, event)
	if err != nil {
		return err
	}
	return c.report(p, result)
}

// checkInstance refuses an instance where events are about nothing, and demands
// it where they are.
func (c *publishCommand) checkInstance(p *program) error {
	sending, err := c.Account.api.Sending(api.Setup{Keys: p.keys, Getenv: func(string) string { return "" }})
	switch {
	case err != nil:
		return err
	case sending.Instance && c.Instance == nil:
		return usageErrorf("publish: --instance: say what the %s event is about, such as an order's code", c.Account.API)
	case !sending.Instance && c.Instance != nil:
		return usageErrorf("publish: --instance: %s events have none", c.Account.API)
	}
	return nil
}

// report shows the result of the event. A failure is an error, and JSON output
// shows it too.
func (c *publishCommand) report(p *program, r delivery.Result) error {
	result := operator.NewResult(r)
	if failure := p.publishFailure(c.Account.Account, r); failure != nil {
		return p.fail(result, failure)
	}
	text := linef("no webhook: %s has none for %s", c.Account, c.Event)
	switch {
	case r.Status == delivery.Held:
		text = linef("held %s: the webhook of %s for %s is disabled", r.Delivery, c.Account, c.Event)
	case r.Delivery != "":
		text = linef("%s %s", r.Status, r.Delivery)
	}
	return p.show(result, text)
}

// publishFailure returns why an event of an account failed, or nil.
func (p *program) publishFailure(a webhook.Account, r delivery.Result) error {
	switch r.Status {
	case delivery.Rejected:
		return fmt.Errorf("the event was rejected: %s", r.Reason)
	case delivery.InternalError:
		return errors.New("the event could not be stored; publish it again, with --id and --time if it must not be delivered twice")
	case delivery.UnknownAccount:
		return fmt.Errorf("the event was not published: there is no account %s; create it with: %s account create %[1]s", a, p.again())
	case delivery.Accepted, delivery.Duplicate, delivery.Held, delivery.NoWebhook:
	}
	return nil
}

// payload reads the payload. It is nil if none is given.
func (c *publishCommand) payload(ctx context.Context, p *program) ([]byte, error) {
	if c.Payload == nil {
		return nil, nil
	}
	text := []byte(*c.Payload)
	if name, isFile := strings.CutPrefix(*c.Payload, "@"); isFile {
		var err error
		if text, err = interruptible(ctx, func() ([]byte, error) { return readPayload(p, name) }); err != nil {
			return nil, err
		}
	}
	if err := api.CheckDepth(text); err != nil {
		return nil, fmt.Errorf("the event was rejected: %w", err)
	}
	value := jsontext.Value(text)
	if err := value.Compact(); err != nil {
		return nil, usageErrorf("publish: --payload: not one JSON value: %s", strings.TrimPrefix(err.Error(), "jsontext: "))
	}
	return value, nil
}

// interruptible returns what read returns, or an error if ctx ends first: what is
// read of a terminal or a pipe ends when whoever writes it says so.
func interruptible(ctx context.Context, read func() ([]byte, error)) (text []byte, err error) {
	done := make(chan struct{})
	var content []byte
	var readErr error
	go func() {
		defer close(done)
		content, readErr = read()
	}()
	select {
	case <-done:
		return content, readErr
	case <-ctx.Done():
		return nil, fmt.Errorf("--payload: %w", context.Cause(ctx))
	}
}

// readPayload reads a file or standard input, up to a limit.
func readPayload(p *program, name string) (text []byte, err error) {
	in := p.stdin
	if name == "" {
		return nil, usageErrorf("publish: --payload: give a file's name after @, or @- for standard input")
	}
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("--payload: %w", err)
		}
		defer file.Close()
		in = file
	}
	// White space between tokens does not count, so the file may be larger.
	const most = 16 * delivery.MaxPayload
	text, err = io.ReadAll(io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("--payload: %w", err)
	case len(text) > most:
		return nil, fmt.Errorf("--payload: @%s is too large; a payload has %d KiB at most", name, delivery.MaxPayload>>10)
	}
	return text, nil
}
