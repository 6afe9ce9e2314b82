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

// environment is a whole one, with changes; an empty value takes one away.
func environment(changes map[string]string) map[string]string {
	own := map[string]string{"HOOKLINE_ABBEYCROSS_EVENTS": "trip.started", "AWS_SESSION_TOKEN": "hush hush"}
	return workertest.Environment(own, changes)
}

// Everything that is wrong is named at once, and no secret is shown.
func TestStartNamesEveryFault(t *testing.T) {
	workertest.NamesFaults(t, build, environment(map[string]string{
		"HOOKLINE_WEBHOOKS_TABLE": "", "HOOKLINE_DELIVERIES_TABLE": "", "HOOKLINE_QUEUE_URL": "", "HOOKLINE_SLOW_QUEUE_URL": "",
		"HOOKLINE_ABBEYCROSS_EVENTS": "", "AWS_REGION": "",
	}),
		"HOOKLINE_WEBHOOKS_TABLE: must be set", "HOOKLINE_DELIVERIES_TABLE: must be set", "HOOKLINE_QUEUE_URL: must be set", "HOOKLINE_SLOW_QUEUE_URL: must be set",
		"HOOKLINE_ABBEYCROSS_EVENTS", "AWS_REGION: must be set")
}

// The function checks no token, since IAM has authorized who calls; it
// checks the request before it asks anything of DynamoDB.
func TestStart(t *testing.T) {
	gateway, err := build(t.Context(), environment(nil), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path, body string
		want               int
		text               string
	}{
		{"POST", "/events", `{"events":[]}`, http.StatusBadRequest, `"code":"invalid_request"`},
		{"POST", "/events", `{"events":[{"account":"nobody:1","event":"order"}]}`, http.StatusAccepted, `"status":"rejected"`},
		{"PUT", "/events", "", http.StatusMethodNotAllowed, `"code":"method_not_allowed"`},
		{"POST", "/events/", `{"events":[]}`, http.StatusInternalServerError, `"code":"internal_error"`}, // nobody signed it
	} {
		r := httptest.NewRequest(tt.method, tt.path, http.NoBody)
		r.Header.Set("Content-Type", "application/json")
		response, err := gateway.Respond(t.Context(), gatewaytest.Event(r, tt.body))
		if err != nil || response.StatusCode != tt.want || !strings.Contains(response.Body, tt.text) {
			t.Errorf("%s %s %s: %d %s, %v; want %d with %s", tt.method, tt.path, tt.body, response.StatusCode, response.Body, err, tt.want, tt.text)
		}
	}
}
