package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
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
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	var list []webhookDetails
	heading := []string{"ID", "EVENT", "STATE", "FOR", "LAST", "URL"}
	if c.All {
		heading[0], heading[5] = "ACCOUNT", "ID"
		list, err = c.failing(ctx, b)
	} else if list, err = b.Webhooks(ctx, c.Account.Account); errors.Is(err, webhook.ErrNotFound) {
		return noAccount(ctx, p, b, c.Account.Account)
	}
	if err != nil {
		return err
	}
	var results []webhookResult
	var rows [][]string
	for _, w := range list {
		if c.State != nil && c.State.String() != w.State {
			continue
		}
		results = append(results, w.short())
		first, last := w.ID, w.URL
		if c.All {
			first, last = w.Account, w.ID
		}
		rows = append(rows, []string{first, w.Event, w.State, age(p.now().Sub(w.StateSince)), w.lastStatus(), last})
	}
	return p.show(results, table(heading, rows))
}

// failing returns the webhooks of all accounts that fail or are disabled,
// longest first.
func (c *webhookList) failing(ctx context.Context, b backend) (list []webhookDetails, err error) {
	for _, api := range all.APIs() {
		if c.API != "" && c.API != apiName(api.Name) {
			continue
		}
		some, err := b.Failing(ctx, api.Name)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortStableFunc(list, func(a, b webhookDetails) int { return a.StateSince.Compare(b.StateSince) })
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
