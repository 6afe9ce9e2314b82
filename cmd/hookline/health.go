package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hookline/hookline/pkg/store/sqlite"
)

const (
	livePath  = "/livez"
	readyPath = "/readyz"
	// readyFor is how long the outcome of the checks is answered again, so that
	// nobody has the store write more often by asking.
	readyFor = 5 * time.Second
	// minRoom is how many bytes a disk with room has: more than the log takes.
	minRoom = 64 << 20
	// overdueAfter is how long a delivery may be due while nothing is attempted.
	overdueAfter = time.Minute
)

// readiness answers whether the server can do its work: whether a write was
// durable lately, the disk has room, and due deliveries are attempted.
type readiness struct {
	checks []readyCheck
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	checked time.Time
	outcome readyResult
}

// readyCheck is a check and what is answered if it fails.
type readyCheck struct {
	name, failure string
	do            func(context.Context) error
}

// readyResult is the body of the answer.
type readyResult struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks"`
}

// newReadiness returns the checks of a server. Those of the file are left out
// if the data is in DynamoDB.
func newReadiness(file *sqlite.Store, d *dispatcher, dir string, now func() time.Time, log *slog.Logger) *readiness {
	r := &readiness{now: now, log: log}
	if file == nil {
		return r
	}
	r.checks = []readyCheck{
		{"write", "a write is not durable", file.Probe},
		{"disk", "less than 64 MiB are free", func(context.Context) error { return checkRoom(dir) }},
		{"deliveries", "due deliveries are not attempted", func(ctx context.Context) error {
			since := now().Add(-overdueAfter)
			if d.attemptedAt().After(since) {
				return nil
			}
			overdue, err := file.Overdue(ctx, since)
			if err == nil && overdue {
				err = fmt.Errorf("no attempt for %v, and a delivery is due", overdueAfter)
			}
			return err
		}},
	}
	return r
}

func checkRoom(dir string) error {
	room, known, err := roomAt(dir)
	if err == nil && known && room < minRoom {
		err = fmt.Errorf("%d bytes are free on the disk of %s", room, dir)
	}
	return err
}

// ServeHTTP answers 200 if every check passes, and 503 otherwise.
func (r *readiness) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if !isRead(w, request) {
		return
	}
	result := r.check(request.Context())
	body, err := json.Marshal(result, json.Deterministic(true))
	status := http.StatusOK
	if err != nil || result.Status != "ok" {
		status = http.StatusServiceUnavailable
	}
	response(w, status, string(body))
}

// check makes the checks, or returns their latest outcome if it is fresh.
func (r *readiness) check(ctx context.Context) readyResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.checked.IsZero() && r.now().Sub(r.checked) < readyFor {
		return r.outcome
	}
	// A client that leaves does not spoil the outcome for others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTimeout)
	defer cancel()
	r.outcome = readyResult{Status: "ok", Checks: map[string]string{}}
	for _, c := range r.checks {
		r.outcome.Checks[c.name] = "ok"
		if err := c.do(ctx); err != nil {
			r.outcome.Status, r.outcome.Checks[c.name] = "unavailable", c.failure
			r.log.LogAttrs(ctx, slog.LevelError, "not ready", slog.String("check", c.name), slog.String("error", err.Error()))
		}
	}
	r.checked = r.now()
	return r.outcome
}

// live answers that the process serves.
func live(w http.ResponseWriter, r *http.Request) {
	if isRead(w, r) {
		response(w, http.StatusOK, `{"status":"ok"}`)
	}
}

// isRead reports whether a request only reads, and refuses it otherwise.
func isRead(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "This path is only to be read.")
	return false
}

// healthHandlers are the handlers of the paths that say how the server is.
func (rt *router) healthHandlers(ready http.Handler) map[string]http.Handler {
	return map[string]http.Handler{
		healthPath: http.HandlerFunc(rt.health), livePath: http.HandlerFunc(live), readyPath: ready,
	}
}
