package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A server serves the portal where browsers reach it safely, and nowhere else.
func TestPortalIsServed(t *testing.T) {
	for name, c := range map[string]struct {
		listen, url, cert string
		served            bool
		wrong             string
	}{
		"this machine":           {listen: "127.0.0.1:8080", served: true},
		"localhost":              {listen: "localhost:8080", served: true},
		"a network":              {listen: "0.0.0.0:8080"},
		"a network, named":       {listen: "hooks.internal:8080"},
		"a network, by TLS":      {listen: "0.0.0.0:8443", cert: "cert.pem", served: true},
		"behind a proxy":         {listen: "0.0.0.0:8080", url: "https://hooks.example.com", served: true},
		"behind a proxy by http": {listen: "127.0.0.1:8080", url: "http://hooks.example.com", wrong: "--portal-url"},
	} {
		serve := serveCommand{Listen: c.listen, PortalURL: c.url, TLS: tlsFlags{Cert: c.cert}}
		_, served, err := serve.portalSettings(testProgram(noSettings, io.Discard, io.Discard))
		if served != c.served || (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: served %t, %v", name, served, err)
		}
	}
}

// Without --portal-url the portal answers to this machine's names alone: another
// one came through a proxy, whose browsers need other cookies.
func TestPortalOfThisMachine(t *testing.T) {
	s := boot(t, t.TempDir())
	for host, page := range map[string]bool{"": true, "localhost:8080": true, "[::1]:8080": true, "127.0.0.1": true, "hooks.example.com": false, "10.1.2.3:8080": false} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/portal/webhooks", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusForbidden || strings.Contains(string(body), "<html") != page {
			t.Errorf("%q: %d, %v, want a page: %t\n%s", host, response.StatusCode, err, page, body)
		}
	}
}
