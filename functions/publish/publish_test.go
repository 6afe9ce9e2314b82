package main

import (
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// environment is a whole one, with changes; an empty value takes one away.
func environment(changes map[string]string) map[string]string {
	env := map[string]string{
		"HOOKLINE_WEBHOOKS_TABLE":    "webhooks",
		"HOOKLINE_DELIVERIES_TABLE":  "deliveries",
		"HOOKLINE_QUEUE_URL":         "https://sqs.eu-central-1.amazonaws.com/111122223333/attempts",
		"HOOKLINE_SLOW_QUEUE_URL":    "https://sqs.eu-central-1.amazonaws.com/111122223333/slow-attempts",
		"HOOKLINE_ABBEYCROSS_EVENTS": "trip.started",
		"AWS_REGION":                 "eu-central-1",
		"AWS_ACCESS_KEY_ID":          "AKIDHUSH",
		"AWS_SECRET_ACCESS_KEY":      "hush",
		"AWS_SESSION_TOKEN":          "hush hush",
		"AWS_ENDPOINT_URL_DYNAMODB":  "http://127.0.0.1:1",
	}
	maps.Copy(env, changes)
	return env
}

// Everything that is wrong is named at once, and no secret is shown.
func TestStartNamesEveryFault(t *testing.T) {
	_, err := build(t.Context(), environment(map[string]string{
		"HOOKLINE_WEBHOOKS_TABLE": "", "HOOKLINE_DELIVERIES_TABLE": "", "HOOKLINE_QUEUE_URL": "", "HOOKLINE_SLOW_QUEUE_URL": "",
		"HOOKLINE_ABBEYCROSS_EVENTS": "", "AWS_REGION": "",
	}), slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{
		"HOOKLINE_WEBHOOKS_TABLE: must be set", "HOOKLINE_DELIVERIES_TABLE: must be set", "HOOKLINE_QUEUE_URL: must be set", "HOOKLINE_SLOW_QUEUE_URL: must be set",
		"HOOKLINE_ABBEYCROSS_EVENTS", "AWS_REGION: must be set",
	} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not say %q", err, name)
		}
	}
	if strings.Contains(strings.ToLower(err.Error()), "hush") {
		t.Errorf("%q holds a secret", err)
	}
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
		{"POST", "/elsewhere", "", http.StatusNotFound, `"code":"not_found"`},
	} {
		event := events.APIGatewayV2HTTPRequest{
			RawPath: tt.path, Headers: map[string]string{"content-type": "application/json"}, Body: tt.body,
		}
		event.RequestContext.DomainName = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
		event.RequestContext.HTTP.Method, event.RequestContext.HTTP.Path = tt.method, tt.path
		response, err := gateway.Respond(t.Context(), event)
		if err != nil || response.StatusCode != tt.want || !strings.Contains(response.Body, tt.text) {
			t.Errorf("%s %s %s: %d %s, %v; want %d with %s", tt.method, tt.path, tt.body, response.StatusCode, response.Body, err, tt.want, tt.text)
		}
	}
}
