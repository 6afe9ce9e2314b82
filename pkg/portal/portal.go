// Package portal implements the pages where a customer's developer sees and
// mends their webhooks (docs/contracts/portal.md). Pages are made on the server
// and work without scripts; their one stylesheet and one script are embedded.
//
// A session sees one account. Whatever it asks for of another is answered as
// what does not exist. Changes are made only by POSTs that come from the
// portal's own origin and carry a token of the session. Nothing here opens a
// signing key, or knows a store or a queue.
package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// Prefix is the first segment of all paths.
	Prefix = "/portal"
	// defaultDeadline bounds the work on one request.
	defaultDeadline = 10 * time.Second
	// maxForm is the maximum size of a form in bytes.
	maxForm = 256 << 10
)

// Store is the part of store.Store that the pages use.
type Store interface {
	registry.Store
	delivery.RetrierStore
	Attempts(context.Context, webhook.Delivery) ([]webhook.Attempt, error)
}

// Tester sends samples.
type Tester interface {
	// Test accepts a sample of an event as a delivery to the webhook with an id.
	// The delivery's record shows what becomes of it.
	//
	//   - webhook.ErrNotFound: there is no such webhook, or its account is
	//     closing.
	//   - webhook.ErrInvalid: the webhook does not have the event.
	//   - webhook.ErrDisabled: the webhook is disabled.
	Test(ctx context.Context, a webhook.Account, id, event string) (webhook.Delivery, error)
}

// Config is what the portal is made of. All fields are needed but Deadline.
type Config struct {
	Access access.Access
	Store  Store
	// Queue is where attempts are queued that are asked for.
	Queue delivery.Queue
	// APIs are those whose accounts there are, and Setup what they are made
	// from.
	APIs     []api.API
	Setup    api.Setup
	Sendings map[webhook.API]webhook.Sending
	Tester   Tester
	Settings Settings
	// Deadline bounds the work on a request; zero for 10 s.
	Deadline time.Duration
}

// portal serves all pages.
type portal struct {
	Config
	retrier *delivery.Retrier
	apis    map[webhook.API]api.Portal
	assets  assets
	origin  *http.CrossOriginProtection
	mux     *http.ServeMux
}

// New returns the handler of all paths under Prefix. The error names every
// setting that is wrong.
func New(cfg Config) (http.Handler, error) {
	if cfg.Access == nil || cfg.Store == nil || cfg.Queue == nil || len(cfg.APIs) == 0 || cfg.Sendings == nil || cfg.Tester == nil || cfg.Setup.Log == nil || cfg.Setup.Now == nil || cfg.Setup.Keys == nil {
		panic("portal: a field of Config is missing")
	}
	if cfg.Settings.Name == "" {
		panic("portal: Settings were not read")
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = defaultDeadline
	}
	p := &portal{
		Config:  cfg,
		retrier: delivery.NewRetrier(cfg.Store, cfg.Queue, cfg.Setup.Now),
		apis:    map[webhook.API]api.Portal{},
		assets:  newAssets(cfg.Settings.accent),
		origin:  http.NewCrossOriginProtection(),
		mux:     http.NewServeMux(),
	}
	var errs []error
	for _, a := range cfg.APIs {
		if a.Portal == nil {
			continue
		}
		found, err := a.Portal(cfg.Setup)
		if err != nil {
			errs = append(errs, fmt.Errorf("set up %s: %w", a.Name, err))
		}
		p.apis[a.Name] = found
	}
	p.routes()
	return p, errors.Join(errs...)
}

func (p *portal) routes() {
	p.mux.Handle("GET "+assetsPath, p.assets)
	p.mux.HandleFunc("GET /portal/enter", p.outside(p.showEnter))
	p.mux.HandleFunc("POST /portal/enter", p.outside(p.enter))
	p.mux.HandleFunc("POST /portal/leave", p.outside(p.leave))
	for pattern, handle := range map[string]func(*exchange) error{
		"GET /portal":                            start,
		"GET /portal/{$}":                        start,
		"GET /portal/webhooks":                   p.listWebhooks,
		"GET /portal/webhooks/new":               p.newWebhook,
		"POST /portal/webhooks":                  p.register,
		"GET /portal/webhooks/{id}":              p.showWebhook,
		"POST /portal/webhooks/{id}":             p.changeWebhook,
		"GET /portal/webhooks/{id}/{change}":     p.confirmChange,
		"POST /portal/webhooks/{id}/{change}":    p.makeChange,
		"GET /portal/key":                        p.confirmAccountKey,
		"POST /portal/key":                       p.renewAccountKey,
		"GET /portal/deliveries":                 p.listDeliveries,
		"GET /portal/deliveries/{delivery}":      p.showDelivery,
		"GET /portal/deliveries/{delivery}/body": p.downloadBody,
		"POST /portal/deliveries/{delivery}":     p.sendAgain,
		"GET /portal/recover":                    p.showRecover,
		"POST /portal/recover":                   p.recover,
		"GET /portal/test":                       p.showTest,
		"POST /portal/test":                      p.sendTest,
		"GET /portal/events":                     p.showEvents,
		"GET /portal/verify":                     p.showVerify,
	} {
		p.mux.HandleFunc(pattern, p.inside(handle))
	}
	p.mux.HandleFunc("/", p.outside(func(e *exchange) error { return errNoPage }))
}

func start(e *exchange) error { return e.redirect("/portal/webhooks") }

// policy is the Content-Security-Policy of every page.
func policy(ancestors string) string {
	return "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
		"base-uri 'none'; form-action 'self'; frame-ancestors " + ancestors
}

// ServeHTTP serves all requests. The headers are those of every answer, errors
// too; only assets may be cached.
func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy(p.Settings.ancestors))
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if !p.Settings.secure && !IsLoopback(r.Host) { // a proxy passed it on, and cookies are not those for a network
		http.Error(w, "The portal is served to this machine alone, unless HOOKLINE_PORTAL_URL says where browsers reach it.", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p.mux.ServeHTTP(w, r)
}

// exchange is a request while it is served.
type exchange struct {
	*portal
	w http.ResponseWriter
	*http.Request
	id      string
	now     time.Time
	session access.Session
	// api is that of the session's account.
	api    api.Portal
	status int
}

// outside serves a request without a session, and reports it.
func (p *portal) outside(handle func(*exchange) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), p.Deadline)
		defer cancel()
		e := &exchange{portal: p, w: w, Request: r.WithContext(ctx), now: p.Setup.Now(), status: http.StatusOK}
		err := e.handle(handle)
		if err != nil {
			e.refuse(err)
		}
		e.report(r, err)
	}
}

// inside serves a request of a session.
func (p *portal) inside(handle func(*exchange) error) http.HandlerFunc {
	return p.outside(func(e *exchange) error {
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
	if e.id, err = e.Setup.Keys.UUID(); err != nil {
		return err
	}
	if e.portal.origin.Check(e.Request) != nil {
		return errForeign
	}
	return handle(e)
}

// page answers with a page.
func (e *exchange) page(status int, name string, data any) error {
	e.status = status
	return write(e.w, status, name, data)
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
	e.Setup.Report(e.Setup.Log, api.Entry{
		Observation: api.Observation{API: e.session.Account.API, Request: r, Route: route, Status: e.status, Duration: e.Setup.Now().Sub(e.now)},
		RequestID:   e.id, Account: e.session.Account.ID, Err: err,
	})
}

// tabs are the pages of an account, which path is on or below.
func (e *exchange) tabs() []tab {
	tabs := []tab{
		{Name: "Webhooks", Path: "/portal/webhooks"}, {Name: "Deliveries", Path: "/portal/deliveries"}, {Name: "Recover", Path: "/portal/recover"},
		{Name: "Test", Path: "/portal/test"}, {Name: "Events", Path: "/portal/events"}, {Name: "Verify", Path: "/portal/verify"},
	}
	for i := range tabs {
		tabs[i].Here = e.URL.Path == tabs[i].Path || strings.HasPrefix(e.URL.Path, tabs[i].Path+"/") ||
			tabs[i].Name == "Verify" && e.URL.Path == "/portal/key" // which leads there
	}
	return tabs
}

func (e *exchange) outline(title string) outline {
	return outline{Title: title, Brand: e.Settings.Name, Assets: e.portal.assets}
}

// frame returns what a page has around it. A redirect after a change says in
// its query what was done.
func (e *exchange) frame(title string) frame {
	f := frame{
		outline: e.outline(title), Account: e.session.Account.String(), MayWrite: e.session.Rights.Has(webhook.Write),
		FormToken: e.session.FormToken, Tabs: e.tabs(),
	}
	if n, ok := news[e.URL.Query().Get("done")]; ok && e.Method != http.MethodPost {
		f.News = &n
	}
	return f
}

func (e *exchange) at(t time.Time) moment { return at(t, e.now) }
