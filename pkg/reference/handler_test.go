package reference_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/reference"
)

// newHandler serves descriptions and logs to a buffer.
func newHandler(list []reference.Description) (*reference.Handler, *bytes.Buffer) {
	var log bytes.Buffer
	return reference.New(list, "", api.NotFound(api.Setup{
		Keys: keygen.New(rand.Reader, time.Now), Now: time.Now, Log: slog.New(slog.NewJSONHandler(&log, nil)),
	})), &log
}

// ask sends a request with a header line, unless that is empty.
func ask(t *testing.T, h http.Handler, method, path, line string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if name, value, ok := strings.Cut(line, ": "); ok {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRouting(t *testing.T) {
	h, _ := newHandler(reference.All())
	const html, plain = "text/html; charset=utf-8", "application/json"
	for _, tt := range []struct {
		method, path string
		want         int
		contentType  string
	}{
		{"GET", "/docs", 200, html},
		{"HEAD", "/docs", 200, html},
		{"GET", "/docs/", 200, html},
		{"GET", "/docs/page.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/docs/page.css", 200, "text/css; charset=utf-8"},
		{"GET", "/docs/icon.svg", 200, "image/svg+xml"},
		{"GET", "/docs/operator", 200, html},
		{"HEAD", "/docs/squake", 200, html},
		{"GET", "/openapi/squake.yaml", 200, "application/yaml"},
		{"POST", "/docs", 405, plain},
		{"DELETE", "/openapi/squake.yaml", 405, plain},
		{"OPTIONS", "/docs/page.css", 405, plain},
		{"GET", "/openapi", 404, plain},
		{"GET", "/openapi/", 404, plain},
		{"GET", "/openapi/nothing.yaml", 404, plain},
		{"GET", "/openapi/squake.yaml/", 404, plain},
		{"GET", "/docs/page.html", 404, plain},
		{"GET", "/docs/squake/", 404, plain},
		{"GET", "/docs/..%2fpage.js", 404, plain},
	} {
		got := ask(t, h, tt.method, tt.path, "")
		name, header := tt.method+" "+tt.path, got.Header()
		if got.Code != tt.want || header.Get("Content-Type") != tt.contentType || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v, want %d %s", name, got.Code, header, tt.want, tt.contentType)
		}
		if (got.Body.Len() == 0) != (tt.method == "HEAD") {
			t.Errorf("%s: a body of %d bytes", name, got.Body.Len())
		}
		if allow := header.Get("Allow"); (tt.want == 405) != (allow == "GET, HEAD") {
			t.Errorf("%s: Allow %q", name, allow)
		}
		if tt.want != 200 {
			continue
		}
		if !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none';") || header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %v", name, header)
		}
		if again := ask(t, h, tt.method, tt.path, "If-None-Match: "+header.Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s: %d for what the client has", name, again.Code)
		}
	}
}

// A description that is broken costs no other file than the pages, and the log
// says what is wrong with it.
func TestBrokenDescription(t *testing.T) {
	h, log := newHandler([]reference.Description{{Name: "broken", Text: "a: ["}})
	if err := h.Render(); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("rendered: %v", err)
	}
	for path, want := range map[string]int{"/docs": 500, "/docs/page.css": 500, "/openapi/broken.yaml": 200} {
		if got := ask(t, h, "GET", path, "").Code; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	if !strings.Contains(log.String(), "description of broken") {
		t.Errorf("logged %s", log)
	}
}
