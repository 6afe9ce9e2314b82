package portal_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/hookline/hookline/internal/test/browser"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/portal"
	"github.com/hookline/hookline/pkg/webhook"
)

// tools are what `make tools` installs, screenshots where the long run leaves
// what it saw.
const (
	axePath     = "../../.tools/clients/node/node_modules/axe-core/axe.min.js"
	screenshots = "../../.tools/portal"
)

// populate gives an account webhooks in every state, and deliveries of a day.
func populate(t *testing.T, e *env) (hook, delivery string) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	webhooks := []webhook.Webhook{
		{Event: "order:create", ID: "101", URL: "https://shop.example.com/hooks/orders", Statistics: webhook.Statistics{
			LastSentAt: now.Add(-3 * time.Hour), LastFailedAt: now.Add(-4 * time.Minute), FailedAttempts: 7, Since: now.Add(-134 * time.Minute), LastStatus: 503}},
		{Event: "order:update", ID: "102", URL: "https://shop.example.com/hooks/order-updates?shop=315185&version=2", Statistics: webhook.Statistics{
			LastSentAt: now.Add(-time.Minute), LastFailedAt: now.Add(-528 * time.Minute), Since: now.Add(-497 * time.Minute), LastStatus: 204}},
		{Event: "customer:create", ID: "103", URL: "https://crm.example.com/in/shoptet", Statistics: webhook.Statistics{
			LastSentAt: now.Add(-26 * time.Minute), Since: now.Add(-12 * 24 * time.Hour), LastStatus: 200}},
		{Event: "stock:movement", ID: "104", URL: "https://warehouse.example.com/stock", Disabled: true, DisabledReason: "the URL answered 410 Gone", DisabledAt: now.Add(-26 * time.Hour), Statistics: webhook.Statistics{
			LastSentAt: now.Add(-30 * time.Hour), LastFailedAt: now.Add(-26 * time.Hour), FailedAttempts: 1, Since: now.Add(-26 * time.Hour), LastStatus: 410}},
		{Event: "invoice:create", ID: "105", URL: "https://books.example.com/invoices"},
	}
	for i := range webhooks {
		w := &webhooks[i]
		w.Account, w.Version, w.CreatedAt, w.RequestID, w.SendPayload = shoptetAccount, 1, now.Add(-20*24*time.Hour), w.ID, true
		if _, err := e.store.Create(t.Context(), webhook.Creation{Webhooks: webhooks[i : i+1]}); err != nil {
			t.Fatal(err)
		}
	}
	add := func(i int, w webhook.Webhook, age time.Duration, outcome string) webhook.Delivery {
		at := now.Add(-age)
		d := webhook.Delivery{
			Account: shoptetAccount, Event: w.Event, EventID: fmt.Sprintf("event-%d", i), Time: at, AcceptedAt: at, WebhookID: w.ID, URL: w.URL,
			Instance: fmt.Sprintf("20180%05d", 12000-i), Payload: []byte(`{"code":"2018000012","price":{"withVat":"1210.00","currencyCode":"CZK"},"items":[{"name":"Tea \u003cgreen\u003e","amount":2}]}`),
		}
		first, err := e.store.AddDelivery(t.Context(), d.Retried(at))
		if err != nil {
			t.Fatal(err)
		}
		record := func(was webhook.Delivery, now webhook.Delivery, body string) webhook.Delivery {
			if now.Duration = time.Duration(120+37*i%300) * time.Millisecond; now.StatusCode == 0 {
				now.Duration = 4 * time.Second
			}
			if _, err := e.store.RecordAttempt(t.Context(), webhook.AttemptResult{Was: was, Now: now, Response: []byte(body)}); err != nil {
				t.Fatal(err)
			}
			return now
		}
		switch outcome {
		case "ok":
			record(first, first.Attempted(at.Add(time.Second), 204, "", time.Time{}), "")
		case "failed":
			record(first, first.Attempted(at.Add(time.Second), 500, "answered 500", time.Time{}), "oops")
		case "waiting":
			one := record(first, first.Attempted(at.Add(time.Second), 0, "no answer within 4 s", at.Add(16*time.Minute)), "")
			record(one, one.Attempted(at.Add(16*time.Minute), 503, "answered 503", now.Add(14*time.Minute)), "{\"error\":\"<b>database</b> is locked\",\"trace\":\"7f3a\"}\n")
		}
		return d
	}
	for i := range 30 {
		add(i, webhooks[1], time.Duration(i)*31*time.Minute+time.Minute, map[bool]string{true: "ok", false: "failed"}[i != 17])
		if i%2 == 0 {
			add(100+i, webhooks[2], time.Duration(i)*29*time.Minute+26*time.Minute, "ok")
		}
		outcome := "ok"
		if i < 9 {
			outcome = "failed"
		}
		add(200+i, webhooks[0], time.Duration(i)*16*time.Minute+21*time.Minute, outcome)
	}
	waiting := add(300, webhooks[0], 20*time.Minute, "waiting")
	return "101", waiting.ID()
}

// pagesOf are the pages that are looked at, by name.
func pagesOf(hook, delivery string) [][2]string {
	return [][2]string{
		{"webhooks", "/portal/webhooks"}, {"webhook", "/portal/webhooks/" + hook}, {"new", "/portal/webhooks/new"},
		{"delete", "/portal/webhooks/" + hook + "/delete"}, {"key", "/portal/key"},
		{"deliveries", "/portal/deliveries"}, {"filtered", "/portal/deliveries?status=failed&event=order%3Acreate&from=x"},
		{"delivery", "/portal/deliveries/" + delivery}, {"recover", "/portal/recover"}, {"count", "/portal/recover?event=&since=" + time.Now().UTC().Add(-24*time.Hour).Format("2006-01-02T15:04")},
		{"test", "/portal/test"}, {"events", "/portal/events"}, {"verify", "/portal/verify"}, {"nothing", "/portal/nothing"},
	}
}

// operatorPages are those of the operator's pages that are looked at, by name.
// revoke is the path that revokes a token.
func operatorPages(revoke string) [][2]string {
	const account = "/portal/operator/accounts/shoptet:315185-myaddon"
	return [][2]string{
		{"accounts", "/portal/operator/accounts?api=shoptet"}, {"missing", "/portal/operator/accounts?api=squake&id=nobody"}, {"new", "/portal/operator/accounts/new"},
		{"account", account}, {"entry", "/portal/operator/accounts/squake:acme"}, {"token", account + "/tokens/new"}, {"link", account + "/links/new"}, {"end", account + "/links/end"},
		{"revoke", revoke}, {"failing", "/portal/operator/failing?api=shoptet"}, {"well", "/portal/operator/failing?api=squake"}, {"nothing", "/portal/operator/nothing"},
	}
}

// populateAccounts gives accounts tokens, and the list others. It returns the
// path that revokes one.
func populateAccounts(t *testing.T, e *env) (revoke string) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i, a := range []string{"shoptet:204417-orders", "shoptet:210023-myaddon", "shoptet:330918-myaddon"} {
		account, err := webhook.ParseAccount(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.store.CreateAccount(t.Context(), webhook.AccountInfo{Account: account, CreatedAt: now.Add(-time.Duration(i*i*17) * time.Hour)}); err != nil {
			t.Fatal(err)
		}
		token := webhook.Token{ID: fmt.Sprintf("01a2d2fe-d14d-76ee-a4d8-9b3c5016531%d", i), Account: shoptetAccount, Hash: webhook.HashToken(a), Rights: webhook.Rights(i + 1), CreatedAt: now.Add(-time.Duration(i*400) * time.Hour)}
		if i > 0 {
			token.ExpiresAt = token.CreatedAt.Add(30 * 24 * time.Hour)
		}
		if err := e.store.CreateToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		revoke = "/portal/operator/accounts/" + shoptetAccount.String() + "/tokens/" + token.ID + "/revoke"
		if i == 2 {
			if err := e.store.CloseAccount(t.Context(), account, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	return revoke
}

// as gives a browser the session of a reader.
func as(ctx context.Context, r *reader) error {
	for _, c := range r.client.Jar.Cookies(mustParse(r.env.URL)) {
		if _, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: r.env.URL}); err != nil {
			return err
		}
	}
	return nil
}

// TestPagesInABrowser: nothing of a page is refused by its policy, asks for
// another origin or is wider than its window, light and dark. The short run looks
// at the sheet of all parts; the long one at every page, from 360 to 1,600 pixels,
// where axe finds nothing, and leaves pictures.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	hook, delivery := populate(t, e)
	axe := ""
	if long.Pick(false, true) {
		text, err := os.ReadFile(axePath)
		if err != nil {
			t.Fatal(err)
		}
		axe = string(text)
	}
	sheet := httptest.NewServer(portal.SheetHandler(time.Now()))
	defer sheet.Close()
	var seen browser.Sightings
	ctx := browser.Open(t, &seen, long.Pick(3*timeout, 20*timeout))
	enterPages := [][2]string{
		{"enter", "/portal/enter?link=" + e.ways.open(t, shoptetAccount, webhook.AllRights)}, {"used", "/portal/enter?link=used"},
		{"operator", "/portal/operator/enter?link=" + e.ways.open(t, operator, webhook.AllRights)}, {"no-operator", "/portal/operator/accounts"},
	}
	own := e.enter(t, operator, webhook.AllRights)
	entered := e.enter(t, operator, webhook.AllRights)
	entered.get("/portal/operator/accounts/" + shoptetAccount.String())
	entered.post("/portal/operator/accounts/" + shoptetAccount.String() + "/enter")
	empty := e.enter(t, abbeyAccount, webhook.AllRights)
	for _, group := range []struct {
		prefix string
		reader *reader
		pages  [][2]string
	}{
		{"out-", e.newReader(t), enterPages},
		{"empty-", empty, [][2]string{{"webhooks", "/portal/webhooks"}, {"new", "/portal/webhooks/new"}, {"deliveries", "/portal/deliveries"}, {"test", "/portal/test"}, {"events", "/portal/events"}, {"verify", "/portal/verify"}}},
		{"", e.enter(t, shoptetAccount, webhook.AllRights), pagesOf(hook, delivery)},
		{"operator-", own, operatorPages(populateAccounts(t, e))},
		{"operator-", entered, [][2]string{{"entered", "/portal/webhooks"}}},
	} {
		if err := as(ctx, group.reader); err != nil {
			t.Fatal(err)
		}
		for _, page := range group.pages {
			if long.Pick(false, true) {
				look(ctx, t, e.URL+page[1], group.prefix+page[0], axe)
			}
		}
	}
	look(ctx, t, sheet.URL+"/portal/sheet", "sheet", axe)
	for _, trouble := range seen.Troubles() {
		if !strings.Contains(trouble, "status of 4") { // pages that say so
			t.Error(trouble)
		}
	}
	for _, url := range seen.Requests() {
		if !strings.HasPrefix(url, e.URL+"/portal/") && !strings.HasPrefix(url, sheet.URL+"/portal/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("a page asks for %s", url)
		}
	}
}

// look opens a page in both themes and at several widths.
func look(ctx context.Context, t *testing.T, url, name, axe string) {
	t.Helper()
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{1200, 1600, 360} {
			if err := browser.Theme(ctx, theme); err != nil {
				t.Fatal(err)
			}
			if err := browser.Width(ctx, width); err != nil {
				t.Fatal(err)
			}
			if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
				t.Fatalf("%s: %v", url, err)
			}
			wider, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - window.innerWidth`))
			if err != nil || wider > 0 {
				t.Errorf("%s, %s, %d pixels: %d pixels too wide, %v", name, theme, width, wider, err)
			}
			if width == 1600 || axe == "" {
				continue
			}
			found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](axe+`; axe.run().then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).join(" | ")))`, chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			for _, violation := range found {
				t.Errorf("%s, %s, %d pixels: %s", name, theme, width, violation)
			}
			shoot(ctx, t, fmt.Sprintf("%s-%s-%d.png", name, theme, width))
		}
	}
}

// shoot leaves a picture of the page.
func shoot(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(screenshots, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(screenshots, name), png, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
