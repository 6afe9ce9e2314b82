package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

type webhookCommands struct {
	List    webhookList    `cmd:"" help:"List the webhooks of an account, oldest first, or those of all accounts that fail or are disabled, longest first."`
	Show    webhookShow    `cmd:"" help:"Show everything about a webhook except its keys."`
	Test    webhookTest    `cmd:"" help:"Send one signed sample event to a webhook and show the response. It changes nothing of the webhook."`
	Enable  webhookEnable  `cmd:"" help:"Enable a webhook, such as one that a 410 response disabled."`
	Disable webhookDisable `cmd:"" help:"Disable a webhook, so that it receives nothing. It keeps its event; any change by the customer enables it."`
	Delete  webhookDelete  `cmd:"" help:"Delete a webhook. Its events can be registered again at once."`
}

// customer selects the account of a webhook or delivery.
type customer struct {
	Account accountName `help:"The account, such as squake:acme." placeholder:"<api>:<id>" required:""`
}

// webhookResult is the JSON output of one event's webhook. Webhooks that were
// registered together may share an id.
type webhookResult struct {
	ID         string    `json:"id"`
	Account    string    `json:"account"`
	Event      string    `json:"event"`
	URL        string    `json:"url"`
	Enabled    bool      `json:"enabled"`
	Created    time.Time `json:"created"`
	State      string    `json:"state"`
	StateSince time.Time `json:"state_since"`
	LastStatus int       `json:"last_status"` // 0: no response
}

func newWebhookResult(w webhook.Webhook) webhookResult {
	return webhookResult{
		ID: w.ID, Account: w.Account.String(), Event: w.Event, URL: w.URL, Enabled: !w.Disabled, Created: w.CreatedAt,
		State: w.State().String(), StateSince: w.StateSince(), LastStatus: w.Statistics.LastStatus,
	}
}

// lastStatus returns the status for people.
func (r webhookResult) lastStatus() string {
	return orDash(strings.TrimPrefix(strconv.Itoa(r.LastStatus), "0"))
}

// webhookDetails is all that the record of a webhook has, except keys.
type webhookDetails struct {
	webhookResult
	// DisabledReason says why Hookline disabled it; empty if the operator did.
	DisabledReason string     `json:"disabled_reason"`
	SendPayload    *bool      `json:"send_payload"` // null: not known
	Version        *int64     `json:"version"`      // null: not known
	Updated        *time.Time `json:"updated"`      // null: never
	// RetiredKeys are the times until which retired keys still sign.
	RetiredKeys    *[]time.Time `json:"retired_keys"` // null: not known
	LastSent       *time.Time   `json:"last_sent"`    // null: never
	LastFailed     *time.Time   `json:"last_failed"`  // null: never
	FailedAttempts int64        `json:"failed_attempts"`
}

func newWebhookDetails(w webhook.Webhook) webhookDetails {
	details := webhookDetails{
		webhookResult:  newWebhookResult(w),
		DisabledReason: w.DisabledReason,
		SendPayload:    &w.SendPayload,
		Version:        &w.Version,
		RetiredKeys:    new([]time.Time),
		Updated:        orNull(w.UpdatedAt),
		LastSent:       orNull(w.Statistics.LastSentAt),
		LastFailed:     orNull(w.Statistics.LastFailedAt),
		FailedAttempts: w.Statistics.FailedAttempts,
	}
	for _, k := range w.RetiredKeys {
		*details.RetiredKeys = append(*details.RetiredKeys, k.Until)
	}
	return details
}

// orNull returns nil for the zero time.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// short returns what lists show.
func (d webhookDetails) short() webhookResult { return d.webhookResult }

// text returns the webhook for people, one line per field that is known.
func (d webhookDetails) text() string {
	enabled := yesNo(d.Enabled)
	if d.DisabledReason != "" {
		enabled += ", " + d.DisabledReason
	}
	lines := [][2]string{
		{"id", d.ID},
		{"account", d.Account},
		{"event", d.Event},
		{"url", d.URL},
		{"enabled", enabled},
		{"state", d.State + " since " + timeText(d.StateSince)},
	}
	if d.SendPayload != nil {
		lines = append(lines, [2]string{"full payload", yesNo(*d.SendPayload)})
	}
	if d.Version != nil {
		lines = append(lines, [2]string{"version", strconv.FormatInt(*d.Version, 10)})
	}
	lines = append(lines, [2]string{"created", timeText(d.Created)}, [2]string{"updated", timeOrDash(d.Updated)})
	if d.RetiredKeys != nil {
		until := convert(*d.RetiredKeys, func(t time.Time) string { return "until " + timeText(t) })
		lines = append(lines, [2]string{"retired keys", orDash(strings.Join(until, ", "))})
	}
	return fields(append(lines,
		[2]string{"last sent", timeOrDash(d.LastSent)},
		[2]string{"last failed", timeOrDash(d.LastFailed)},
		[2]string{"last status", d.lastStatus()},
		[2]string{"failed attempts", strconv.FormatInt(d.FailedAttempts, 10)},
	))
}

// noWebhook returns the error for an id that was not found.
func (c customer) noWebhook(ctx context.Context, p *program, b backend, id string) error {
	account := c.Account.Account
	if _, err := b.Account(ctx, account); errors.Is(err, webhook.ErrNotFound) {
		return noAccount(ctx, p, b, account)
	}
	return fmt.Errorf("%s has no webhook %q; list its webhooks with: %s webhook list --account %[1]s", account, id, p.again())
}

// webhookID selects a webhook on the command line.
type webhookID struct {
	ID string `arg:"" help:"The webhook's id, as webhook list shows it."`
	customer
}

type webhookShow struct{ webhookID }

// Run shows the webhooks with an id, in the order of their registration.
func (c *webhookShow) Run(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	results, err := b.Webhooks(ctx, c.Account.Account)
	if err != nil && !errors.Is(err, webhook.ErrNotFound) {
		return err
	}
	results = slices.DeleteFunc(results, func(w webhookDetails) bool { return w.ID != c.ID })
	if len(results) == 0 {
		return c.noWebhook(ctx, p, b, c.ID)
	}
	texts := convert(results, webhookDetails.text)
	return p.show(results, strings.Join(texts, "\n"))
}

type webhookEnable struct{ webhookID }

// Run enables all webhooks with an id.
func (c *webhookEnable) Run(ctx context.Context, p *program) error {
	return c.set(ctx, p, true)
}

type webhookDisable struct{ webhookID }

// Run disables all webhooks with an id.
func (c *webhookDisable) Run(ctx context.Context, p *program) error {
	return c.set(ctx, p, false)
}

// set enables or disables all webhooks with an id, and changes nothing else. It
// writes nothing if they already are.
func (c *webhookID) set(ctx context.Context, p *program, enabled bool) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	found, err := b.SetEnabled(ctx, c.Account.Account, c.ID, enabled)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return c.noWebhook(ctx, p, b, c.ID)
	case err != nil:
		return err
	}
	results := convert(found, webhookDetails.short)
	word := "disabled"
	if enabled {
		word = "enabled"
	}
	return p.show(results, linef("%s %s", word, c.ID))
}

type webhookDelete struct{ webhookID }

// Run deletes all webhooks with an id.
func (c *webhookDelete) Run(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	switch err := b.DeleteWebhook(ctx, c.Account.Account, c.ID); {
	case errors.Is(err, webhook.ErrNotFound):
		return c.noWebhook(ctx, p, b, c.ID)
	case err != nil:
		return err
	}
	result := struct {
		Deleted string `json:"deleted"`
		Account string `json:"account"`
	}{c.ID, c.Account.String()}
	return p.show(result, linef("deleted %s", c.ID))
}
