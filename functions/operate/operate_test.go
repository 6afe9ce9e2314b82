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
		"HOOKLINE_WEBHOOKS_TABLE": "", "HOOKLINE_DELIVERIES_TABLE": "", "HOOKLINE_QUEUE_URL": "", "HOOKLINE_SLOW_QUEUE_URL": "", "AWS_REGION": "",
	}),
		"HOOKLINE_WEBHOOKS_TABLE: must be set", "HOOKLINE_DELIVERIES_TABLE: must be set", "HOOKLINE_QUEUE_URL: must be set", "HOOKLINE_SLOW_QUEUE_URL: must be set",
		"AWS_REGION: must be set")
}

// The function checks no token, since IAM has authorized who calls; it checks
// the request before it asks anything of DynamoDB.
func TestStart(t *testing.T) {
	gateway, err := build(t.Context(), workertest.Environment(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path string
		want         int
		text         string
	}{
		{"PUT", "/operator/accounts/nobody:1", http.StatusBadRequest, `"field":"account"`},
		{"PATCH", "/operator/accounts/squake:1", http.StatusMethodNotAllowed, `"code":"method_not_allowed"`},
		{"GET", "/operator/elsewhere", http.StatusNotFound, `"code":"not_found"`},
		{"GET", "/operator", http.StatusInternalServerError, `"code":"internal"`}, // nobody signed it
		{"DELETE", "/operator/accounts/squake:1/portal-links", http.StatusNotFound, `"code":"not_found"`},
	} {
		response, err := gateway.Respond(t.Context(), gatewaytest.Event(httptest.NewRequest(tt.method, tt.path, http.NoBody), ""))
		if err != nil || response.StatusCode != tt.want || !strings.Contains(response.Body, tt.text) {
			t.Errorf("%s %s: %d %s, %v; want %d with %s", tt.method, tt.path, response.StatusCode, response.Body, err, tt.want, tt.text)
		}
	}
}
