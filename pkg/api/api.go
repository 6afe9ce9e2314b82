// Package api is the way in that every registration API shares: one route
// table per API, one order of judgement (path, method, working hours, token,
// right, content type, size, JSON, fields), one log line per request, and
// every answer in the API's own shape, also those for unknown paths, wrong
// methods, panics and faults of our own.
//
// What an API accepts and answers is in its own package below this one. Those
// packages know this one, the registry and the rooms that judge and make
// values; they do not know each other, a store, or AWS.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

// API is one registration API, as a process sees it.
type API struct {
	Name webhook.API
	// Prefix is the first path segment of all its routes, such as "/v2".
	Prefix string
	// Rights says whether its tokens can have fewer rights than all.
	Rights bool
	// CheckAccountID judges an account's id beyond webhook.ParseAccount. Its
	// error says what an id looks like.
	CheckAccountID func(id string) error
	// New builds the handler of all its routes. The error names every
	// setting that is wrong.
	New func(Setup) (Handler, error)
	// Sending gives the API's way of delivering, of the same settings. Of the
	// Setup it uses Keys, Getenv and Deployed. The error names every setting
	// that is wrong.
	Sending func(Setup) (webhook.Sending, error)
	// Example is a registration that a development server accepts.
	Example Example
}

// Handler answers all requests of an API.
type Handler interface {
	http.Handler
	// Fail answers a request that could not be read because of err, a fault
	// of our own.
	Fail(w http.ResponseWriter, r *http.Request, err error)
}

// Example is a request to show: its path, the header that carries the token
// (the token is put behind TokenHeader), and a body, whose URL begins with
// ExampleReceiver. Event and Instance are of an event that it registers.
type Example struct {
	Path, TokenHeader, Body string
	Event, Instance         string
}

// ExampleReceiver begins the URLs of examples.
const ExampleReceiver = "https://example.com"

// Setup is what a process gives an API to work with. All fields but Deadline
// are needed.
type Setup struct {
	Store  Store
	Sealer registry.Sealer
	Keys   *keygen.Generator
	Now    func() time.Time
	Log    *slog.Logger
	// URLs is the operator's setting; ports are the API's own.
	URLs validate.URLPolicy
	// Getenv reads the API's own settings.
	Getenv func(string) string
	// Deadline bounds the work on a request; zero for 10 s. It is shorter than
	// the functions' timeout, so that an answer in the API's shape can be given.
	Deadline time.Duration
	// Deployed is set where settings that a laptop may leave out are
	// required.
	Deployed bool
}

// Registry gives a registry of an API's rules over what the process gives.
func (s Setup) Registry(rules registry.Rules) *registry.Registry {
	return registry.New(registry.Config{
		Store:        s.Store,
		Sealer:       s.Sealer,
		Rules:        rules,
		NewRequestID: s.Keys.UUID,
		Now:          s.Now,
	})
}

// Store is the part of store.Store that the APIs use.
type Store interface {
	registry.Store
	auth.Tokens
}

// Route is a line of an API's route table.
type Route struct {
	Method string
	// Path is a pattern of http.ServeMux without method and host.
	Path string
	// Right is what the token must have.
	Right webhook.Rights
	// Body says that the route takes one: its content type and size are
	// judged, and Request.Content holds it. Elsewhere a body is ignored.
	Body   bool
	Handle func(context.Context, *Request) (Response, error)
}

// Request is a request that was let in.
type Request struct {
	*http.Request
	// ID names the request in its log line and in the answer to a fault of
	// our own: a UUID.
	ID      string
	Account webhook.Account
	// Content is the body, of routes that take one.
	Content []byte
}

// Response is what goes back. A nil Body is no body at all.
type Response struct {
	Status int
	// Header keeps the letter case of its names.
	Header map[string]string
	// Body is marshalled to JSON. It holds no webhook.Secret.
	Body any
}
