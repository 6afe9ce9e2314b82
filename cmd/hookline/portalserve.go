package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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

// portalSettings reads the portal's settings. served is false if browsers would
// reach the portal by plain http over a network: sessions would cross it in the
// clear.
func (c *serveCommand) portalSettings(p *program) (settings portal.Settings, served bool, err error) {
	origin := c.PortalURL
	switch {
	case origin != "":
	case c.TLS.Cert != "":
		origin = "https://" + c.Listen
	case portal.IsLoopback(c.Listen):
		origin = "http://" + c.Listen
	default:
		return portal.Settings{}, false, nil
	}
	settings, err = portal.ReadSettings(p.getenv, origin)
	if err != nil {
		if c.PortalURL != "" {
			err = fmt.Errorf("--portal-url: %w", err)
		}
		return portal.Settings{}, false, fmt.Errorf("set up the portal: %w", err)
	}
	return settings, true, nil
}

// portal builds the portal.
func (c *serveCommand) portal(p *program, s *server, setup api.Setup, sendings map[webhook.API]webhook.Sending) (portalSite, error) {
	settings, served, err := c.portalSettings(p)
	if err != nil {
		return portalSite{}, err
	}
	if !served {
		s.log.Warn("portal not served", "reason", "browsers would reach it by plain http; set --portal-url to where they reach this server by https")
		return portalSite{}, nil
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
	site := portalSite{links: links, url: func(r *http.Request) string {
		switch {
		case c.PortalURL != "":
			return c.PortalURL
		case c.Proxy.secure(r):
			return "https://" + r.Host
		}
		return "http://" + r.Host
	}}
	site.handler = bothParts{customers: handler, operator: portal.NewOperator(portal.OperatorConfig{
		Access: links.Operator(), Store: s.store, APIs: all.APIs(), Settings: settings, URL: site.url,
		Keys: p.keys, Now: p.now, Log: s.log, Deadline: p.timeouts.request, Observer: setup.Observer,
	})}
	return site, nil
}

// bothParts serves the operator's pages and the others.
type bothParts struct{ customers, operator http.Handler }

// ServeHTTP serves all requests.
func (b bothParts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == portal.OperatorPrefix || strings.HasPrefix(r.URL.Path, portal.OperatorPrefix+"/") {
		b.operator.ServeHTTP(w, r)
		return
	}
	b.customers.ServeHTTP(w, r)
}

// devLink makes a link to the pages of an account, or to the operator's if it is
// zero, which is good for a day. It is empty where there is no portal.
func (s *server) devLink(ctx context.Context, a webhook.Account, at string) (string, error) {
	if s.portal.links == nil {
		return "", nil
	}
	secret, _, err := s.portal.links.Create(ctx, access.Grant{
		Account: a, Rights: webhook.AllRights, Link: access.MaxLink, Session: access.DefaultSession,
	})
	if err != nil {
		return "", err
	}
	return access.EnterURL(at, secret), nil
}

// notePortal writes into the lock of a data directory, which the server holds,
// what store it serves and where browsers reach its portal: for servedPortal.
func (s *server) notePortal(dir, note string) {
	if err := os.WriteFile(filepath.Join(dir, lockName), []byte(note), 0o600); err != nil {
		s.log.Warn("portal's address not noted", "error", err.Error()) // portal open asks for it then
	}
}

// servedPortal returns where browsers reach the portal of the server that runs on
// a data directory and a store. The error says what to do if there is none: a
// link holds a secret, which is for no other server to see.
func servedPortal(dir string, store storeName) (string, error) {
	if err := checkDataDir(dir); err != nil {
		return "", err
	}
	runs, err := dataDirLocked(dir)
	if err != nil {
		return "", err
	}
	var note []byte
	if runs { // what a server noted counts no longer than it holds the lock
		if note, err = os.ReadFile(filepath.Join(dir, lockName)); err != nil {
			return "", fmt.Errorf("%s: %w; say with --portal-url where browsers reach the server", filepath.Join(dir, lockName), cause(err))
		}
	}
	of, at, _ := strings.Cut(string(note), " ")
	if _, err := portal.CheckOrigin(at); err != nil || of != store.String() {
		return "", fmt.Errorf("no server that serves a portal runs on %s; start one, or say with --portal-url where browsers reach it, such as https://hooks.example.com", dir)
	}
	return at, nil
}
