package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/portal"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

type portalCommands struct {
	Open  portalOpen  `cmd:"" help:"Make a link into the portal and print it. It is good once, and cannot be shown again."`
	Close portalClose `cmd:"" help:"End all links into the portal and all sessions, of an account or of the operator."`
}

// pages selects whose pages a link leads to. Exactly one of the flags must be
// given.
type pages struct {
	Account  accountName `help:"The account whose pages they are, such as squake:acme." placeholder:"<api>:<id>" required:"" xor:"pages"`
	Operator bool        `help:"The operator's own pages, which lead to all accounts." required:"" xor:"pages"`
}

// account returns the account, zero for the operator.
func (s pages) account() webhook.Account {
	if s.Operator {
		return webhook.Account{}
	}
	return s.Account.Account
}

type portalOpen struct {
	pages
	Expires  time.Duration `help:"How long the link is good (default: 10m)." default:"10m" placeholder:"10m"`
	Session  time.Duration `help:"How long the session lasts that it begins (default: 8h)." default:"8h" placeholder:"8h"`
	ReadOnly bool          `help:"Let the session look and change nothing." name:"read-only"`
	At       string        `help:"With --data and --store, where browsers reach the server (default: where the server that runs on --data has it)." name:"portal-url" env:"HOOKLINE_PORTAL_URL" placeholder:"URL"`
}

// linkResult is the JSON output of a link.
type linkResult struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// grant returns what the link is good for.
func (c *portalOpen) grant() access.Grant {
	rights := webhook.AllRights
	if c.ReadOnly {
		rights = webhook.Read
	}
	return access.Grant{Account: c.account(), Rights: rights, Link: c.Expires, Session: c.Session}
}

// grantFlags has the flags in place of what errors about grants begin with.
var grantFlags = strings.NewReplacer("link: ", "--expires: ", "session: ", "--session: ")

// Validate checks how long the link and its session last, and where it leads.
func (c *portalOpen) Validate() error {
	if err := c.grant().Validate(); err != nil {
		return errors.New(grantFlags.Replace(err.Error()))
	}
	if _, err := portal.CheckOrigin(c.At); c.At != "" && err != nil {
		return fmt.Errorf("--portal-url: the portal's address %w", err)
	}
	return nil
}

// Run makes a link and prints it.
func (c *portalOpen) Run(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	result, err := b.CreateLink(ctx, c.grant(), c.At)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return noAccount(ctx, p, b, c.account())
	case err != nil:
		return err
	}
	return p.show(result, result.URL+"\n")
}

type portalClose struct{ pages }

// Run ends links and sessions.
func (c *portalClose) Run(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	err = b.EndLinks(ctx, c.account())
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return noAccount(ctx, p, b, c.account())
	case err != nil:
		return err
	case c.Operator:
		return p.show(closedResult{Operator: true, Closed: true}, linef("the links and sessions of the operator have ended"))
	}
	return p.show(closedResult{Account: c.Account.String(), Closed: true}, linef("the links and sessions of %s have ended", c.Account))
}

// closedResult is the JSON output of closing the portal to an account, or to the
// operator.
type closedResult struct {
	Account  string `json:"account,omitzero"`
	Operator bool   `json:"operator,omitzero"`
	Closed   bool   `json:"closed"`
}

// portalBackend is the part of backend that the portal's links need. The zero
// account is the operator.
type portalBackend interface {
	// CreateLink makes a link. A store's leads to the portal at base, or where the
	// server that runs has it; through its API a server says itself where that is.
	CreateLink(ctx context.Context, g access.Grant, base string) (linkResult, error)
	EndLinks(context.Context, webhook.Account) error
}

func (b storeBackend) links() *access.Links { return access.NewLinks(b.Store, b.p.keys, b.p.now) }

func (b storeBackend) CreateLink(ctx context.Context, g access.Grant, base string) (linkResult, error) {
	if base == "" {
		var err error
		if base, err = servedPortal(b.p.flags.Data, b.p.flags.Store); err != nil {
			return linkResult{}, err
		}
	}
	secret, expires, err := b.links().Create(ctx, g)
	if err != nil {
		return linkResult{}, err
	}
	return linkResult{access.EnterURL(base, secret), expires}, nil
}

func (b storeBackend) EndLinks(ctx context.Context, a webhook.Account) error {
	return b.links().End(ctx, a)
}

func (b apiBackend) CreateLink(ctx context.Context, g access.Grant, _ string) (linkResult, error) {
	request := client.PortalLinkRequest{ExpiresIn: g.Link, Session: g.Session, ReadOnly: !g.Rights.Has(webhook.Write)}
	var link client.PortalLink
	var err error
	if g.Account == (webhook.Account{}) {
		link, err = b.client.CreateOperatorPortalLink(ctx, request)
	} else {
		link, err = b.client.CreatePortalLink(ctx, g.Account.String(), request)
	}
	if refusedAsClosing(err) {
		return linkResult{}, webhook.ErrNotFound
	}
	return linkResult{link.URL, link.ExpiresAt}, translated(err)
}

func (b apiBackend) EndLinks(ctx context.Context, a webhook.Account) error {
	if a == (webhook.Account{}) {
		return translated(b.client.EndOperatorPortalLinks(ctx))
	}
	return translated(b.client.EndPortalLinks(ctx, a.String()))
}
