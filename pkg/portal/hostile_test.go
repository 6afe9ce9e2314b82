package portal_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/hookline/hookline/pkg/webhook"
)

// hostile are texts that a page that fails to escape would obey. Each has the
// word "hostile".
var hostile = []string{
	`<script>hostile()</script>`, `"><img src=x onerror=hostile()>`, `'onfocus='hostile()`, `</pre></figure><h1>hostile`, `</textarea><hostile>`,
	`javascript:hostile()`, `{{.hostile}}`, "\u202ehostile\u2066", "hostile\x00\x1b[31m", `<!--hostile`, `&lt;hostile&gt;`, `]]><hostile/>`, `</title><hostile>`, `<svg/onload=hostile()>`,
}

// obeyed returns what of a page is not the portal's own: elements and
// attributes that it never writes.
func obeyed(t *testing.T, page string) (found []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.CommentNode {
			found = append(found, "comment "+n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		if strings.Contains(n.Data, "hostile") || n.Data == "img" || n.Data == "script" && n.FirstChild != nil {
			found = append(found, "element "+n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.Contains(a.Key, "hostile") || a.Key == "href" && strings.HasPrefix(a.Val, "javascript") {
				found = append(found, n.Data+" with "+a.Key+"="+a.Val)
			}
		}
	}
	return found
}

// TestHostileText: what customers, publishers and receivers write is shown as
// text, wherever a page shows it, and no page grows beyond 60 KB by it.
func TestHostileText(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.enter(t, shoptetAccount, webhook.AllRights)
	now := time.Now().UTC().Truncate(time.Millisecond)
	check := func(what string) {
		t.Helper()
		if found := obeyed(t, r.page); len(found) > 0 {
			t.Errorf("%s at %s: %q", what, r.path, found)
		}
		if len(r.page) > 60_000 {
			t.Errorf("%s: %s has %d bytes", what, r.path, len(r.page))
		}
	}
	for i, text := range hostile {
		path := "https://example.com/" + strings.NewReplacer("\x00", "", "\x1b", "", "\u202e", "", "\u2066", "", " ", "", `\`, "").Replace(text)
		w := webhook.Webhook{Account: shoptetAccount, Event: "order:create", ID: "1", RequestID: "r", URL: path, Version: 1, CreatedAt: now.Add(-time.Hour), SendPayload: true, Disabled: i%2 == 0, DisabledReason: text}
		if _, err := e.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
			t.Fatal(err)
		}
		payload, err := json.Marshal(map[string]string{text: text})
		if err != nil {
			t.Fatal(err)
		}
		d := webhook.Delivery{Account: shoptetAccount, Event: w.Event, EventID: text, Time: now, AcceptedAt: now, WebhookID: w.ID, URL: path, Instance: text, Payload: payload}
		if d, err = e.store.AddDelivery(t.Context(), d.Retried(now)); err != nil {
			t.Fatal(err)
		}
		failed := d.Attempted(now, http.StatusTeapot, text, now.Add(time.Hour))
		if _, err := e.store.RecordAttempt(t.Context(), webhook.AttemptResult{Was: d, Now: failed, Response: []byte(strings.Repeat(text, 99))}); err != nil {
			t.Fatal(err)
		}
		for _, page := range []string{"/portal/webhooks", "/portal/webhooks/1", "/portal/webhooks/1/delete", "/portal/webhooks/1/disable", "/portal/deliveries", "/portal/deliveries/" + d.ID()} {
			r.get(page)
			r.shows(200)
			check(text)
		}
		query := "?event=" + url.QueryEscape(text) + "&status=" + url.QueryEscape(text) + "&from=" + url.QueryEscape(text) + "&since=" + url.QueryEscape(text) + "&cursor=" + url.QueryEscape(text) + "&done=" + url.QueryEscape(text) + "&link=" + url.QueryEscape(text) + "&page=" + url.QueryEscape(text)
		for _, page := range []string{"/portal/webhooks", "/portal/webhooks/new", "/portal/deliveries", "/portal/recover", "/portal/events", "/portal/enter", "/portal/" + url.QueryEscape(text)} {
			r.get(page + query)
			check(text)
		}
		r.get("/portal/webhooks/new")
		r.post("/portal/webhooks", "event", text, "url", text)
		r.shows(422)
		check(text)
		if err := e.store.Delete(t.Context(), []webhook.Webhook{w}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPagesStaySmall: pages have less than 60 KB also where all that they show
// is as long as it may be, and each reads the store at most three times; but for
// counting what a recovery sends, which reads pages of deliveries.
func TestPagesStaySmall(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	quotes := strings.Repeat(`"`, 400)
	var first webhook.Delivery
	for i := range 20 {
		var list []webhook.Webhook
		for n := range 20 {
			list = append(list, webhook.Webhook{
				Account: abbeyAccount, Event: strings.Repeat("e", 120) + string(rune('a'+i)) + string(rune('a'+n)), ID: string(rune('a' + i)), RequestID: string(rune('a' + i)), Position: n,
				URL: "https://example.com/" + strings.Repeat("'", 1900), Version: 1, CreatedAt: now.Add(-time.Hour), Disabled: true, DisabledReason: "answered 410",
			})
		}
		if _, err := e.store.Create(t.Context(), webhook.Creation{Webhooks: list}); err != nil {
			t.Fatal(err)
		}
		for n := range 20 {
			d := webhook.Delivery{Account: abbeyAccount, Event: list[n].Event, EventID: quotes[:128], Time: now, AcceptedAt: now, WebhookID: list[n].ID, URL: list[n].URL, Instance: quotes, Payload: []byte(`"` + strings.Repeat("<", 100_000) + `"`)}
			added, err := e.store.AddDelivery(t.Context(), d.Retried(now))
			if err != nil {
				t.Fatal(err)
			}
			if first.EventID == "" {
				first = added
			}
		}
	}
	for range 14 {
		next := first.Attempted(now, 500, "answered 500", now)
		if _, err := e.store.RecordAttempt(t.Context(), webhook.AttemptResult{Was: first, Now: next, Response: []byte(quotes + quotes)}); err != nil {
			t.Fatal(err)
		}
		first = next
	}
	r := e.enter(t, abbeyAccount, webhook.AllRights)
	recovery := "/portal/recover?since=" + now.Add(-24*time.Hour).Format("2006-01-02T15:04")
	for _, page := range []string{
		"/portal/webhooks", "/portal/webhooks?page=1", "/portal/webhooks/a", "/portal/webhooks/a/delete", "/portal/webhooks/a/key", "/portal/webhooks/new",
		"/portal/deliveries", "/portal/deliveries?status=retrying", "/portal/deliveries/" + first.ID(), "/portal/recover", recovery, "/portal/test", "/portal/events", "/portal/verify",
	} {
		e.reads.Store(0)
		r.get(page)
		r.shows(200)
		if n := e.reads.Load(); n > 3 && page != recovery || n == 0 && page == "/portal/webhooks" {
			t.Errorf("%s reads the store %d times, want at most 3", page, n)
		}
		if len(r.page) > 60_000 {
			t.Errorf("%s has %d bytes", page, len(r.page))
		}
	}
}

// TestManyToTest: events are chosen as long as the page stays small, and named
// where there are more.
func TestManyToTest(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.enter(t, abbeyAccount, webhook.AllRights)
	name := func(i int) string { return strings.Repeat("e", 120) + strconv.Itoa(100+i) }
	add := func(i int) {
		w := webhook.Webhook{Account: abbeyAccount, Event: name(i), ID: strconv.Itoa(i), RequestID: strconv.Itoa(i), URL: e.receiver.URL + "/" + strings.Repeat("'", 1900), Version: 1, CreatedAt: time.Now().UTC().Truncate(time.Millisecond)}
		if _, err := e.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		add(i)
	}
	r.get("/portal/test")
	r.shows(200, `value="`+name(0)+`"`, `value="`+name(59)+`"`)
	if len(r.page) > 60_000 {
		t.Errorf("%d bytes", len(r.page))
	}
	add(60)
	r.get("/portal/test")
	r.shows(200, "Name of the event")
	r.post("/portal/test", "event", "none")
	r.shows(422, `value="none"`, "Choose one that has a webhook.")
	r.post("/portal/test", "event", name(60))
	r.shows(200, "The sample is on its way.")
}
