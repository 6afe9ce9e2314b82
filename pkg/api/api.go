// Package api is the HTTP server that the registration APIs share. It has one
// route table per API, checks every request in one order (path, method, working
// hours, token, right, content type, size, JSON, fields), and writes one log
// line per request. Every response has the API's own shape, including those for
// unknown paths, wrong methods, panics and internal errors.
//
// What an API accepts and responds is defined in its own package below this
// one. Those packages import this one, the registry, and the packages that
// validate and generate values; they do not import each other, a store, or AWS.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

// API describes a registration API.
type API struct {
	Name webhook.API
	// Prefix is the first path segment of all its routes, such as "/v2".
	Prefix string
	// Rights reports whether its tokens can have fewer than all rights.
	Rights bool
	// CheckAccountID checks an account's id beyond [webhook.ParseAccount]. Its
	// error describes a valid id.
	CheckAccountID func(id string) error
	// New returns the handler of all its routes. The error names every setting
	// that is wrong.
	New func(Setup) (Handler, error)
	// Sending returns how the API's deliveries are made, from the same
	// settings. It uses only Keys, Getenv and Deployed of the Setup. The error
	// names every setting that is wrong.
	Sending func(Setup) (webhook.Sending, error)
	// Portal returns what the portal needs of the API, from the same settings.
	// The error names every setting that is wrong.
	Portal func(Setup) (Portal, error)
	// Example is a registration that a development server accepts.
	Example Example
	// Events lists the events that can be registered and published. An API whose
	// events are the operator's lists those of the settings, or a few that are
	// likely.
	Events func(getenv func(string) string) []string
	// Registering is how a client registers one URL for one event.
	Registering Registering
}

// DemoAccount returns the API's account for trying it on a laptop: the first of
// a few ids that it accepts.
func (a API) DemoAccount() (webhook.Account, error) {
	for _, id := range []string{"demo", "1"} {
		if a.CheckAccountID(id) == nil {
			return webhook.Account{API: a.Name, ID: id}, nil
		}
	}
	return webhook.Account{}, fmt.Errorf("no account of %s to try it with is known", a.Name)
}

// Handler serves all requests of an API.
type Handler interface {
	http.Handler
	// Fail responds to a request that could not be read because of err, an
	// internal error.
	Fail(w http.ResponseWriter, r *http.Request, err error)
}

// Example is a request for the documentation: its path, the header that carries
// the token (which follows TokenHeader), and a body whose URL begins with
// [ExampleReceiver]. Event and Instance belong to an event that it registers.
type Example struct {
	Path, TokenHeader, Body string
	Event, Instance         string
}

// Registering is a request to the path of the Example, and where the signing key
// is shown.
type Registering struct {
	// Body returns the request's body, which is marshalled to JSON.
	Body func(event, url string) any
	// KeyPath is the path where a POST makes the account's signing key. It is
	// empty if the response to a registration has a key of its own.
	KeyPath string
	// KeyField has the names that lead to the key in a response.
	KeyField []string
}

// ExampleReceiver is the beginning of the URLs in examples.
const ExampleReceiver = "https://example.com"

// Setup holds what an API needs from the process. All fields are required.
type Setup struct {
	Store  Store
	Sealer registry.Sealer
	Keys   *keygen.Generator
	Now    func() time.Time
	Log    *slog.Logger
	// URLs is the operator's setting. Allowed ports are the API's own.
	URLs validate.URLPolicy
	// Getenv reads the API's own settings.
	Getenv func(string) string
	// Deadline bounds the work on a request; zero for 10 s. It is shorter than
	// the functions' timeout, so that an answer in the API's shape can be given.
	Deadline time.Duration
	// Deployed is set where settings that a laptop may leave out are
	// required.
	Deployed bool
	Observer
}

// Observer sees the requests that a server answers. Its functions are called
// from many goroutines. Those that are nil are not called.
type Observer struct {
	// Client returns the address of a request's client, for the log line. If it
	// is nil, the line has none.
	Client func(*http.Request) string
	// Answered is told of each request when its response was written.
	Answered func(Observation)
}

// Observation is a request and its response, as [Observer] is told.
type Observation struct {
	API     webhook.API
	Request *http.Request
	// Route is the pattern of the path, empty for an unknown path.
	Route string
	// Status is the status as it is logged: 499 where the client did not wait.
	Status   int
	Duration time.Duration
}

// Registry returns a registry with the API's rules.
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

// Route is an entry of an API's route table.
type Route struct {
	Method string
	// Path is a pattern of http.ServeMux without method and host.
	Path string
	// Right is the right that the token must have.
	Right webhook.Rights
	// Body reports whether the route takes a body. If so, its content type and
	// size are checked and Request.Content holds it; otherwise a body is
	// ignored.
	Body   bool
	Handle func(context.Context, *Request) (Response, error)
}

// Request is a request that passed all checks before the route's own.
type Request struct {
	*http.Request
	// ID identifies the request in its log line and in a response to an
	// internal error. It is a UUID.
	ID      string
	Account webhook.Account
	// Content is the body, for routes that take one.
	Content []byte
}

// UUID returns a value of the path, in lower case where it is a UUID: one that
// is printed in upper case is the same (RFC 9562, section 4).
func (r *Request) UUID(name string) string {
	value := r.PathValue(name)
	if !uuidForm().MatchString(value) {
		return value
	}
	return strings.ToLower(value)
}

// uuidForm is compiled at its first use: registering has no id in its path, and
// a function starts without it.
var uuidForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
})

// Response is the response to a request. A nil Body means no body.
type Response struct {
	Status int
	// Header keeps the letter case of its names.
	Header map[string]string
	// Body is marshalled to JSON. It contains no [webhook.Secret].
	Body any
}

// NoStore returns the response with a header that has no cache keep it (RFC
// 9111, section 5.2.2.5): it shows a signing key.
func (r Response) NoStore() Response {
	header := map[string]string{"Cache-Control": "no-store"}
	maps.Copy(header, r.Header)
	r.Header = header
	return r
}
