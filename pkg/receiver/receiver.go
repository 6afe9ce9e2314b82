// Package receiver is the other end of a delivery: it receives webhooks as a
// customer's program does, verifies their signatures, and shows them.
//
// It shows a delivery before it responds. Those that are verified it passes on
// to an app, if it has one, and responds as that does. "verified" means that
// every signature is valid and that the timestamp of Standard Webhooks is
// within five minutes. It never shows a signing key, and makes everything it
// received harmless to a terminal. Memory is bounded: bodies above 1 MiB are
// rejected, and the latest 10,000 webhook-ids are remembered.
//
// The package rejects texts that are not signing keys. It is a tool for
// developers: it stores nothing, and responds as it is told to.
package receiver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/hookline/hookline/pkg/terminal"
)

const (
	// MaxBody is the maximum size in bytes of a body that is received.
	MaxBody = 1 << 20
	// remembered is how many webhook-ids are remembered.
	remembered = 10_000
)

// Config configures a Receiver. Keys may be empty, Forward nil, and the
// response's Delay and RetryAfter 0; the rest is required.
type Config struct {
	Keys     []Key
	Response Response
	// Forward passes verified deliveries on, whose responses are then those of
	// the app. It is nil if the Response is given instead.
	Forward *Forwarder
	// FailFirst is how many deliveries get a 500 before the others get the
	// Response.
	FailFirst int
	// Show is called with every delivery, one at a time. If it fails, the
	// response is a 500.
	Show func(Delivery) error
	// Note is called with one line about other errors, possibly concurrently.
	Note func(string)
	Now  func() time.Time
	// Sleep waits, or returns the context's error if the context ends first.
	Sleep func(context.Context, time.Duration) error
}

// Receiver receives deliveries: every request but GET /, whose response says
// what this is. The contexts of its requests must end when the server stops.
type Receiver struct {
	cfg Config

	mu   sync.Mutex // held while a delivery is counted and shown
	seen *lru.LRU[[sha256.Size]byte, int]
	// failed counts the deliveries that got a 500 because of FailFirst.
	failed int
}

// New makes a receiver. It panics if a field of cfg is missing.
func New(cfg Config) *Receiver {
	if cfg.Show == nil || cfg.Note == nil || cfg.Now == nil || cfg.Sleep == nil {
		panic("receiver: a field of Config is missing")
	}
	seen, err := lru.NewLRU[[sha256.Size]byte, int](remembered, nil)
	if err != nil {
		panic(err) // only a size below 1 is refused
	}
	return &Receiver{cfg: cfg, seen: seen}
}

// ServeHTTP receives one delivery.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		say(w, http.StatusOK, "This is hookline listen: it shows the webhooks that are sent to it.")
		return
	}
	d := Delivery{Method: r.Method, Path: r.RequestURI, Header: r.Header}
	var err error
	d.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, d.TooLarge = errors.AsType[*http.MaxBytesError](err); d.TooLarge {
		d.Body = nil
	} else if err != nil {
		rc.cfg.Note(terminal.Cut(r.Method+" "+r.RequestURI, maxHeaderText) + ": the sender hung up")
		say(w, http.StatusBadRequest, "The body is incomplete.")
		return
	}
	d.At = rc.cfg.Now()
	if !d.TooLarge {
		d.Checks = Verify(d.At, rc.cfg.Keys, d.Header, d.Body)
		d.Unkeyed = len(rc.cfg.Keys) == 0
	}
	d.Response = rc.cfg.Response
	if rc.cfg.Forward != nil && !d.TooLarge {
		d.Response = rc.cfg.Forward.response(r.Context(), d)
	}
	if d, err = rc.take(d); err != nil {
		rc.cfg.Note(err.Error())
		say(w, http.StatusInternalServerError, "The delivery could not be shown.")
		return
	}
	rc.response(w, r, d)
}

// take counts a delivery, decides its response and shows it.
func (rc *Receiver) take(d Delivery) (Delivery, error) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if id := d.Header.Get(idHeader); id != "" {
		key := sha256.Sum256([]byte(id)) // of fixed length, however long the id is
		before, _ := rc.seen.Get(key)
		d.Seen = before + 1
		rc.seen.Add(key, d.Seen)
	}
	switch {
	case d.TooLarge:
		d.Response = Response{Status: http.StatusRequestEntityTooLarge}
	case rc.failed < rc.cfg.FailFirst:
		rc.failed++
		d.Response.Status = http.StatusInternalServerError
	}
	return d, rc.cfg.Show(d)
}

// response waits and responds.
func (rc *Receiver) response(w http.ResponseWriter, r *http.Request, d Delivery) {
	if d.Response.Delay > 0 {
		began := rc.cfg.Now()
		if err := rc.cfg.Sleep(r.Context(), d.Response.Delay); err != nil {
			waited := rc.cfg.Now().Sub(began).Truncate(time.Millisecond)
			rc.cfg.Note(fmt.Sprintf("%s: no response after %v: the sender hung up, or hookline listen was stopped",
				terminal.Cut(r.Method+" "+r.RequestURI, maxHeaderText), waited))
			say(w, http.StatusServiceUnavailable, "hookline listen is stopping.")
			return
		}
	}
	d.Response.write(w)
}
