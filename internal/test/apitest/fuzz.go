package apitest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hookline/hookline/pkg/api"
)

// Check holds an answer to a request's body against the contract: its shape
// for its status and, for a 201, that the body is one to accept.
type Check func(t *testing.T, body []byte, response *http.Response, responseBody []byte)

// Fuzz sends bodies to an API's registration path, with a good token and a
// fresh store each. A panic and any other fault of our own fail; the rest is
// up to check. The seeds are the bodies of the golden exchanges, beside those
// in testdata/fuzz.
func Fuzz(f *testing.F, api api.API, check Check) {
	f.Helper()
	for _, body := range goldenBodies(f) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		fixture := NewFixture(t, api, nil, nil)
		r := httptest.NewRequest(http.MethodPost, api.Example.Path, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		name, scheme, _ := strings.Cut(api.Example.TokenHeader, ": ")
		r.Header.Set(name, scheme+fixture.Tokens["token"])
		w := httptest.NewRecorder()
		fixture.Handler(t, api).ServeHTTP(w, r)
		response := w.Result()
		if response.StatusCode >= http.StatusInternalServerError {
			t.Fatalf("status %d for %q", response.StatusCode, body)
		}
		check(t, body, response, w.Body.Bytes())
	})
}

// goldenBodies are the bodies of all requests in testdata/*.txtar.
func goldenBodies(tb testing.TB) [][]byte {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no golden exchanges in testdata: %v", err)
	}
	var bodies [][]byte
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		for i := 0; i < len(archive.Files); i += 2 {
			if _, body, ok := strings.Cut(string(archive.Files[i].Data), "\n\n"); ok {
				bodies = append(bodies, []byte(strings.TrimSuffix(body, "\n")))
			}
		}
	}
	return bodies
}

// PlausibleURL checks a URL by the standard library alone: what it refuses,
// no API may have accepted.
func PlausibleURL(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return false
	}
	if utf8.RuneCountInString(raw) > 2000 || strings.ContainsAny(raw, " \t\r\n\\#") {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err != nil || addr.Zone() == "" && addr.IsGlobalUnicast() && !addr.IsPrivate() && !addr.IsLoopback()
}
