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

func (*stateFlag) suggestions() []string {
	return []string{
		webhook.StateNeverCalled.String(), webhook.StateHealthy.String(), webhook.StateFailing.String(), webhook.StateDisabled.String(),
	}
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
	var found []webhookDetails
	if c.All {
		found, err = c.failing(ctx, b)
	} else if found, err = b.Webhooks(ctx, c.Account.Account); errors.Is(err, webhook.ErrNotFound) {
		return noAccount(ctx, p, b, c.Account.Account)
	}
	if err != nil {
		return err
	}
	var results []webhookResult
	var rows [][]string
	for _, w := range found {
		if c.State != nil && c.State.String() != w.State {
			continue
		}
		results = append(results, w.short())
		row := []string{w.ID, w.Event, w.State, age(p.now().Sub(w.StateSince)), w.lastStatus(), w.URL}
		if c.All {
			row = []string{w.Account, w.Event, w.State, row[3], row[4], w.ID, w.URL}
		}
		rows = append(rows, row)
	}
	return list(p, "webhooks", results, p.table(c.columns(), rows))
}

func (c *webhookList) columns() []column {
	columns := []column{{name: "ID"}, {name: "EVENT", least: 8}, {name: "STATE"}, {name: "FOR", drop: 2}, {name: "LAST", drop: 1}, {name: "URL", least: 12, ends: true, drop: 3}}
	if c.All {
		columns[0] = column{name: "ACCOUNT", least: 12, ends: true}
		columns = slices.Insert(columns, 5, column{name: "ID"})
	}
	return columns
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
