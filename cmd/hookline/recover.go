package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/webhook"
)

type deliveryRecover struct {
	customer
	Since  time.Duration `help:"Deliveries of events that happened within this duration." placeholder:"24h" xor:"from"`
	From   *moment       `help:"Deliveries of events that happened at this time or later." placeholder:"2026-01-15T10:30:00Z" xor:"from"`
	Until  *moment       `help:"Only events that happened before this time." placeholder:"2026-01-15T10:30:00Z"`
	Event  string        `help:"Only deliveries of this event." placeholder:"NAME"`
	AsOf   *moment       `help:"Leave out what was attempted at this time or later (default: now). An interrupted command tells the time with which to repeat it." placeholder:"2026-01-15T10:30:00Z"`
	DryRun bool          `help:"Count the deliveries, and attempt none."`
}

// Validate checks the flags.
func (c *deliveryRecover) Validate() error {
	if c.From == nil && c.Since <= 0 {
		return errors.New("give --since with a duration such as 24h, or --from")
	}
	return nil
}

// recoverResult is the JSON output of a recovery.
type recoverResult struct {
	Account  string    `json:"account"`
	Matching int       `json:"matching"`
	Resent   int       `json:"resent"`
	Expired  int       `json:"expired"`
	AsOf     time.Time `json:"as_of"`
}

// Run counts the deliveries, which also fixes the time of the recovery, and asks
// for their attempts. A running server, or the stack, makes them.
func (c *deliveryRecover) Run(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	q := c.recovery(p)
	q.DryRun = true
	counted, err := c.steps(ctx, b, &q, func(int) {})
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return noAccount(ctx, p, b, c.Account.Account)
	case err != nil:
		return err
	}
	result := recoverResult{Account: c.Account.String(), Matching: counted.Count, Expired: counted.Expired, AsOf: q.AsOf}
	if c.DryRun {
		return p.show(result, linef("would resend %s of %s%s", deliveries(result.Matching), c.Account, result.without()))
	}
	q.DryRun = false
	if !p.flags.JSON && result.Matching > 0 {
		_, _ = io.WriteString(p.stderr, linef("resending %s of %s; if this is interrupted, go on with: %s", deliveries(result.Matching), c.Account, c.again(p, q)))
	}
	bar := p.progress("resending", result.Matching)
	done, err := c.steps(ctx, b, &q, func(n int) { _ = bar.Add(n) }) // ignore a closed terminal
	_ = bar.Clear()
	if err != nil {
		return fmt.Errorf("resent %d of %s: %w; go on with: %s", done.Count, deliveries(result.Matching), err, c.again(p, q))
	}
	result.Resent, result.Expired = done.Count, done.Expired
	return p.show(result, linef("resent %s of %s%s", deliveries(result.Resent), c.Account, result.without()))
}

// recovery returns what the flags select.
func (c *deliveryRecover) recovery(p *program) client.Recovery {
	q := client.Recovery{From: p.now().Add(-c.Since).UTC().Truncate(time.Millisecond), Event: c.Event}
	if c.From != nil {
		q.From = c.From.Time
	}
	if c.Until != nil {
		q.Until = c.Until.Time
	}
	if c.AsOf != nil {
		q.AsOf = c.AsOf.Time
	}
	return q
}

// steps recovers until the end, sets q.AsOf and returns the totals, also after
// an error. It calls step with what each call resent.
func (c *deliveryRecover) steps(ctx context.Context, b backend, q *client.Recovery, step func(int)) (all client.Recovered, err error) {
	for q.Cursor = ""; ; {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		done, err := b.Recover(ctx, c.Account.Account, *q)
		if err != nil {
			return all, err
		}
		all.Count, all.Expired, q.AsOf = all.Count+done.Count, all.Expired+done.Expired, done.AsOf
		step(done.Count)
		if q.Cursor = done.Next; q.Cursor == "" {
			return all, nil
		}
	}
}

// again returns the command line that goes on with a recovery.
func (c *deliveryRecover) again(p *program, q client.Recovery) string {
	line := fmt.Sprintf("%s delivery recover --account %s --from %s", p.again(), c.Account, q.From.Format(time.RFC3339Nano))
	if c.Until != nil {
		line += " --until " + q.Until.Format(time.RFC3339Nano)
	}
	if c.Event != "" {
		line += " --event " + shellQuote(c.Event)
	}
	return line + " --as-of " + q.AsOf.Format(time.RFC3339Nano)
}

// without says what is left out.
func (r recoverResult) without() string {
	if r.Expired == 0 {
		return ""
	}
	return fmt.Sprintf("; %d were accepted more than 6 days ago", r.Expired)
}

func deliveries(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return fmt.Sprintf("%d deliveries", n)
}
