package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

// stateFlag is the value of a flag for a webhook's state.
type stateFlag struct{ webhook.State }

// UnmarshalText parses the name. The error wraps [webhook.ErrInvalid].
func (f *stateFlag) UnmarshalText(text []byte) (err error) {
	f.State, err = webhook.ParseState(string(text))
	return err
}

type webhookList struct {
	Account *accountName `help:"The account, such as squake:acme." placeholder:"<api>:<id>" xor:"of" required:""`
	All     bool         `help:"Webhooks of all accounts that fail or are disabled." xor:"of" required:""`
	API     apiName      `help:"With --all, only those of this API." name:"api" placeholder:"API"`
	State   *stateFlag   `help:"Only webhooks in this state: never_called, healthy, failing or disabled." placeholder:"STATE"`
}

// Validate checks the flags.
func (c *webhookList) Validate() error {
	switch {
	case c.API != "" && !c.All:
		return errors.New("--api: give it with --all")
	case c.All && c.State != nil && c.State.State != webhook.StateFailing && c.State.State != webhook.StateDisabled:
		return errors.New("--state: with --all give failing or disabled")
	}
	return nil
}

// Run lists webhooks, one line per event.
func (c *webhookList) Run(ctx context.Context, p *program) (err error) {
	r, s, err := p.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer s.closeInto(&err)
	var list []webhook.Webhook
	heading := []string{"ID", "EVENT", "STATE", "FOR", "LAST", "URL"}
	if c.All {
		heading[0], heading[5] = "ACCOUNT", "ID"
		list, err = c.failing(ctx, s)
	} else {
		list, err = c.ofAccount(ctx, p, r, s)
	}
	if err != nil {
		return err
	}
	var results []webhookResult
	var rows [][]string
	for _, w := range list {
		if c.State != nil && c.State.State != w.State() {
			continue
		}
		result := newWebhookResult(w)
		results = append(results, result)
		first, last := result.ID, result.URL
		if c.All {
			first, last = result.Account, result.ID
		}
		rows = append(rows, []string{first, result.Event, result.State, age(p.now().Sub(result.StateSince)), result.lastStatus(), last})
	}
	return p.show(results, table(heading, rows))
}

// ofAccount returns the webhooks of the account.
func (c *webhookList) ofAccount(ctx context.Context, p *program, r *registry.Registry, s openedStore) ([]webhook.Webhook, error) {
	list, err := r.List(ctx, c.Account.Account)
	if err != nil || len(list) > 0 {
		return list, err
	}
	if _, err = s.Store.Account(ctx, c.Account.Account); errors.Is(err, webhook.ErrNotFound) {
		return nil, noAccount(ctx, p, s, c.Account.Account)
	}
	return nil, err
}

// failing returns the webhooks of all accounts that fail or are disabled,
// longest first.
func (c *webhookList) failing(ctx context.Context, s openedStore) (list []webhook.Webhook, err error) {
	const page = 500
	for _, api := range all.APIs() {
		if c.API != "" && c.API != apiName(api.Name) {
			continue
		}
		for next := ""; ; {
			var some []webhook.Webhook
			if some, next, err = s.Failing(ctx, api.Name, next, page); err != nil {
				return nil, err
			}
			if list = append(list, some...); next == "" {
				break
			}
		}
	}
	slices.SortStableFunc(list, func(a, b webhook.Webhook) int { return a.StateSince().Compare(b.StateSince()) })
	return list, nil
}

// age formats a duration in its largest unit, to the full one.
func age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}
