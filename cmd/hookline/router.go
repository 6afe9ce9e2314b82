package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/reference"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	healthPath = "/healthz"
	// healthTimeout is how long the health check waits for the store.
	healthTimeout = 2 * time.Second
)

// router passes a request unchanged to the API that its first path segment
// names. Unlike http.ServeMux it never redirects, so that an API responds to
// every path under its prefix.
type router struct {
	apis    map[string]http.Handler // by prefix, such as "/v2"; also the documentation
	healths map[string]http.Handler // by path
	unknown api.Handler             // of all other paths
	tokens  auth.Tokens
	log     *slog.Logger
}

// newRouter builds all APIs, and no documentation. The error names all settings
// that are wrong.
func newRouter(apis []api.API, setup api.Setup, tokens auth.Tokens) (*router, error) {
	r := &router{apis: map[string]http.Handler{}, unknown: api.NotFound(setup), tokens: tokens, log: setup.Log}
	var errs []error
	for _, api := range apis {
		handler, err := api.New(setup)
		if err != nil {
			errs = append(errs, fmt.Errorf("set up %s: %w", api.Name, err))
		}
		r.apis[api.Prefix] = handler
	}
	return r, errors.Join(errs...)
}

// ServeHTTP serves all requests.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if api, ok := rt.apis[firstSegment(r.URL.Path)]; ok {
		api.ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		http.Redirect(w, r, reference.Prefix, http.StatusFound) // who opens the server in a browser
		return
	}
	if health, ok := rt.healths[r.URL.Path]; ok {
		health.ServeHTTP(w, r)
		return
	}
	rt.unknown.ServeHTTP(w, r)
}

// firstSegment returns a path up to its second slash: "/v2" for "/v2/webhooks".
func firstSegment(path string) string {
	if len(path) > 0 {
		if end := strings.IndexByte(path[1:], '/'); end >= 0 {
			return path[:end+1]
		}
	}
	return path
}

// health responds whether the store works, by a lookup that finds nothing.
func (rt *router) health(w http.ResponseWriter, r *http.Request) {
	if !isRead(w, r) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	if _, err := rt.tokens.Token(ctx, webhook.TokenHash{}); err != nil && !errors.Is(err, webhook.ErrNotFound) {
		rt.log.LogAttrs(ctx, slog.LevelError, "health", slog.String("error", err.Error()))
		response(w, http.StatusServiceUnavailable, `{"status":"unavailable"}`)
		return
	}
	response(w, http.StatusOK, `{"status":"ok"}`)
}

// refuse writes an error response.
func refuse(w http.ResponseWriter, status int, code, message string) {
	response(w, status, errorBody(code, message))
}

// errorBody returns the body of an error. Neither text needs escaping in JSON.
func errorBody(code, message string) string {
	return `{"error":{"code":"` + code + `","message":"` + message + `"}}`
}

// response writes a JSON response. net/http omits the body for HEAD.
func response(w http.ResponseWriter, status int, body string) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) //nolint:gosec // JSON, never HTML; ignore a client that has left
}
