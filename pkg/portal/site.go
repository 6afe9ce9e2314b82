package portal

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// site is what customers' pages and the operator's have in common: sessions,
// forms, headers, errors and the log. Each has sessions of its own, in a cookie
// of its own.
type site struct {
	siteConfig
	assets    assets
	templates pages
	origin    *http.CrossOriginProtection
	mux       *http.ServeMux
}

// siteConfig is in what they differ, and what they are given.
type siteConfig struct {
	access   access.Access
	settings Settings
	keys     *keygen.Generator
	now      func() time.Time
	log      *slog.Logger
	observer api.Observer
	deadline time.Duration
	// root is the path that all paths begin with, home the first page, and
	// homeAction what leads there.
	root, home, homeAction string
	// ancestors is the frame-ancestors of the pages' policy, and refreshURL where
	// new links are made, empty if there is no such page.
	ancestors, refreshURL string
	// cookie makes the cookie of a session: see [Settings.cookie].
	cookie func(webhook.Secret, time.Time) *http.Cookie
	// welcome is what the page of a link says, left that of who left, and ask
	// whom to ask for a new link.
	welcome, left, ask string
	tabs               []tab
	// admit completes the exchange of a session that is good.
	admit func(*exchange) error
	// leaving, unless nil, is called when a session is left, also for another one.
	leaving func(*exchange)
}

func newSite(cfg siteConfig) *site {
	if cfg.settings.Name == "" {
		panic("portal: Settings were not read")
	}
	if cfg.deadline == 0 {
		cfg.deadline = defaultDeadline
	}
	s := &site{siteConfig: cfg, assets: newAssets(cfg.root+"/assets/", cfg.settings.accent), origin: http.NewCrossOriginProtection(), mux: http.NewServeMux()}
	s.mux.Handle("GET "+cfg.root+"/assets/{file}", s.assets)
	s.mux.HandleFunc("GET "+cfg.root+"/enter", s.outside(s.showEnter))
	s.mux.HandleFunc("POST "+cfg.root+"/enter", s.outside(s.enter))
	s.mux.HandleFunc("POST "+cfg.root+"/leave", s.outside(s.leave))
	s.mux.HandleFunc("/", s.outside(noPage))
	for _, path := range []string{cfg.root, cfg.root + "/{$}"} {
		s.mux.HandleFunc("GET "+path, s.inside(func(e *exchange) error { return e.redirect(s.home) }))
	}
	return s
}

// routes adds pages, by their patterns.
func (s *site) routes(pages map[string]func(*exchange) error) {
	for pattern, handle := range pages {
		s.mux.HandleFunc(pattern, s.inside(handle))
	}
}

// policy is the Content-Security-Policy of every page.
func policy(ancestors string) string {
	return "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
		"base-uri 'none'; form-action 'self'; frame-ancestors " + ancestors
}

// Fail implements [api.Handler].
func (s *site) Fail(w http.ResponseWriter, r *http.Request, err error) {
	s.setHeaders(w.Header())
	s.outside(func(*exchange) error { return err })(w, r)
}

// setHeaders sets the headers of every answer, errors too. Only assets may be
// cached.
func (s *site) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy(s.ancestors))
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

// ServeHTTP serves all requests.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.setHeaders(w.Header())
	if !s.settings.secure && !IsLoopback(r.Host) { // a proxy passed it on, and cookies are not those for a network
		s.outside(notHere)(w, r)
		return
	}
	if !api.IsClean(r.URL.Path) { // the mux would redirect it, past the log
		s.outside(noPage)(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	s.mux.ServeHTTP(w, r)
}

// noPage serves a path that there is not.
func noPage(*exchange) error { return errNoPage }

// notHere serves a request over plain http for another host than this machine.
func notHere(e *exchange) error {
	e.status = http.StatusForbidden
	http.Error(e.w, "The portal is served to this machine alone, unless HOOKLINE_PORTAL_URL says where browsers reach it.", e.status)
	return nil
}

// exchange is a request while it is served.
type exchange struct {
	*site
	w http.ResponseWriter
	*http.Request
	id      string
	now     time.Time // when it began
	session access.Session
	// account is that of the session, or whose page of the operator's it is. It
	// exists or its name is at least valid.
	account webhook.Account
	// api is that of the session's account. The operator's pages have none.
	api    api.Portal
	status int
}

// outside serves a request without a session, and reports it.
func (s *site) outside(handle func(*exchange) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.deadline)
		defer cancel()
		e := &exchange{site: s, w: w, Request: r.WithContext(ctx), now: s.now(), status: http.StatusOK}
		err := e.handle(handle)
		if err != nil {
			e.refuse(err)
		}
		e.report(r, err)
	}
}

// inside serves a request of a session.
func (s *site) inside(handle func(*exchange) error) http.HandlerFunc {
	return s.outside(func(e *exchange) error {
		if err := e.enterSession(); err != nil {
			return err
		}
		if e.Method == http.MethodPost {
			if err := e.checkForm(); err != nil {
				return err
			}
		}
		return handle(e)
	})
}

// handle checks where a change comes from, and turns a panic into an error.
func (e *exchange) handle(handle func(*exchange) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if e.id, err = e.keys.UUID(); err != nil {
		return err
	}
	if e.origin.Check(e.Request) != nil {
		return errForeign
	}
	return handle(e)
}

// page answers with a page.
func (e *exchange) page(status int, name string, data any) error {
	e.status = status
	return write(e.w, status, e.templates.page(name), data)
}

// redirect sends the browser on to a path of the portal, by GET.
func (e *exchange) redirect(path string) error {
	e.status = http.StatusSeeOther
	http.Redirect(e.w, e.Request, path, e.status)
	return nil
}

// report writes the request's log line and tells the observer, as the APIs do.
// The line has nothing of the query, the form or the path but its pattern. r is
// the request as it came: its context ends if its client leaves.
func (e *exchange) report(r *http.Request, err error) {
	if e.status < http.StatusInternalServerError {
		err = nil
	}
	_, route, _ := strings.Cut(r.Pattern, " ") // none for an unknown path
	e.observer.Report(e.log, api.Entry{
		Observation: api.Observation{API: e.account.API, Request: r, Route: route, Status: e.status, Duration: e.site.now().Sub(e.now)},
		RequestID:   e.id, Account: e.account.ID, Err: err,
	})
}

func (e *exchange) outline(title string) outline {
	return outline{Title: title, Brand: e.settings.Name, Home: e.home, Root: e.root, Assets: e.assets}
}

// frame returns what a page has around it. A redirect after a change says in
// its query what was done.
func (e *exchange) frame(title string) frame {
	f := frame{
		outline: e.outline(title), Account: e.session.Account.String(), MayWrite: e.session.Rights.Has(webhook.Write),
		FormToken: e.session.FormToken,
	}
	if e.session.Operator() {
		f.Account = "all accounts"
	}
	if e.session.ByOperator {
		f.AllAccounts = operatorHome
	}
	for _, t := range e.tabs {
		t.Here = t.holds(e.URL.Path)
		f.Tabs = append(f.Tabs, t)
	}
	if n, ok := news[e.URL.Query().Get("done")]; ok && e.Method != http.MethodPost {
		f.News = &n
	}
	return f
}

func (e *exchange) at(t time.Time) moment { return at(t, e.now) }
