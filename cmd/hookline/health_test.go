package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/record"
	"github.com/hookline/hookline/pkg/webhook"
)

// ready asks for the readiness without a network.
func ready(r *readiness) (int, string) {
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, readyPath, nil))
	return w.Code, w.Body.String()
}

// A server that was just started is ready; its paths are only read.
func TestReady(t *testing.T) {
	t.Parallel()
	s := boot(t, t.TempDir())
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", livePath, 200, `{"status":"ok"}`},
		{"HEAD", livePath, 200, ``},
		{"POST", livePath, 405, `{"error":{"code":"method_not_allowed","message":"This path is only to be read."}}`},
		{"GET", readyPath, 200, `{"status":"ok","checks":{"deliveries":"ok","disk":"ok","write":"ok"}}`},
		{"POST", readyPath, 405, `{"error":{"code":"method_not_allowed","message":"This path is only to be read."}}`},
	} {
		if status, body := exchange(t, s.URL, c.method, c.path); status != c.status || body != c.body {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, status, body, c.status, c.body)
		}
	}
}

// Deliveries that are due while nothing is attempted make a server unready, and
// so does a store that takes no writes. An outcome holds for readyFor.
func TestNotReady(t *testing.T) {
	t.Parallel()
	clock := record.NewClock(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))
	store := openData(t, t.TempDir())
	d := &dispatcher{}
	d.attempted.Store(clock.Now().UnixMilli())
	r := newReadiness(store, d, t.TempDir(), clock.Now, discardLog())
	wants := func(when string, wantStatus int, wantBody string) {
		t.Helper()
		if status, body := ready(r); status != wantStatus || body != wantBody {
			t.Errorf("%s: %d %s, want %d %s", when, status, body, wantStatus, wantBody)
		}
	}
	const fine = `{"status":"ok","checks":{"deliveries":"ok","disk":"ok","write":"ok"}}`
	const late = `{"status":"unavailable","checks":{"deliveries":"due deliveries are not attempted","disk":"ok","write":"ok"}}`
	if _, err := store.AddDelivery(t.Context(), webhook.Delivery{
		Account: webhook.Account{API: "squake", ID: "acme"}, Event: "order", Status: webhook.StatusPending,
		Time: clock.Now(), AcceptedAt: clock.Now(), Next: clock.Now(), Due: clock.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	wants("just due", 200, fine)
	clock.Advance(overdueAfter + time.Second)
	wants("overdue", 503, late)
	d.attempted.Store(clock.Now().UnixMilli())
	wants("as before", 503, late)
	clock.Advance(readyFor)
	wants("others are attempted", 200, fine)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(readyFor)
	wants("closed", 503, `{"status":"unavailable","checks":{"deliveries":"ok","disk":"ok","write":"a write is not durable"}}`)
}

// A directory that cannot be asked is no directory with room.
func TestRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if room, known, err := roomAt(dir); err != nil || known && room == 0 {
		t.Errorf("%d bytes, %v, %v", room, known, err)
	}
	if room, known, _ := roomAt(dir + "/none"); known {
		t.Errorf("%d bytes in a directory that is not there", room)
	}
}
