package portal_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/record"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/portal"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// changes are all requests that change something, for a webhook and a delivery.
func changes(hook, delivery string) map[string]url.Values {
	since := time.Now().UTC().Add(-time.Hour).Format("2006-01-02T15:04")
	return map[string]url.Values{
		"/portal/webhooks":                      {"event": {"certificate_document_available"}, "url": {"https://example.com/new"}},
		"/portal/webhooks/" + hook:              {"event": {"order"}, "url": {"https://example.com/changed"}},
		"/portal/webhooks/" + hook + "/delete":  {},
		"/portal/webhooks/" + hook + "/disable": {},
		"/portal/webhooks/" + hook + "/key":     {},
		"/portal/deliveries/" + delivery:        {},
		"/portal/recover":                       {"since": {since}, "as_of": {time.Now().UTC().Format(time.RFC3339Nano)}},
		"/portal/key":                           {},
	}
}

// failed registers a webhook and gives it a delivery that failed for good.
func (e *env) failed(t *testing.T, r *reader) (hook, delivery string) {
	t.Helper()
	r.get("/portal/webhooks/new")
	r.post("/portal/webhooks", "event", "order", "url", e.receiver.URL)
	list, err := e.store.Webhooks(t.Context(), squakeAccount)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d webhooks, %v\n%s", len(list), err, r.page)
	}
	return list[0].ID, e.fail(t.Context(), t)
}

// state describes all that a change would change.
func (e *env) state(t *testing.T, delivery string) string {
	t.Helper()
	list, err := e.store.Webhooks(t.Context(), squakeAccount)
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.store.Delivery(t.Context(), squakeAccount, delivery)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(d.Attempts, d.Next)
	for _, w := range list {
		text += fmt.Sprint(w.ID, w.Version, w.URL)
	}
	return text
}

// TestForgedRequests: nothing is changed by GET or HEAD, without the form's
// token, with that of another session, from another origin, or without the
// right; and nothing without a session.
func TestForgedRequests(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.enter(t, squakeAccount, webhook.AllRights)
	hook, delivery := e.failed(t, r)
	before := e.state(t, delivery)
	r.get("/portal/webhooks")
	token := between(r.page, `name="form_token" value="`, `"`)
	other := e.enter(t, squakeAccount, webhook.AllRights)
	foreign := between(other.page, `name="form_token" value="`, `"`)
	reading := e.enter(t, squakeAccount, webhook.Read)
	readToken := between(reading.page, `name="form_token" value="`, `"`)
	if token == "" || foreign == "" || readToken == "" || token == foreign {
		t.Fatal("sessions have no tokens of their own")
	}
	for _, tt := range []struct {
		name, method string
		reader       *reader
		token        string
		header       http.Header
		want         int
	}{
		{"GET", http.MethodGet, r, token, nil, 0},
		{"HEAD", http.MethodHead, r, token, nil, 0},
		{"PUT", http.MethodPut, r, token, nil, 404},
		{"no token", http.MethodPost, r, "", nil, 403},
		{"another's token", http.MethodPost, r, foreign, nil, 403},
		{"no session", http.MethodPost, e.newReader(t), token, nil, 403},
		{"may read", http.MethodPost, reading, readToken, nil, 403},
		{"foreign origin", http.MethodPost, r, token, http.Header{"Origin": {"https://evil.example"}}, 403},
		{"null origin", http.MethodPost, r, token, http.Header{"Origin": {"null"}}, 403},
		{"cross-site", http.MethodPost, r, token, http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"same-site", http.MethodPost, r, token, http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
	} {
		for path, form := range changes(hook, delivery) {
			form.Set("form_token", tt.token)
			tt.reader.extra = tt.header
			tt.reader.do(tt.method, path, form)
			tt.reader.extra = nil
			if tt.want != 0 && tt.reader.status != tt.want {
				t.Errorf("%s %s: status %d, want %d", tt.name, path, tt.reader.status, tt.want)
			}
			if after := e.state(t, delivery); after != before {
				t.Fatalf("%s %s changed %s to %s", tt.name, path, before, after)
			}
		}
	}
}

// TestOthersAreNotFound: what belongs to another account is answered as what
// does not exist.
func TestOthersAreNotFound(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	hook, delivery := e.failed(t, e.enter(t, squakeAccount, webhook.AllRights))
	before := e.state(t, delivery)
	r := e.enter(t, otherAccount, webhook.AllRights)
	for _, path := range []string{
		"/portal/webhooks/" + hook, "/portal/webhooks/" + hook + "/delete", "/portal/webhooks/" + hook + "/disable",
		"/portal/deliveries/" + delivery, "/portal/deliveries/" + delivery + "/body",
	} {
		r.get(path)
		owned := r.page
		r.shows(404, "There is nothing here")
		r.get(strings.NewReplacer(hook, "0199a0b0-0000-7000-8000-000000000000", delivery, strings.Repeat("0", 44)).Replace(path))
		if r.page != owned {
			t.Errorf("%s is told from what does not exist:\n%s\n%s", path, owned, r.page)
		}
	}
	for path, form := range changes(hook, delivery) {
		if !strings.Contains(path, hook) && !strings.Contains(path, delivery) {
			continue
		}
		r.get("/portal/webhooks")
		r.post(path, "event", form.Get("event"), "url", form.Get("url"))
		r.shows(404)
	}
	if after := e.state(t, delivery); after != before {
		t.Errorf("another account changed %s to %s", before, after)
	}
}

// TestLinks: looking at a link leaves it good, entering uses it up and ends the
// former session, and what is not good leads to one page that says what to ask
// for.
func TestLinks(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "HOOKLINE_PORTAL_REFRESH_URL", "https://app.example.com/webhooks", "HOOKLINE_PORTAL_NAME", "Acme & <Sons>", "HOOKLINE_PORTAL_ACCENT", "#00a000")
	r := e.newReader(t)
	link := e.ways.open(t, squakeAccount, webhook.Read)
	for range 3 {
		r.do(http.MethodHead, "/portal/enter?link="+link, nil)
		r.get("/portal/enter?link=" + link)
		r.shows(200, "squake:acme", ">see<", "Acme &amp; &lt;Sons&gt;")
	}
	r.extra = http.Header{"Origin": {"https://evil.example"}}
	r.post("/portal/enter", "link", link)
	r.extra = nil
	r.shows(403)
	r.get("/portal/webhooks")
	r.shows(403, "You are not in the portal", `href="https://app.example.com/webhooks"`)
	r.post("/portal/enter", "link", link)
	r.shows(200, "No webhooks yet", "read only")
	first := r.client.Jar.Cookies(mustParse(e.URL))[0]
	if strings.Contains(r.path, "link") || strings.Contains(r.page, link) || strings.Contains(r.page, first.Value) {
		t.Error("a secret is shown after entering")
	}
	e.newReader(t).post("/portal/enter", "link", link)
	again := e.newReader(t)
	again.post("/portal/enter", "link", link)
	again.shows(403, "This link is no longer good", "Get a new link")
	r.post("/portal/enter", "link", e.ways.open(t, otherAccount, webhook.AllRights))
	r.shows(200, "squake:other")
	if _, err := e.ways.Session(t.Context(), webhook.NewSecret(first.Value)); err == nil {
		t.Error("the former session goes on")
	}
	e.ways.stuck = errors.New("the store is down")
	r.post("/portal/enter", "link", e.ways.open(t, squakeAccount, webhook.Read))
	r.shows(200, "squake:acme") // the link is used up, so its session is not withheld
}

// TestTwoCookies: a browser may send two cookies of the session's name, one of
// which is partitioned. The session that is good counts, wherever it stands, and
// both end when the browser leaves or enters anew.
func TestTwoCookies(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, tt := range []struct {
		name string
		last func(r *reader)
	}{
		{"leaves", func(r *reader) { r.post("/portal/leave") }},
		{"enters", func(r *reader) { r.post("/portal/enter", "link", e.ways.open(t, otherAccount, webhook.Read)) }},
		{"is the operator, who enters", func(r *reader) {
			r.post("/portal/operator/enter", "link", e.ways.open(t, operator, webhook.AllRights))
			r.get("/portal/operator/accounts/squake:other")
			r.post("/portal/operator/accounts/squake:other/enter")
		}},
	} {
		r := e.newReader(t)
		one, two := e.enter(t, squakeAccount, webhook.Read).sessions()["hookline"], e.enter(t, squakeAccount, webhook.Read).sessions()["hookline"]
		over := "squake:acme.hk_" + strings.Repeat("e", 43)
		for _, cookies := range []string{"hookline=" + over + "; hookline=" + two, "hookline=" + two + "; hookline=" + over, "hookline=; hookline=" + over + "; hookline=" + one} {
			r.extra = http.Header{"Cookie": {cookies}}
			r.get("/portal/webhooks")
			r.shows(200, "squake:acme")
		}
		r.extra = http.Header{"Cookie": {"hookline=" + one + "; hookline=" + two}}
		tt.last(r)
		r.shows(200)
		for i, secret := range []string{one, two} {
			if _, err := e.ways.Session(t.Context(), webhook.NewSecret(secret)); !errors.Is(err, access.ErrNoSession) {
				t.Errorf("who %s: session %d: %v, want none", tt.name, i+1, err)
			}
		}
	}
}

// TestEachIsLogged: each request has one line in the log, which has nothing of its
// query: also one of a path that is not in its shortest form, and one for another
// host. None leads elsewhere.
func TestEachIsLogged(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	settings, err := portal.ReadSettings(func(string) string { return "" }, "http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	var log record.Buffer
	handler := portal.NewOperator(e.operatorConfig(api.Setup{Keys: keygen.New(rand.Reader, time.Now), Now: time.Now, Log: slog.New(slog.NewJSONHandler(&log, nil))}, settings))
	for i, tt := range []struct {
		method, url string
		want        int
	}{
		{"GET", "http://127.0.0.1/portal/operator/accounts?link=hush", 403},
		{"GET", "http://127.0.0.1/portal/operator/?link=hush", 403},
		{"GET", "http://127.0.0.1/portal/operator//enter?link=hush", 404},
		{"HEAD", "http://127.0.0.1/portal/operator/./enter?link=hush", 404},
		{"GET", "http://127.0.0.1/portal/operator/..//evil.example?link=hush", 404},
		{"GET", "http://127.0.0.1/portal/operator/assets?link=hush", 404},
		{"GET", "http://127.0.0.1/portal/operator/assets/?link=hush", 404},
		{"POST", "http://127.0.0.1/portal/operator//leave?link=hush", 404},
		{"GET", "http://evil.example/portal/operator/enter?link=hush", 403},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(tt.method, tt.url, http.NoBody))
		if w.Code != tt.want || w.Header().Get("Location") != "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: status %d, %v, want %d", tt.method, tt.url, w.Code, w.Header(), tt.want)
		}
		if lines := strings.Count(log.String(), `"msg":"request"`); lines != i+1 || strings.Contains(log.String(), "hush") {
			t.Fatalf("%s %s: %d lines, want %d\n%s", tt.method, tt.url, lines, i+1, log.String())
		}
	}
}

// TestHeaders: every answer has the headers, the session's cookie is as the
// contract says, and assets are cached for ever and are small.
func TestHeaders(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.enter(t, squakeAccount, webhook.AllRights)
	const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	for _, path := range []string{"/portal/webhooks", "/portal/deliveries", "/portal/nothing", "/portal/enter?link=x", "/portal/assets/x.css"} {
		r.get(path)
		for name, want := range map[string]string{"Content-Security-Policy": policy, "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s: %s: %s, want %s", path, name, got, want)
			}
		}
	}
	r.get("/portal/nothing")
	r.shows(404, "There is nothing here", "See the webhooks") // which leads on, in the portal or not
	r.get("/portal/webhooks")
	total := 0
	paths := regexp.MustCompile(`/portal/assets/[^"]+`).FindAllString(r.page, -1)
	for _, path := range paths {
		r.get(path)
		r.shows(200)
		total += len(r.page)
		if r.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || !regexp.MustCompile(`-[0-9a-f]{12}\.(css|js)$`).MatchString(path) {
			t.Errorf("%s: %v", path, r.header)
		}
	}
	if len(paths) != 3 || total == 0 || total > 30<<10 {
		t.Errorf("assets %q have %d bytes, want at most 30 KiB", paths, total)
	}
}

// TestCookie: the cookie of each setting, word by word.
func TestCookie(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ origin, ancestors, want string }{
		{"http://127.0.0.1:8080", "", "hookline=secret; Path=/; Expires=Thu, 15 Jan 2026 18:30:00 GMT; HttpOnly; SameSite=Lax"},
		{"https://hooks.example.com", "", "__Host-hookline=secret; Path=/; Expires=Thu, 15 Jan 2026 18:30:00 GMT; HttpOnly; Secure; SameSite=Lax"},
		{"https://hooks.example.com", "https://app.example.com", "__Host-hookline=secret; Path=/; Expires=Thu, 15 Jan 2026 18:30:00 GMT; HttpOnly; Secure; SameSite=None; Partitioned"},
	} {
		settings, err := portal.ReadSettings(func(name string) string {
			return map[string]string{"HOOKLINE_PORTAL_FRAME_ANCESTORS": tt.ancestors}[name]
		}, tt.origin)
		if err != nil {
			t.Fatal(err)
		}
		expires := time.Date(2026, 1, 15, 18, 30, 0, 0, time.UTC)
		if got := portal.Cookie(settings, webhook.NewSecret("secret"), expires).String(); got != tt.want {
			t.Errorf("%s, %s: %s, want %s", tt.origin, tt.ancestors, got, tt.want)
		}
		own := strings.Replace(strings.Replace(tt.want, "hookline=", "hookline-operator=", 1), "SameSite=None; Partitioned", "SameSite=Lax", 1)
		if got := portal.OperatorCookie(settings, webhook.NewSecret("secret"), expires).String(); got != own {
			t.Errorf("%s, %s, the operator's: %s, want %s", tt.origin, tt.ancestors, got, own)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		origin, name, value, wrong string
	}{
		{"http://hooks.example.com", "", "", "must be https"},
		{"http://10.0.0.1", "", "", "must be https"},
		{"nonsense", "", "", "must be an origin"},
		{"https://hooks.example.com/portal", "", "", "must be an origin"},
		{"https://hooks.example.com?a=b", "", "", "must be an origin"},
		{"https://hooks.example.com#a", "", "", "must be an origin"},
		{"https://me@hooks.example.com", "", "", "must be an origin"},
		{"https://hooks.example.com/", "", "", ""},
		{"http://[::1]:8080", "", "", ""},
		{"http://localhost:8080", "", "", ""},
		{"https://hooks.example.com", "HOOKLINE_PORTAL_ACCENT", "red", "must be a colour"},
		{"https://hooks.example.com", "HOOKLINE_PORTAL_ACCENT", "#fff}body{", "must be a colour"},
		{"https://hooks.example.com", "HOOKLINE_PORTAL_NAME", strings.Repeat("x", 41), "40 characters"},
		{"https://hooks.example.com", "HOOKLINE_PORTAL_REFRESH_URL", "javascript:alert(1)", "absolute URL"},
		{"https://hooks.example.com", "HOOKLINE_PORTAL_FRAME_ANCESTORS", "https://a.example; script-src *", "must be origins"},
		{"https://hooks.example.com", "HOOKLINE_PORTAL_FRAME_ANCESTORS", "*", "must be origins"},
		{"https://hooks.example.com", "HOOKLINE_PORTAL_FRAME_ANCESTORS", "https://a.example#b", "must be origins"},
		{"https://hooks.example.com", "HOOKLINE_PORTAL_FRAME_ANCESTORS", "https://a.example https://b.example:8443", ""},
		{"http://127.0.0.1:8080", "HOOKLINE_PORTAL_FRAME_ANCESTORS", "https://a.example", "needs https"},
	} {
		_, err := portal.ReadSettings(func(name string) string {
			return map[bool]string{true: tt.value}[name == tt.name]
		}, tt.origin)
		if (err == nil) != (tt.wrong == "") || err != nil && (!strings.Contains(err.Error(), tt.wrong) || !strings.Contains(err.Error(), tt.name)) {
			t.Errorf("%s, %s=%s: %v, want %q", tt.origin, tt.name, tt.value, err, tt.wrong)
		}
	}
}
