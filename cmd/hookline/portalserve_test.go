package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// A server serves the portal where browsers reach it safely, and nowhere else.
func TestPortalIsServed(t *testing.T) {
	t.Parallel()
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
// one came through a proxy, whose browsers need other cookies. Who opens the
// server in a browser finds the way there.
func TestPortalOfThisMachine(t *testing.T) {
	t.Parallel()
	s := boot(t, t.TempDir())
	if first := fetch(t, http.MethodGet, s.URL+"/"); !strings.Contains(first.body, `href="/portal"`) {
		t.Errorf("/ leads to %.300s", first.body)
	}
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

// The links that serve --dev and portal open print lead to the operator's pages
// and from there into an account's; a customer's link does not.
func TestOperatorsPagesAreServed(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	printed := strings.TrimSpace(where.run(t, "portal", "open", "--operator"))
	for link, home := range map[string]string{s.Operator: "/portal/operator/accounts", printed: "/portal/operator/accounts", s.Demo[0].Portal: "/portal/webhooks"} {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar}
		at, err := url.Parse(link)
		if err != nil || !strings.HasPrefix(link, s.URL+"/portal/") {
			t.Fatalf("link %q, %v", link, err)
		}
		send := func(path string, form url.Values) (page, landed string) {
			response, err := client.PostForm(s.URL+path, form)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d, %v\n%s", path, response.StatusCode, err, text)
			}
			return string(text), response.Request.URL.Path
		}
		page, landed := send(at.Path, url.Values{"link": {at.Query().Get("link")}})
		if landed != home {
			t.Errorf("%s leads to %s, want %s", link, landed, home)
		}
		if home == "/portal/webhooks" {
			continue
		}
		_, token, _ := strings.Cut(page, `name="form_token" value="`)
		token, _, _ = strings.Cut(token, `"`)
		page, landed = send(home+"/"+s.Demo[0].Account+"/enter", url.Values{"form_token": {token}})
		if landed != "/portal/webhooks" || !strings.Contains(page, s.Demo[0].Account) {
			t.Errorf("entered %s at %s:\n%s", s.Demo[0].Account, landed, page)
		}
	}
}
