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
	t.Parallel()
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
