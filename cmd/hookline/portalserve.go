package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/portal"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// portalSite is the portal of a server, and the links that lead there. It is
// zero where none is served.
type portalSite struct {
	handler http.Handler
	links   *access.Links
	// url returns where browsers reach the portal. The request is one to the
	// operator's API.
	url func(*http.Request) string
}

// portal builds the portal, unless browsers would reach it by plain http over a
// network: sessions would cross it in the clear.
func (c *serveCommand) portal(p *program, s *server, setup api.Setup, sendings map[webhook.API]webhook.Sending) (portalSite, error) {
	scheme := "http"
	origin := c.PortalURL
	if origin == "" {
		if !loopback(c.Listen) {
			s.log.Warn("portal not served", "reason", "it needs https; set --portal-url to where browsers reach this server")
			return portalSite{}, nil
		}
		origin = scheme + "://" + c.Listen
	}
	settings, err := portal.ReadSettings(p.getenv, origin)
	if err != nil {
		return portalSite{}, fmt.Errorf("set up the portal: %w", err)
	}
	links := access.NewLinks(s.store, p.keys, p.now)
	handler, err := portal.New(portal.Config{
		Access: links, Store: s.store, Queue: s.dispatcher.queue, APIs: all.APIs(), Setup: setup, Sendings: sendings,
		Tester: delivery.NewTester(delivery.TesterConfig{
			Store: s.store, Queue: s.dispatcher.queue, Sendings: sendings, NewID: p.keys.UUID, Now: p.now,
		}),
		Settings: settings, Deadline: p.timeouts.request,
	})
	if err != nil {
		return portalSite{}, fmt.Errorf("set up the portal: %w", err)
	}
	return portalSite{handler, links, func(r *http.Request) string {
		if c.PortalURL != "" {
			return c.PortalURL
		}
		return scheme + "://" + r.Host
	}}, nil
}

// loopback reports whether an address is reached from this machine alone.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback())
}

// demoLink makes a link to the pages of a demo account, which is good for a day.
// It is empty where there is no portal.
func (s *server) demoLink(ctx context.Context, account, at string) (string, error) {
	if s.portal.links == nil {
		return "", nil
	}
	a, err := webhook.ParseAccount(account)
	if err != nil {
		return "", err
	}
	secret, _, err := s.portal.links.Create(ctx, access.Grant{
		Account: a, Rights: webhook.AllRights, Link: access.MaxLink, Session: access.DefaultSession,
	})
	if err != nil {
		return "", err
	}
	return access.EnterURL(at, secret), nil
}
