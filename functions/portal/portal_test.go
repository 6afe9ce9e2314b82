package main

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hookline/hookline/functions/internal/gateway"
	"github.com/hookline/hookline/internal/test/gatewaytest"
	"github.com/hookline/hookline/internal/test/workertest"
)

// environment is a whole one, with changes; an empty value takes one away.
func environment(changes map[string]string) map[string]string {
	return workertest.Environment(map[string]string{
		"HOOKLINE_SEALING_KEY_ID": "v1", "HOOKLINE_ABBEYCROSS_EVENTS": "trip.started", "AWS_SESSION_TOKEN": "hush hush",
		// The published key of RFC 6979, A.2.5.
		"HOOKLINE_SEALING_PUBLIC_KEY": "BGD+1LolWp0xyWHrdMY1bWjASbiSO2H6bOZpYi5g8p+2eQP+EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk=",
	}, changes)
}

// Everything that is wrong is named at once, and no secret is shown.
func TestStartNamesEveryFault(t *testing.T) {
	workertest.NamesFaults(t, build, environment(map[string]string{
		"HOOKLINE_WEBHOOKS_TABLE": "", "HOOKLINE_DELIVERIES_TABLE": "", "HOOKLINE_QUEUE_URL": "", "HOOKLINE_SLOW_QUEUE_URL": "",
		"HOOKLINE_SEALING_KEY_ID": "", "HOOKLINE_SEALING_PUBLIC_KEY": "*", "HOOKLINE_ABBEYCROSS_EVENTS": "", "AWS_REGION": "",
		"HOOKLINE_ALLOW_HTTP": "maybe", "HOOKLINE_PORTAL_ACCENT": "red", "HOOKLINE_PORTAL_FRAME_ANCESTORS": "http://app.example.com",
		"HOOKLINE_PORTAL_REFRESH_URL": "there", "HOOKLINE_PORTAL_NAME": strings.Repeat("x", 41),
	}),
		"HOOKLINE_WEBHOOKS_TABLE: must be set", "HOOKLINE_DELIVERIES_TABLE: must be set", "HOOKLINE_QUEUE_URL: must be set", "HOOKLINE_SLOW_QUEUE_URL: must be set",
		"HOOKLINE_SEALING_KEY_ID: must be set", "HOOKLINE_SEALING_PUBLIC_KEY: must be standard base64", "HOOKLINE_ABBEYCROSS_EVENTS", "AWS_REGION: must be set",
		"HOOKLINE_ALLOW_HTTP: must be true or false", "HOOKLINE_PORTAL_ACCENT", "HOOKLINE_PORTAL_FRAME_ANCESTORS", "HOOKLINE_PORTAL_REFRESH_URL", "HOOKLINE_PORTAL_NAME")
	workertest.NamesFaults(t, build, environment(map[string]string{"HOOKLINE_ABBEYCROSS_HOURS": "always"}), "HOOKLINE_ABBEYCROSS_HOURS")
}

func newGateway(t *testing.T) *gateway.Function {
	t.Helper()
	g, err := build(t.Context(), environment(map[string]string{
		"HOOKLINE_PORTAL_NAME": "Acme <hooks>", "HOOKLINE_PORTAL_REFRESH_URL": "https://acme.example.com/hooks", "HOOKLINE_PORTAL_FRAME_ANCESTORS": "https://app.example.com",
	}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func respond(t *testing.T, g *gateway.Function, event events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	response, err := g.Respond(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// Pages are answered without a store as far as they need none, in the
// operator's name; assets may be cached, and are text. HEAD has no body.
func TestPages(t *testing.T) {
	g := newGateway(t)
	get := func(method, path string) events.APIGatewayV2HTTPResponse {
		return respond(t, g, gatewaytest.Event(httptest.NewRequest(method, path, http.NoBody), ""))
	}
	page := get(http.MethodGet, "/portal/webhooks")
	for _, text := range []string{"You are not in the portal", "Acme &lt;hooks&gt;", "https://acme.example.com/hooks"} {
		if page.StatusCode != http.StatusForbidden || !strings.Contains(page.Body, text) {
			t.Errorf("a page without a session: %d, without %q: %s", page.StatusCode, text, page.Body)
		}
	}
	if h := page.Headers; h["Cache-Control"] != "no-store" || !strings.HasSuffix(h["Content-Security-Policy"], "frame-ancestors https://app.example.com") || page.IsBase64Encoded {
		t.Errorf("headers %v", h)
	}
	head := get(http.MethodHead, "/portal/webhooks")
	if head.StatusCode != page.StatusCode || head.Body != "" || head.Headers["Content-Length"] != page.Headers["Content-Length"] {
		t.Errorf("HEAD: %d, %v, %s", head.StatusCode, head.Headers, head.Body)
	}
	assets := 0
	for _, part := range strings.Split(page.Body, `"`) {
		if !strings.HasPrefix(part, "/portal/assets/") {
			continue
		}
		assets++
		asset := get(http.MethodGet, part)
		if h := asset.Headers; asset.StatusCode != http.StatusOK || asset.IsBase64Encoded || asset.Body == "" || h["Cache-Control"] != "public, max-age=31536000, immutable" ||
			!strings.HasPrefix(h["Content-Type"], "text/") {
			t.Errorf("%s: %d, %v, in base64: %v", part, asset.StatusCode, asset.Headers, asset.IsBase64Encoded)
		}
	}
	if assets != 3 {
		t.Errorf("a page has %d assets, want 3", assets)
	}
	if start := get(http.MethodGet, "/portal"); start.StatusCode != http.StatusForbidden {
		t.Errorf("/portal: %d", start.StatusCode)
	}
	if unknown := get(http.MethodGet, "/portal/assets/portal-0.css"); unknown.StatusCode != http.StatusNotFound || unknown.Headers["Cache-Control"] != "no-store" {
		t.Errorf("an unknown asset: %d, %v", unknown.StatusCode, unknown.Headers)
	}
}

// A change must come from the portal's own origin, whichever domain the API
// answers under. Leaving needs neither session nor store.
func TestOrigins(t *testing.T) {
	g := newGateway(t)
	for _, domain := range []string{"a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com", "hooks.example.com"} {
		for name, tt := range map[string]struct {
			header map[string]string
			want   int
		}{
			"same origin":            {map[string]string{"origin": "https://" + domain, "sec-fetch-site": "same-origin"}, http.StatusOK},
			"an older browser":       {map[string]string{"origin": "https://" + domain}, http.StatusOK},
			"another site":           {map[string]string{"origin": "https://evil.example.com", "sec-fetch-site": "cross-site"}, http.StatusForbidden},
			"another site, older":    {map[string]string{"origin": "https://evil.example.com"}, http.StatusForbidden},
			"a sister domain":        {map[string]string{"origin": "https://x." + domain, "sec-fetch-site": "same-site"}, http.StatusForbidden},
			"an opaque origin":       {map[string]string{"origin": "null"}, http.StatusForbidden},
			"a foreign host is told": {map[string]string{"origin": "https://evil.example.com", "host": "evil.example.com", "x-forwarded-host": "evil.example.com"}, http.StatusForbidden},
		} {
			event := gatewaytest.Event(httptest.NewRequest(http.MethodPost, "/portal/leave", http.NoBody), "")
			event.RequestContext.DomainName = domain
			event.Headers["host"] = domain
			for k, v := range tt.header {
				event.Headers[k] = v
			}
			if got := respond(t, g, event); got.StatusCode != tt.want {
				t.Errorf("%s, %s: %d, want %d", domain, name, got.StatusCode, tt.want)
			}
		}
	}
}

// Leaving sets its cookie where the gateway takes cookies from.
func TestCookies(t *testing.T) {
	response := respond(t, newGateway(t), gatewaytest.Event(httptest.NewRequest(http.MethodPost, "/portal/leave", http.NoBody), ""))
	if len(response.Cookies) != 1 || response.Headers["Set-Cookie"] != "" {
		t.Fatalf("cookies %q, headers %v", response.Cookies, response.Headers)
	}
	c, err := http.ParseSetCookie(response.Cookies[0])
	if err != nil || c.Name != "__Host-hookline" || c.MaxAge >= 0 || !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteNoneMode || !c.Partitioned {
		t.Errorf("cookie %q, %v", response.Cookies[0], err)
	}
}

// A form is read whether the gateway hands it over as text or in base64. What is
// none is refused.
func TestForms(t *testing.T) {
	g := newGateway(t)
	form := url.Values{"link": {"nonsense"}}.Encode()
	for name, tt := range map[string]struct {
		body   string
		base64 bool
		want   int
		text   string
	}{
		"text":       {form, false, http.StatusForbidden, "This link is no longer good"},
		"base64":     {base64.StdEncoding.EncodeToString([]byte(form)), true, http.StatusForbidden, "This link is no longer good"},
		"no base64":  {"%", true, http.StatusInternalServerError, "Something went wrong on our side"},
		"no form":    {"%zz", false, http.StatusBadRequest, "The form cannot be read"},
		"too large":  {"link=" + strings.Repeat("x", 300<<10), false, http.StatusRequestEntityTooLarge, "The form is larger than 256 KiB"},
		"two joined": {"link=a&link=b", false, http.StatusForbidden, "This link is no longer good"},
	} {
		event := gatewaytest.Event(httptest.NewRequest(http.MethodPost, "/portal/enter", http.NoBody), "")
		event.Headers["content-type"], event.Body, event.IsBase64Encoded = "application/x-www-form-urlencoded", tt.body, tt.base64
		if got := respond(t, g, event); got.StatusCode != tt.want || !strings.Contains(got.Body, tt.text) || got.Headers["Content-Security-Policy"] == "" {
			t.Errorf("%s: %d %s, want %d with %q", name, got.StatusCode, got.Body, tt.want, tt.text)
		}
	}
}
