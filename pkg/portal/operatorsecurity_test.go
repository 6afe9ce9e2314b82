package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// operatorChanges are all requests to the operator's pages that change something,
// for Squake's account and a token of it.
func operatorChanges() map[string]url.Values {
	const account = "/portal/operator/accounts/squake:acme"
	return map[string]url.Values{
		"/portal/operator/accounts":          {"api": {"squake"}, "id": {"new"}},
		account + "/tokens":                  {},
		account + "/tokens/the-token/revoke": {},
		account + "/links":                   {},
		account + "/links/end":               {},
		account + "/enter":                   {},
	}
}

// operatorState describes all that these would change, but for new links and
// sessions, which no store lists.
func (e *env) operatorState(t *testing.T) string {
	t.Helper()
	accounts, err := e.store.Accounts(t.Context(), "squake")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := e.store.Tokens(t.Context(), squakeAccount)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(accounts, tokens)
}

// sessions returns the secrets of a reader's sessions, by the cookie's name.
func (r *reader) sessions() map[string]string {
	found := map[string]string{}
	for _, c := range r.client.Jar.Cookies(mustParse(r.env.URL)) {
		found[c.Name] = c.Value
	}
	return found
}

// put gives a reader a cookie.
func (r *reader) put(name, value string) {
	r.client.Jar.SetCookies(mustParse(r.env.URL), []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// TestForgedByTheOperator: on the operator's pages nothing is changed by GET or
// HEAD, without the form's token, with that of another session, from another
// origin, without the right, without a session, or with a customer's.
func TestForgedByTheOperator(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	stored := webhook.Token{ID: "the-token", Account: squakeAccount, Hash: webhook.HashToken("x"), Rights: webhook.AllRights, CreatedAt: time.Now()}
	if err := e.store.CreateToken(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	tokenOf := func(r *reader) string { return between(r.page, `name="form_token" value="`, `"`) }
	r, other, reading := e.enter(t, operator, webhook.AllRights), e.enter(t, operator, webhook.AllRights), e.enter(t, operator, webhook.Read)
	customer, dressed := e.enter(t, squakeAccount, webhook.AllRights), e.enter(t, squakeAccount, webhook.AllRights)
	dressed.put("hookline-operator", dressed.sessions()["hookline"])
	unknown, expired := e.newReader(t), e.newReader(t)
	unknown.put("hookline-operator", r.sessions()["hookline-operator"]+"x")
	over := ".hk_" + strings.Repeat("e", 43)
	if err := e.store.AddPortalSession(t.Context(), webhook.PortalPass{Hash: webhook.HashToken(over), Rights: webhook.AllRights, ExpiresAt: time.Now().Add(-time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	expired.put("hookline-operator", over)
	before := e.operatorState(t)
	for _, tt := range []struct {
		name, method string
		reader       *reader
		token        string
		header       http.Header
		want         int
	}{
		{"GET", http.MethodGet, r, tokenOf(r), nil, 0},
		{"HEAD", http.MethodHead, r, tokenOf(r), nil, 0},
		{"PUT", http.MethodPut, r, tokenOf(r), nil, 404},
		{"no token", http.MethodPost, r, "", nil, 403},
		{"another's token", http.MethodPost, r, tokenOf(other), nil, 403},
		{"no session", http.MethodPost, e.newReader(t), tokenOf(r), nil, 403},
		{"an unknown session", http.MethodPost, unknown, tokenOf(r), nil, 403},
		{"an expired session", http.MethodPost, expired, tokenOf(r), nil, 403},
		{"a customer", http.MethodPost, customer, tokenOf(customer), nil, 403},
		{"a customer as the operator", http.MethodPost, dressed, tokenOf(dressed), nil, 403},
		{"may read", http.MethodPost, reading, tokenOf(reading), nil, 403},
		{"foreign origin", http.MethodPost, r, tokenOf(r), http.Header{"Origin": {"https://evil.example"}}, 403},
		{"null origin", http.MethodPost, r, tokenOf(r), http.Header{"Origin": {"null"}}, 403},
		{"cross-site", http.MethodPost, r, tokenOf(r), http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
	} {
		for path, form := range operatorChanges() {
			if tt.name == "may read" && strings.HasSuffix(path, "/enter") {
				continue // to see: TestOperatorMayRead
			}
			former := tt.reader.sessions()["hookline"]
			form.Set("form_token", tt.token)
			tt.reader.extra = tt.header
			tt.reader.do(tt.method, path, form)
			tt.reader.extra = nil
			if tt.want != 0 && tt.reader.status != tt.want || strings.Contains(tt.reader.page, "hk_") {
				t.Errorf("%s %s: status %d, want %d\n%s", tt.name, path, tt.reader.status, tt.want, tt.reader.page)
			}
			if after := e.operatorState(t); after != before {
				t.Fatalf("%s %s changed %s to %s", tt.name, path, before, after)
			}
			if tt.reader.sessions()["hookline"] != former {
				t.Fatalf("%s %s entered an account", tt.name, path)
			}
		}
	}
	r.get("/portal/operator/accounts")
	token := tokenOf(r)
	for path, form := range operatorChanges() { // by who may, the same changes all of it
		form.Set("form_token", token)
		r.do(http.MethodPost, path, form)
		r.shows(200)
	}
	if after := e.operatorState(t); after == before {
		t.Error("the requests that are refused would change nothing")
	}
}

// TestOperatorMayRead: an operator's session that may only see makes nothing, and
// enters accounts to see them.
func TestOperatorMayRead(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.enter(t, operator, webhook.Read)
	for _, path := range []string{"/portal/operator/accounts", "/portal/operator/accounts?id=nobody", "/portal/operator/accounts/squake:acme"} {
		r.get(path)
		for _, offered := range []string{"Create a", "Create it", "Make a", "End all", "Revoke"} {
			if strings.Contains(r.page, offered) {
				t.Errorf("%s offers to %s:\n%s", path, offered, r.page)
			}
		}
	}
	for _, path := range []string{"/new", "/squake:acme/tokens/new", "/squake:acme/links/new"} {
		r.get("/portal/operator/accounts" + path)
		r.shows(403, "may see and not change")
	}
	r.get("/portal/operator/accounts/squake:acme")
	r.post("/portal/operator/accounts/squake:acme/enter")
	r.shows(200, "squake:acme", "read only", "All accounts")
	r.get("/portal/webhooks/new")
	r.shows(403)
}

// TestSessionsAreApart: a customer's link and session are of no use on the
// operator's pages, nor the operator's on those of accounts, whichever cookie
// they come in; an account's session that the operator began is no operator's.
func TestSessionsAreApart(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	customer, own := e.enter(t, squakeAccount, webhook.AllRights).sessions()["hookline"], e.enter(t, operator, webhook.AllRights)
	operators := own.sessions()["hookline-operator"]
	own.get("/portal/operator/accounts/squake:acme")
	own.post("/portal/operator/accounts/squake:acme/enter")
	entered := own.sessions()["hookline"]
	if entered == "" || entered == customer || own.sessions()["hookline-operator"] != operators {
		t.Fatalf("sessions %v", own.sessions())
	}
	r := e.newReader(t)
	for _, tt := range []struct {
		path, cookie, secret string
		want                 int
	}{
		{"/portal/webhooks", "hookline", customer, 200}, {"/portal/webhooks", "hookline", entered, 200}, {"/portal/webhooks", "hookline", operators, 403},
		{"/portal/operator/accounts", "hookline-operator", customer, 403}, {"/portal/operator/accounts", "hookline-operator", entered, 403},
		{"/portal/operator/accounts", "hookline-operator", operators, 200},
	} {
		r.put("hookline", "")
		r.put("hookline-operator", "")
		r.put(tt.cookie, tt.secret)
		if r.get(tt.path); r.status != tt.want {
			t.Errorf("%s with %s=%.16s: status %d, want %d", tt.path, tt.cookie, tt.secret, r.status, tt.want)
		}
	}
	r.put("hookline", "")
	r.put("hookline-operator", "")
	for _, tt := range []struct {
		enter string
		of    webhook.Account
	}{{"/portal/enter", operator}, {"/portal/operator/enter", squakeAccount}} {
		link := e.ways.open(t, tt.of, webhook.AllRights)
		r.get(tt.enter + "?link=" + link)
		r.shows(403, "This link is no longer good")
		r.post(tt.enter, "link", link)
		r.shows(403, "This link is no longer good")
		if len(r.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s sets a cookie for the link of %v", tt.enter, tt.of)
		}
	}
	link := e.ways.open(t, operator, webhook.AllRights)
	for i, want := range []int{200, 403} {
		r.get("/portal/operator/enter?link=" + link)
		r.shows(want)
		if r.post("/portal/operator/enter", "link", link); r.status != want {
			t.Errorf("entering for the %d. time: %d", i+1, r.status)
		}
	}
	own.get("/portal/operator/accounts/shoptet:315185-myaddon")
	own.post("/portal/operator/accounts/shoptet:315185-myaddon/enter")
	if _, err := e.ways.Session(t.Context(), webhook.NewSecret(entered)); err == nil {
		t.Error("the account's former session goes on")
	}
	if err := e.ways.End(t.Context(), operator); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/portal/operator/accounts", "/portal/webhooks"} {
		own.get(path)
		own.shows(403, "You are not in the portal")
	}
}

// TestHostileOperator: what is in the address or in the form is shown as text,
// and leads nowhere.
func TestHostileOperator(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.enter(t, operator, webhook.AllRights)
	check := func() {
		t.Helper()
		if found := obeyed(t, r.page); len(found) > 0 || r.status >= 500 {
			t.Errorf("%s: %d, %q", r.path, r.status, found)
		}
	}
	for _, text := range append(hostile, "..", ".", "squake:", ":", "squake:../other", "shoptet:x", "operator:local", "fourth:1", "squake:acme\x00", "squake:acme%2f..", strings.Repeat("a", 3000)) {
		quoted := url.PathEscape(text)
		if text == ".." || text == "." {
			quoted = strings.ReplaceAll(text, ".", "%2e")
		}
		for _, path := range []string{quoted, quoted + "/tokens/new", quoted + "/links/new", quoted + "/links/end", "squake:acme/tokens/" + quoted + "/revoke"} {
			r.get("/portal/operator/accounts/" + path)
			if check(); r.status == 200 && !strings.HasSuffix(r.path, "/portal/operator/accounts") {
				t.Errorf("%s: %d\n%s", r.path, r.status, r.page)
			}
			r.get("/portal/operator/accounts")
			r.post("/portal/operator/accounts/" + path)
			check()
		}
		q := url.QueryEscape(text)
		for _, path := range []string{"accounts?api=" + q, "accounts?id=" + q, "accounts?api=squake&after=" + q, "accounts/new?api=" + q + "&id=" + q, "failing?api=" + q, "failing?after=" + q, "accounts/squake:acme?page=" + q + "&done=" + q, "enter?link=" + q, quoted} {
			r.get("/portal/operator/" + path)
			check()
		}
		r.get("/portal/operator/accounts/new")
		r.post("/portal/operator/accounts", "api", text, "id", text)
		check()
		for _, path := range []string{"/tokens", "/links"} {
			r.get("/portal/operator/accounts/squake:acme" + path + "/new")
			r.post("/portal/operator/accounts/squake:acme"+path, "rights", text, "lasts", text)
			r.shows(422)
			check()
		}
	}
	w := webhook.Webhook{Account: squakeAccount, Event: hostile[0], ID: "1", RequestID: "1", URL: "https://example.com/" + hostile[1], Version: 1, CreatedAt: time.Now().UTC().Truncate(time.Millisecond), Disabled: true, DisabledReason: hostile[2], DisabledAt: time.Now().UTC().Truncate(time.Millisecond)}
	if _, err := e.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
		t.Fatal(err)
	}
	r.get("/portal/operator/failing")
	r.shows(200, "hostile")
	check()
}

// TestOperatorPagesStaySmall: they have less than 60 KB where all that they show
// is as long as it may be, and read the store at most three times.
func TestOperatorPagesStaySmall(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	id := func(i int) string { return strings.Repeat("a", 61) + fmt.Sprint(100+i) }
	account := webhook.Account{API: "abbeycross", ID: id(0)}
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i := range 60 {
		a := webhook.Account{API: "abbeycross", ID: id(i)}
		if err := e.store.CreateAccount(t.Context(), webhook.AccountInfo{Account: a, CreatedAt: now}); err != nil {
			t.Fatal(err)
		}
		if err := e.store.CreateToken(t.Context(), webhook.Token{ID: "0199a0b0-0000-7000-8000-0000000000" + fmt.Sprint(10+i), Account: account, Hash: webhook.HashToken(fmt.Sprint(i)), Rights: webhook.AllRights, CreatedAt: now, ExpiresAt: now}); err != nil {
			t.Fatal(err)
		}
		w := webhook.Webhook{Account: a, Event: strings.Repeat("e", 126) + fmt.Sprint(10+i), ID: "1", RequestID: "1", URL: "https://example.com/" + strings.Repeat("'", 1900), Version: 1, CreatedAt: now, Disabled: true, DisabledReason: "answered 410", DisabledAt: now}
		if _, err := e.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
			t.Fatal(err)
		}
	}
	r := e.enter(t, operator, webhook.AllRights)
	page := "/portal/operator/accounts/" + account.String()
	for _, path := range []string{"/portal/operator/accounts?api=abbeycross", "/portal/operator/accounts/new", page, page + "?page=1", page + "/tokens/new", page + "/links/new", page + "/links/end", "/portal/operator/failing?api=abbeycross"} {
		e.reads.Store(0)
		r.get(path)
		r.shows(200)
		if n := e.reads.Load(); n > 3 || n == 0 && path == page {
			t.Errorf("%s reads the store %d times, want at most 3", path, n)
		}
		if len(r.page) > 60_000 {
			t.Errorf("%s has %d bytes", path, len(r.page))
		}
	}
}
