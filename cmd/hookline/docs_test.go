package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fetch gives an answer and its body.
func fetch(t *testing.T, method, url string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := newClient(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestDescriptionsAreServed(t *testing.T) {
	s := boot(t, t.TempDir())
	for _, api := range dialects() {
		url := s.URL + "/openapi/" + string(api.Name) + ".yaml"
		for _, method := range []string{"GET", "HEAD"} {
			answer, body := fetch(t, method, url)
			if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "application/yaml" {
				t.Errorf("%s %s: %d %s", method, url, answer.StatusCode, answer.Header.Get("Content-Type"))
			}
			want := descriptions()[api.Name]
			if method == "HEAD" {
				want = ""
			} else if !strings.HasPrefix(want, "openapi: 3.1.0\n") {
				t.Errorf("%s has no description", api.Name)
			}
			if body != want {
				t.Errorf("%s %s: %d bytes, want %d", method, url, len(body), len(want))
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
		{"GET", "/docs/swagger-ui-bundle.js", 200, "application/javascript"},
		{"GET", "/docs/swagger-ui.css", 200, "text/css; charset=utf-8"},
		{"GET", "/docs/favicon-32x32.png", 200, "image/png"},
		{"HEAD", "/docs/swagger-ui.css", 200, "text/css; charset=utf-8"},
		{"POST", "/docs", 405, "application/json"},
		{"DELETE", "/openapi/squake.yaml", 405, "application/json"},
		{"OPTIONS", "/docs/swagger-ui.css", 405, "application/json"},
		{"GET", "/openapi", 404, "application/json"},
		{"GET", "/openapi/", 404, "application/json"},
		{"GET", "/openapi/nothing.yaml", 404, "application/json"},
		{"GET", "/openapi/squake.yaml/", 404, "application/json"},
		{"GET", "/docs/page.html", 404, "application/json"},
		{"GET", "/docs/oauth2-redirect.html", 404, "application/json"},
		{"GET", "/docs/..%2fpage.js", 404, "application/json"},
	} {
		answer, body := fetch(t, c.method, s.URL+c.path)
		if answer.StatusCode != c.want || answer.Header.Get("Content-Type") != c.contentType {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, answer.StatusCode, answer.Header.Get("Content-Type"), c.want, c.contentType)
		}
		if (body == "") != (c.method == "HEAD") {
			t.Errorf("%s %s: a body of %d bytes", c.method, c.path, len(body))
		}
		if allow := answer.Header.Get("Allow"); (c.want == 405) != (allow == "GET, HEAD") {
			t.Errorf("%s %s: Allow %q", c.method, c.path, allow)
		}
		if c.want == 200 && !strings.HasPrefix(answer.Header.Get("Content-Security-Policy"), "default-src 'self';") {
			t.Errorf("%s %s: Content-Security-Policy %q", c.method, c.path, answer.Header.Get("Content-Security-Policy"))
		}
	}
}

// The page and what is ours in it name no other host.
func TestDocsNameNoOtherHost(t *testing.T) {
	s := boot(t, t.TempDir())
	elsewhere := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]`)
	if !elsewhere.MatchString(`<script src="//cdn.example/x.js">`) {
		t.Fatal("the pattern finds nothing")
	}
	for _, path := range []string{"/docs", "/docs/page.css", "/docs/page.js"} {
		if _, body := fetch(t, "GET", s.URL+path); elsewhere.MatchString(body) {
			t.Errorf("%s names %s", path, elsewhere.FindString(body))
		}
	}
}

// The functions do not carry the descriptions, which only this program shows.
func TestFunctionsCarryNoDescription(t *testing.T) {
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s", "-tags=lambda.norpc", "-o", dir+string(filepath.Separator), "../../functions/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	holds := func(program string) bool {
		t.Helper()
		content, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(content, []byte("\n  title: Squake webhooks\n")) ||
			bytes.Contains(content, []byte("\n  title: Shoptet webhooks\n")) ||
			bytes.Contains(content, []byte("\n  title: AbbeyCross webhooks\n"))
	}
	programs, err := filepath.Glob(filepath.Join(dir, "*-*"))
	if err != nil || len(programs) < len(dialects()) {
		t.Fatalf("built %q, %v", programs, err)
	}
	for _, program := range programs {
		if holds(program) {
			t.Errorf("%s carries a description", filepath.Base(program))
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !holds(self) {
		t.Error("this program shows descriptions, and none was found in it")
	}
}
