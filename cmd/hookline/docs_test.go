package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// fetched is an answer that was read.
type fetched struct {
	status int
	http.Header
	body string
}

func fetch(t *testing.T, method, url string) fetched {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := newClient(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fetched{response.StatusCode, response.Header, string(body)}
}

func TestDescriptionsAreServed(t *testing.T) {
	s := boot(t, t.TempDir())
	for name, description := range descriptions() {
		url := s.URL + "/openapi/" + string(name) + ".yaml"
		for _, method := range []string{"GET", "HEAD"} {
			got := fetch(t, method, url)
			if got.status != http.StatusOK || got.Get("Content-Type") != "application/yaml" {
				t.Errorf("%s %s: %d %s", method, url, got.status, got.Get("Content-Type"))
			}
			want := description
			if method == "HEAD" {
				want = ""
			} else if !strings.HasPrefix(want, "openapi: 3.1.0\n") {
				t.Errorf("%s has no description", name)
			}
			if got.body != want {
				t.Errorf("%s %s: %d bytes, want %d", method, url, len(got.body), len(want))
			}
		}
	}
}

func TestDocsRouting(t *testing.T) {
	s := boot(t, t.TempDir())
	for _, c := range []struct {
		method, path string
		want         int
		contentType  string
	}{
		{"GET", "/docs", 200, "text/html; charset=utf-8"},
		{"HEAD", "/docs", 200, "text/html; charset=utf-8"},
		{"GET", "/docs/", 200, "text/html; charset=utf-8"},
		{"GET", "/docs/page.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/docs/page.css", 200, "text/css; charset=utf-8"},
		{"GET", "/docs/icon.svg", 200, "image/svg+xml"},
		{"GET", "/docs/operator", 200, "text/html; charset=utf-8"},
		{"HEAD", "/docs/squake", 200, "text/html; charset=utf-8"},
		{"POST", "/docs", 405, "application/json"},
		{"DELETE", "/openapi/squake.yaml", 405, "application/json"},
		{"OPTIONS", "/docs/page.css", 405, "application/json"},
		{"GET", "/openapi", 404, "application/json"},
		{"GET", "/openapi/", 404, "application/json"},
		{"GET", "/openapi/nothing.yaml", 404, "application/json"},
		{"GET", "/openapi/squake.yaml/", 404, "application/json"},
		{"GET", "/docs/page.html", 404, "application/json"},
		{"GET", "/docs/squake/", 404, "application/json"},
		{"GET", "/docs/..%2fpage.js", 404, "application/json"},
	} {
		got := fetch(t, c.method, s.URL+c.path)
		if got.status != c.want || got.Get("Content-Type") != c.contentType {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, got.status, got.Get("Content-Type"), c.want, c.contentType)
		}
		if (got.body == "") != (c.method == "HEAD") {
			t.Errorf("%s %s: a body of %d bytes", c.method, c.path, len(got.body))
		}
		if allow := got.Get("Allow"); (c.want == 405) != (allow == "GET, HEAD") {
			t.Errorf("%s %s: Allow %q", c.method, c.path, allow)
		}
		if policy := got.Get("Content-Security-Policy"); c.want == 200 && !strings.HasPrefix(policy, "default-src 'none';") {
			t.Errorf("%s %s: Content-Security-Policy %q", c.method, c.path, policy)
		}
	}
}
