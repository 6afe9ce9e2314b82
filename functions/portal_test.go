package functions_test

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/gatewaytest"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/webhook"
)

// visitor is a browser without scripts at the portal of a pipeline. It keeps
// cookies and sends forms.
type visitor struct {
	*testing.T
	*pipeline
	jar http.CookieJar
	// page is the latest one, status its status, and path where it is.
	page, path string
	status     int
}

// portalURL is where the gateway of the tests is.
var portalURL = url.URL{Scheme: "https", Host: gatewaytest.Domain}

func (p *pipeline) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{T: t, pipeline: p, jar: jar}
}

// do sends a request, follows where it leads, and keeps the secrets that come.
func (v *visitor) do(method, target, form string) {
	v.Helper()
	u := portalURL.ResolveReference(&url.URL{Path: "/"})
	head := method + " " + target + " HTTP/1.1"
	if method == http.MethodPost {
		head += "\nContent-Type: application/x-www-form-urlencoded\nSec-Fetch-Site: same-origin\nOrigin: " + portalURL.String()
	}
	for _, c := range v.jar.Cookies(u) {
		head += "\nCookie: " + c.String()
	}
	response, routed := v.request(v.T, head, form)
	if !routed {
		v.Fatalf("no route leads to %s", target)
	}
	var set []*http.Cookie
	for _, line := range response.Cookies {
		c, err := http.ParseSetCookie(line)
		if err != nil || !strings.HasPrefix(c.Name, "__Host-") || !c.Secure {
			v.Fatalf("cookie %q: %v", line, err)
		}
		v.secrets = append(v.secrets, secretsOf(c.Value)...)
		set = append(set, c)
	}
	v.jar.SetCookies(u, set)
	v.page, v.status, v.path = response.Body, response.StatusCode, target
	if to := response.Headers["Location"]; to != "" {
		v.get(to)
	}
}

// secretsOf returns the part of a link or of a cookie that nobody can guess.
func secretsOf(text string) []string {
	_, secret, found := strings.Cut(text, ".hk_")
	if !found {
		return nil
	}
	return []string{secret}
}

func (v *visitor) get(target string) { v.Helper(); v.do(http.MethodGet, target, "") }

// post sends a form of pairs, with the token of the latest page.
func (v *visitor) post(target string, pairs ...string) {
	v.Helper()
	form := url.Values{"form_token": {v.between(`name="form_token" value="`, `"`)}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	v.do(http.MethodPost, target, form.Encode())
}

// between returns what stands between two texts of the page.
func (v *visitor) between(before, after string) string {
	_, rest, _ := strings.Cut(v.page, before)
	found, _, _ := strings.Cut(rest, after)
	return html.UnescapeString(found)
}

// shows fails the test unless the page has the status and all texts.
func (v *visitor) shows(status int, texts ...string) {
	v.Helper()
	for _, text := range texts {
		if v.status != status || !strings.Contains(v.page, text) {
			v.Fatalf("%s: %d without %q, want %d\n%s", v.path, v.status, text, status, v.page)
		}
	}
}

// enter uses a link up.
func (v *visitor) enter(link string) {
	v.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.Host != portalURL.Host {
		v.Fatalf("link %s, %v", link, err)
	}
	v.secrets = append(v.secrets, secretsOf(u.Query().Get("link"))...)
	v.get(u.RequestURI())
	v.shows(http.StatusOK, "Link expires")
	v.post(u.Path, "link", u.Query().Get("link"))
}

// key returns the key or link that the page shows once.
func (v *visitor) key() string {
	v.Helper()
	key := v.between(`class="key">`, "<")
	if key == "" {
		v.Fatalf("%s shows no key\n%s", v.path, v.page)
	}
	v.secrets = append(v.secrets, key)
	return key
}

// A customer of each API does in the portal what the API's routes do, sees
// deliveries, sends one again, recovers and tests, and leaves. Between them the
// pages take every right of the function.
func testPortal(t *testing.T, p *pipeline) {
	for _, a := range all.APIs() {
		t.Run(string(a.Name), func(t *testing.T) {
			v, c := p.visitor(t), &client{customer: p.stack.newCustomer(t, a.Name), pipeline: p, api: a, event: a.Example.Event}
			link := p.operate(t, "POST", "/accounts/"+c.account.String()+"/portal-links", "{}", http.StatusCreated)["url"].(string)
			v.enter(link)
			v.shows(http.StatusOK, "No webhooks yet", c.account.String())
			v.register(c)
			v.deliver(c)
			v.change(c)
			used := p.visitor(t)
			used.get(strings.TrimPrefix(link, portalURL.String()))
			used.shows(http.StatusForbidden, "This link is no longer good")
			v.post("/portal/leave")
			v.shows(http.StatusOK, "You have left")
			v.get("/portal/webhooks")
			v.shows(http.StatusForbidden, "You are not in the portal")
			p.operate(t, "DELETE", "/accounts/"+c.account.String()+"/portal-links", "", http.StatusNoContent)
		})
	}
}

// register adds a webhook, and where the API has one makes a key of its own.
func (v *visitor) register(c *client) {
	v.Helper()
	v.get("/portal/webhooks/new")
	v.post("/portal/webhooks", "event", c.event, "url", "nonsense")
	v.shows(http.StatusUnprocessableEntity, "Nothing was done.")
	v.post("/portal/webhooks", "event", c.event, "url", v.endpoint.url+"/portal?shop=7", "payload", "yes")
	if c.account.API == "shoptet" {
		v.shows(http.StatusOK, "The webhook is registered.")
		v.get("/portal/webhooks/new")
		v.post("/portal/webhooks", "event", "order:update", "url", v.endpoint.url)
		v.shows(http.StatusOK, "The webhook is registered.")
		v.get("/portal/webhooks/new")
		v.post("/portal/webhooks", "event", "order:cancel", "url", v.endpoint.url) // which that excludes
		v.shows(http.StatusUnprocessableEntity, "Nothing was done.")
		v.get("/portal/key")
		v.post("/portal/key")
	}
	c.keys = append(c.keys, v.key())
}

// deliver sees an event fail, sends it again, recovers another, and tests.
func (v *visitor) deliver(c *client) {
	v.Helper()
	c.attempt(v.T, c.publishOne(v.T, c.occurrence("seen")), http.StatusGone, 1, 0) // which disables the webhook
	v.get("/portal/webhooks")
	v.shows(http.StatusOK, "answered 410")
	id := v.stack.webhooks(v.T, c.account)[0].ID
	v.post("/portal/webhooks/" + id + "/enable")
	v.shows(http.StatusOK, "The webhook is enabled.")
	v.get("/portal/deliveries/" + c.messages()[0].ID)
	v.shows(http.StatusOK, "Attempt 1 failed", "HTTP 410")
	v.post("/portal/deliveries/" + c.messages()[0].ID)
	v.shows(http.StatusOK, "Another attempt was asked for.")
	c.attempt(v.T, c.messages()[1].body, http.StatusOK, 1, 0)

	v.post("/portal/webhooks/" + id + "/disable")
	c.publish(v.T, c.occurrence("held"))
	v.post("/portal/webhooks/" + id + "/enable")
	since := time.Now().UTC().Add(-time.Hour).Format("2006-01-02T15:04")
	v.get("/portal/recover?since=" + since)
	v.shows(http.StatusOK, "1 to send again")
	v.post("/portal/recover", "since", since, "as_of", v.between(`name="as_of" value="`, `"`))
	v.shows(http.StatusOK, "1 sent again.")
	c.attempt(v.T, c.messages()[2].body, http.StatusOK, 1, 0)

	v.get("/portal/test")
	v.post("/portal/test", "event", c.event)
	v.shows(http.StatusOK, "The sample is on its way.")
	c.attempt(v.T, c.messages()[3].body, http.StatusOK, 1, 0)
	v.get(v.path)
	v.shows(http.StatusOK, "delivered (test)")
	v.get("/portal/events")
	v.get("/portal/verify")
	v.shows(http.StatusOK, "webhook-signature")
}

// change changes the webhook as far as its API lets it, and deletes it.
func (v *visitor) change(c *client) {
	v.Helper()
	hook := "/portal/webhooks/" + v.stack.webhooks(v.T, c.account)[0].ID
	v.get(hook)
	switch c.account.API {
	case "squake":
		v.post(hook, "event", "certificate_document_available", "url", v.endpoint.url)
		v.shows(http.StatusOK, "The webhook was changed.")
	case "shoptet":
		v.post(hook, "url", v.endpoint.url+"/other")
		v.shows(http.StatusOK, "The webhook was changed.")
	case "abbeycross":
		v.post(hook + "/key")
		v.key()
		v.get(hook)
	}
	v.post(hook + "/delete")
	v.shows(http.StatusOK, "The webhook was deleted.")
}

// The operator makes an account, a token and a link in his pages, enters the
// account, sees what fails, and ends what he made. His session is none of an
// account's function, nor the other way round.
func testPortalOperator(t *testing.T, p *pipeline) {
	v := p.visitor(t)
	v.enter(p.operate(t, "POST", "/portal-links", "{}", http.StatusCreated)["url"].(string))
	v.shows(http.StatusOK, "Accounts")
	v.post("/portal/operator/accounts", "api", "squake", "id", "by-hand")
	v.shows(http.StatusOK, "squake:by-hand")
	own := v.path
	own, _, _ = strings.Cut(own, "?")
	v.post(own + "/tokens")
	v.key()
	v.get(own)
	v.post(own + "/tokens/" + v.between(`<td class="mono">`, "<") + "/revoke")
	v.shows(http.StatusOK, "None. The customer needs one")
	v.get("/portal/operator/failing?api=squake")
	v.get("/portal/operator/accounts?api=squake&id=by-hand")
	v.shows(http.StatusOK, "by-hand")
	v.post(own + "/links")
	customer := p.visitor(t)
	customer.enter(v.key())
	customer.shows(http.StatusOK, "No webhooks yet")

	v.get(own)
	v.post(own + "/enter")
	v.shows(http.StatusOK, "No webhooks yet", "squake:by-hand")
	v.get(own)
	v.post(own + "/links/end")
	v.get("/portal/webhooks")
	v.shows(http.StatusForbidden, "You are not in the portal")
	customer.get("/portal/webhooks")
	customer.shows(http.StatusForbidden, "You are not in the portal")
	customer.get("/portal/operator")
	customer.shows(http.StatusForbidden, "You are not in the portal")

	v.get(own)
	v.post("/portal/operator/leave")
	v.get(own)
	v.shows(http.StatusForbidden, "You are not in the portal")
	p.operate(t, "DELETE", "/portal-links", "", http.StatusNoContent)
	if err := p.stack.store.CloseAccount(t.Context(), webhook.Account{API: "squake", ID: "by-hand"}, time.Now()); err != nil {
		t.Error(err)
	}
}
