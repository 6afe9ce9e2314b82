package functions_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/gatewaytest"
	portalvisitor "github.com/hookline/hookline/internal/test/visitor"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/webhook"
)

// visitor is one at the portal of a pipeline, which keeps the secrets that come.
type visitor struct {
	*portalvisitor.Visitor
	*pipeline
}

// portalURL is where the gateway of the tests is.
var portalURL = url.URL{Scheme: "https", Host: gatewaytest.Domain}

func (p *pipeline) visitor(t *testing.T) *visitor {
	t.Helper()
	return &visitor{pipeline: p, Visitor: portalvisitor.New(t, portalvisitor.Config{
		Home: portalURL,
		Send: func(method, target, form string, cookies []*http.Cookie) portalvisitor.Response {
			return p.browse(t, method, target, form, cookies)
		},
	})}
}

// browse sends a request of a visitor.
func (p *pipeline) browse(t *testing.T, method, target, form string, cookies []*http.Cookie) portalvisitor.Response {
	t.Helper()
	head := method + " " + target + " HTTP/1.1"
	if method == http.MethodPost {
		head += "\nContent-Type: application/x-www-form-urlencoded\nSec-Fetch-Site: same-origin\nOrigin: " + portalURL.String()
	}
	for _, c := range cookies {
		head += "\nCookie: " + c.String()
	}
	response, routed := p.request(t, head, form)
	if !routed {
		t.Fatalf("no route leads to %s", target)
	}
	var set []*http.Cookie
	for _, line := range response.Cookies {
		c, err := http.ParseSetCookie(line)
		if err != nil || !strings.HasPrefix(c.Name, "__Host-") || !c.Secure {
			t.Fatalf("cookie %q: %v", line, err)
		}
		p.secrets = append(p.secrets, secretsOf(c.Value)...)
		set = append(set, c)
	}
	return portalvisitor.Response{Status: response.StatusCode, Page: response.Body, Location: response.Headers["Location"], Cookies: set}
}

// secretsOf returns the part of a link or of a cookie that nobody can guess.
func secretsOf(text string) []string {
	_, secret, found := strings.Cut(text, ".hk_")
	if !found {
		return nil
	}
	return []string{secret}
}

// enter uses a link up.
func (v *visitor) enter(link string) {
	v.Helper()
	v.secrets = append(v.secrets, secretsOf(link)...)
	v.Enter(link)
}

// key returns the key or link that the page shows once.
func (v *visitor) key() string {
	v.Helper()
	key := v.Between(`class="key">`, "<")
	if key == "" {
		v.Fatalf("%s shows no key\n%s", v.Path, v.Page)
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
			v.Shows(http.StatusOK, "No webhooks yet", c.account.String())
			v.register(c)
			v.deliver(c)
			v.change(c)
			used := p.visitor(t)
			used.Get(strings.TrimPrefix(link, portalURL.String()))
			used.Shows(http.StatusForbidden, "This link is no longer good")
			v.Post("/portal/leave")
			v.Shows(http.StatusOK, "You have left")
			v.Get("/portal/webhooks")
			v.Shows(http.StatusForbidden, "You are not in the portal")
			p.operate(t, "DELETE", "/accounts/"+c.account.String()+"/portal-links", "", http.StatusNoContent)
		})
	}
}

// register adds a webhook, and where the API has one makes a key of its own.
func (v *visitor) register(c *client) {
	v.Helper()
	v.Get("/portal/webhooks/new")
	v.Post("/portal/webhooks", "event", c.event, "url", "nonsense")
	v.Shows(http.StatusUnprocessableEntity, "Nothing was done.")
	v.Post("/portal/webhooks", "event", c.event, "url", v.endpoint.url+"/portal?shop=7", "payload", "yes")
	if c.account.API == "shoptet" {
		v.Shows(http.StatusOK, "The webhook is registered.")
		v.Get("/portal/webhooks/new")
		v.Post("/portal/webhooks", "event", "order:update", "url", v.endpoint.url)
		v.Shows(http.StatusOK, "The webhook is registered.")
		v.Get("/portal/webhooks/new")
		v.Post("/portal/webhooks", "event", "order:cancel", "url", v.endpoint.url) // which that excludes
		v.Shows(http.StatusUnprocessableEntity, "Nothing was done.")
		v.Get("/portal/key")
		v.Post("/portal/key")
	}
	c.keys = append(c.keys, v.key())
}

// deliver sees an event fail, sends it again, recovers another, and tests.
func (v *visitor) deliver(c *client) {
	v.Helper()
	c.attempt(v.T, c.publishOne(v.T, c.occurrence("seen")), http.StatusGone, 1, 0) // which disables the webhook
	v.Get("/portal/webhooks")
	v.Shows(http.StatusOK, "answered 410")
	id := v.stack.webhooks(v.T, c.account)[0].ID
	v.Post("/portal/webhooks/" + id + "/enable")
	v.Shows(http.StatusOK, "The webhook is enabled.")
	v.Get("/portal/deliveries/" + c.messages()[0].ID)
	v.Shows(http.StatusOK, "Attempt 1 failed", "HTTP 410")
	v.Post("/portal/deliveries/" + c.messages()[0].ID)
	v.Shows(http.StatusOK, "Another attempt was asked for.")
	c.attempt(v.T, c.messages()[1].body, http.StatusOK, 1, 0)

	v.Post("/portal/webhooks/" + id + "/disable")
	c.publish(v.T, c.occurrence("held"))
	v.Post("/portal/webhooks/" + id + "/enable")
	since := time.Now().UTC().Add(-time.Hour).Format("2006-01-02T15:04")
	v.Get("/portal/recover?since=" + since)
	v.Shows(http.StatusOK, "1 to send again")
	v.Post("/portal/recover", "since", since, "as_of", v.Between(`name="as_of" value="`, `"`))
	v.Shows(http.StatusOK, "1 sent again.")
	c.attempt(v.T, c.messages()[2].body, http.StatusOK, 1, 0)

	v.Get("/portal/test")
	v.Post("/portal/test", "event", c.event)
	v.Shows(http.StatusOK, "The sample is on its way.")
	c.attempt(v.T, c.messages()[3].body, http.StatusOK, 1, 0)
	v.Get(v.Path)
	v.Shows(http.StatusOK, "delivered (test)")
	v.Get("/portal/events")
	v.Get("/portal/verify")
	v.Shows(http.StatusOK, "webhook-signature")
}

// change changes the webhook as far as its API lets it, and deletes it.
func (v *visitor) change(c *client) {
	v.Helper()
	hook := "/portal/webhooks/" + v.stack.webhooks(v.T, c.account)[0].ID
	v.Get(hook)
	switch c.account.API {
	case "squake":
		v.Post(hook, "event", "certificate_document_available", "url", v.endpoint.url)
		v.Shows(http.StatusOK, "The webhook was changed.")
	case "shoptet":
		v.Post(hook, "url", v.endpoint.url+"/other")
		v.Shows(http.StatusOK, "The webhook was changed.")
	case "abbeycross":
		v.Post(hook + "/key")
		v.key()
		v.Get(hook)
	}
	v.Post(hook + "/delete")
	v.Shows(http.StatusOK, "The webhook was deleted.")
}

// The operator makes an account, a token and a link in his pages, enters the
// account, sees what fails, and ends what he made. His session is none of an
// account's function, nor the other way round.
func testPortalOperator(t *testing.T, p *pipeline) {
	v := p.visitor(t)
	v.enter(p.operate(t, "POST", "/portal-links", "{}", http.StatusCreated)["url"].(string))
	v.Shows(http.StatusOK, "Accounts")
	v.Post("/portal/operator/accounts", "api", "squake", "id", "by-hand")
	v.Shows(http.StatusOK, "squake:by-hand")
	own := v.Path
	own, _, _ = strings.Cut(own, "?")
	v.Post(own + "/tokens")
	v.key()
	v.Get(own)
	v.Post(own + "/tokens/" + v.Between(`<a href="`+own+"/tokens/", "/revoke") + "/revoke")
	v.Shows(http.StatusOK, "None. The customer needs one")
	v.Get("/portal/operator/failing?api=squake")
	v.Get("/portal/operator/accounts?api=squake&id=by-hand")
	v.Shows(http.StatusOK, "by-hand")
	v.Post(own + "/links")
	customer := p.visitor(t)
	customer.enter(v.key())
	customer.Shows(http.StatusOK, "No webhooks yet")

	v.Get(own)
	v.Post(own + "/enter")
	v.Shows(http.StatusOK, "No webhooks yet", "squake:by-hand")
	v.Get(own)
	v.Post(own + "/links/end")
	v.Get("/portal/webhooks")
	v.Shows(http.StatusForbidden, "You are not in the portal")
	customer.Get("/portal/webhooks")
	customer.Shows(http.StatusForbidden, "You are not in the portal")
	customer.Get("/portal/operator")
	customer.Shows(http.StatusForbidden, "You are not in the portal")

	v.Get(own)
	v.Post("/portal/operator/leave")
	v.Get(own)
	v.Shows(http.StatusForbidden, "You are not in the portal")
	p.operate(t, "DELETE", "/portal-links", "", http.StatusNoContent)
	if err := p.stack.store.CloseAccount(t.Context(), webhook.Account{API: "squake", ID: "by-hand"}, time.Now()); err != nil {
		t.Error(err)
	}
}
