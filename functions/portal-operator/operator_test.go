package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/gatewaytest"
	"github.com/hookline/hookline/internal/test/workertest"
)

// Everything that is wrong is named at once, and no secret is shown.
func TestStartNamesEveryFault(t *testing.T) {
	workertest.NamesFaults(t, build, workertest.Environment(map[string]string{
		"HOOKLINE_WEBHOOKS_TABLE": "", "HOOKLINE_DELIVERIES_TABLE": "", "AWS_REGION": "", "HOOKLINE_PORTAL_ACCENT": "red",
	}), "HOOKLINE_WEBHOOKS_TABLE: must be set", "HOOKLINE_DELIVERIES_TABLE: must be set", "AWS_REGION: must be set", "HOOKLINE_PORTAL_ACCENT")
}

// Without a session of the operator's there are no pages; an account's is none.
func TestStart(t *testing.T) {
	g, err := build(t.Context(), workertest.Environment(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/portal/operator": http.StatusForbidden, "/portal/operator/accounts": http.StatusForbidden, "/portal/operator/elsewhere": http.StatusNotFound,
		"/portal/operator/enter?link=squake%3Aacme.hk_" + strings.Repeat("A", 43): http.StatusForbidden,
	} {
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		r.Header.Set("Cookie", "__Host-hookline-operator=squake:acme.hk_"+strings.Repeat("A", 43))
		response, err := g.Respond(t.Context(), gatewaytest.Event(r, ""))
		if err != nil || response.StatusCode != want || !strings.Contains(response.Headers["Content-Security-Policy"], "frame-ancestors 'none'") {
			t.Errorf("%s: %d %s, %v; want %d", path, response.StatusCode, response.Body, err, want)
		}
	}
}
