package main

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	everyRight = webhook.AllRights | webhook.Publish
	// passes stands for every status that is no refusal of the token.
	passes = 0
	// ownersHost is in the URL of the owner's webhook only.
	ownersHost = "owner.example"
)

// guarded is an API whose routes ask for a token.
type guarded struct {
	api.API
	store  store.Store
	routes []api.Route
	owner  webhook.Account
	// token is the owner's, and id that of its webhook.
	token, id string
	tokens    map[string]string // the others
}

// credential is how a request identifies itself, and what it gets.
type credential struct {
	name   string
	header http.Header
	query  string
	// rights are what it has, 0 for none.
	rights webhook.Rights
	// stranger is a good token of an account without the webhook.
	stranger bool
}

// TestAuthorisation sends every kind of credential to every route of every API,
// the operator's included. The routes are those of the running server.
func TestAuthorisation(t *testing.T) {
	t.Parallel()
	p := testProgram(noSettings, io.Discard, io.Discard)
	p.flags = &globals{Data: t.TempDir()}
	server, err := (&serveCommand{Listen: "127.0.0.1:0"}).boot(t.Context(), p, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	handler := server.router
	apis := append(all.APIs(), api.API{
		Name: operator.Name, Prefix: operator.Prefix, Rights: true,
		Example: api.Example{TokenHeader: "Authorization: Bearer ", Body: `{"events":[]}`},
	})
	routes := make([][]api.Route, len(apis))
	for prefix, h := range handler.apis {
		table, ok := h.(interface{ Routes() []api.Route })
		if !ok {
			continue // the documentation
		}
		if prefix == operator.Path {
			prefix = operator.Prefix
		}
		at := slices.IndexFunc(apis, func(a api.API) bool { return a.Prefix == prefix })
		if at < 0 {
			t.Fatalf("%s is of no API of this test", prefix)
		}
		routes[at] = append(routes[at], table.Routes()...)
	}
	var list []*guarded
	for i, a := range apis {
		if len(routes[i]) == 0 {
			t.Fatalf("%s has no routes", a.Name)
		}
		list = append(list, newGuarded(t, p, handler, server.store, a, routes[i]))
	}
	checks := 0
	for _, g := range list {
		before := g.webhooks(t)
		for _, c := range g.credentials(list) {
			for _, route := range g.routes {
				g.check(t, handler, route, c)
				checks++
			}
		}
		if diff := cmp.Diff(before, g.webhooks(t)); diff != "" {
			t.Errorf("%s: the owner's webhooks are other ones:\n%s", g.Name, diff)
		}
	}
	if checks < 500 {
		t.Errorf("%d checks: routes or credentials are missing", checks)
	}
	t.Logf("%d checks", checks)
}

// newGuarded gives an API accounts and tokens, and its owner a webhook.
func newGuarded(t *testing.T, p *program, handler http.Handler, s store.Store, a api.API, routes []api.Route) *guarded {
	t.Helper()
	g := &guarded{API: a, store: s, routes: routes, owner: webhook.Account{API: a.Name, ID: "1001"}, tokens: map[string]string{}}
	for _, route := range routes {
		if route.Method == http.MethodGet {
			route.Method = http.MethodHead
			g.routes = append(g.routes, route)
		}
	}
	mint := func(account webhook.Account, rights webhook.Rights, expires time.Time) string {
		if err := ensureAccount(t.Context(), s, account, p.now()); err != nil {
			t.Fatal(err)
		}
		token, err := p.keys.Token()
		if err != nil {
			t.Fatal(err)
		}
		id, err := p.keys.UUID()
		if err != nil {
			t.Fatal(err)
		}
		record := webhook.Token{ID: id, Account: account, Hash: webhook.HashToken(token.Reveal()), Rights: rights, CreatedAt: p.now(), ExpiresAt: expires}
		if err := s.CreateToken(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		return token.Reveal()
	}
	closing := webhook.Account{API: a.Name, ID: "1003"}
	g.token = mint(g.owner, everyRight, time.Time{})
	g.tokens["stranger"] = mint(webhook.Account{API: a.Name, ID: "1002"}, everyRight, time.Time{})
	g.tokens["closing"] = mint(closing, everyRight, time.Time{})
	g.tokens["expired"] = mint(g.owner, everyRight, p.now().Add(-time.Second))
	g.tokens["revoked"] = mint(g.owner, everyRight, time.Time{})
	g.tokens["read"] = mint(g.owner, webhook.Read, time.Time{})
	g.tokens["write"] = mint(g.owner, webhook.Write, time.Time{})
	g.revoke(t, g.tokens["revoked"])
	interrupted := errors.New("interrupted")
	if _, err := registry.DeleteAccount(t.Context(), s, closing, time.Now(), func(context.Context, time.Duration) error { return interrupted }); !errors.Is(err, interrupted) {
		t.Fatal(err)
	}
	if a.Example.Path != "" {
		g.Example.Body = strings.ReplaceAll(a.Example.Body, api.ExampleReceiver, "https://"+ownersHost)
		w := g.send(t, handler, http.MethodPost, a.Example.Path, g.sent(g.token))
		g.Example.Body = a.Example.Body
		if w.Code != http.StatusCreated {
			t.Fatalf("%s: registering: %d %s", a.Name, w.Code, w.Body)
		}
		g.id = g.webhooks(t)[0].ID
	}
	return g
}

func (g *guarded) revoke(t *testing.T, token string) {
	t.Helper()
	record, err := g.store.Token(t.Context(), webhook.HashToken(token))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.store.RevokeToken(t.Context(), record.Account, record.ID); err != nil {
		t.Fatal(err)
	}
}

func (g *guarded) webhooks(t *testing.T) []webhook.Webhook {
	t.Helper()
	list, err := g.store.Webhooks(t.Context(), g.owner)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// sent gives the header that carries tokens as the API wants one.
func (g *guarded) sent(tokens ...string) http.Header {
	name, scheme, _ := strings.Cut(g.Example.TokenHeader, ": ")
	header := http.Header{}
	for _, token := range tokens {
		header.Add(name, scheme+token)
	}
	return header
}

// credentials are those that every route of an API gets.
func (g *guarded) credentials(list []*guarded) []credential {
	token := g.token
	unknown := "hk_" + strings.Repeat("A", len(token)-len("hk_"))
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(token+":"))
	name, _, _ := strings.Cut(g.Example.TokenHeader, ": ")
	elsewhere := http.Header{"Shoptet-Access-Token": {token}}
	if name != "Authorization" {
		elsewhere = http.Header{"Authorization": {"Bearer " + token}}
	}
	all := []credential{
		{name: "none"},
		{name: "empty", header: http.Header{name: {""}}},
		{name: "no token", header: g.sent("")},
		{name: "garbage", header: g.sent("garbage")},
		{name: "unknown", header: g.sent(unknown)},
		{name: "cut off", header: g.sent(token[:len(token)-1])},
		{name: "longer", header: g.sent(token + "A")},
		{name: "upper case", header: g.sent(strings.ToUpper(token))},
		{name: "another scheme", header: http.Header{name: {basic}}},
		{name: "twice", header: g.sent(token, token)},
		{name: "two in a line", header: g.sent(token + ", " + token)},
		{name: "in another header", header: elsewhere},
		{name: "in a cookie", header: http.Header{"Cookie": {"access_token=" + token}}},
		{name: "in the query", query: "?access_token=" + token},
		{name: "expired", header: g.sent(g.tokens["expired"])},
		{name: "revoked", header: g.sent(g.tokens["revoked"])},
		{name: "of a closing account", header: g.sent(g.tokens["closing"])},
		{name: "to read", header: g.sent(g.tokens["read"]), rights: webhook.Read},
		{name: "to write", header: g.sent(g.tokens["write"]), rights: webhook.Write},
		{name: "of another account", header: g.sent(g.tokens["stranger"]), rights: everyRight, stranger: true},
		{name: "good", header: g.sent(token), rights: everyRight},
	}
	for _, other := range list {
		if other != g {
			all = append(all, credential{name: "of " + string(other.Name), header: g.sent(other.token)})
		}
	}
	return all
}

// check sends one credential to a route. With what is accepted it names a
// webhook that does not exist, unless it only reads.
func (g *guarded) check(t *testing.T, handler http.Handler, route api.Route, c credential) {
	t.Helper()
	reads := route.Right == webhook.Read
	id, byID := g.id, strings.Contains(route.Path, "{id}")
	if id == "" { // the operator's tokens have no webhooks
		id, byID = "1", false
	}
	want := http.StatusUnauthorized
	switch {
	case c.stranger && byID:
		want = http.StatusNotFound
	case c.rights.Has(route.Right) && byID && reads:
		want = http.StatusOK
	case c.rights.Has(route.Right):
		want, id = passes, "1"
	case c.rights != 0 && g.Rights:
		want = http.StatusForbidden
	}
	path := strings.NewReplacer("{id}", id, "{account}", "squake:none").Replace(route.Path)
	w := g.send(t, handler, route.Method, path+c.query, c.header)
	refused := w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden
	if want == passes && (refused || w.Code >= http.StatusInternalServerError) || want != passes && w.Code != want {
		t.Errorf("%s %s with a token %s: status %d, want %d: %s", route.Method, route.Path, c.name, w.Code, want, w.Body)
	}
	if text := w.Body.String(); strings.Contains(text, g.token) || (c.stranger || c.rights == 0) && strings.Contains(text, ownersHost) {
		t.Errorf("%s %s with a token %s: shows %s", route.Method, route.Path, c.name, text)
	}
}

func (g *guarded) send(t *testing.T, handler http.Handler, method, target string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	body := g.Example.Body
	if method == http.MethodPatch { // Shoptet's change takes other fields than its registration
		body = `{"data":{"url":"` + api.ExampleReceiver + `/"}}`
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for name, lines := range header {
		r.Header[http.CanonicalHeaderKey(name)] = lines
	}
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}
