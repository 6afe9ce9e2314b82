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
		"HOOKLINE_WEBHOOKS_TABLE":   "webhooks",
		"HOOKLINE_DELIVERIES_TABLE": "deliveries",
		"HOOKLINE_QUEUE_URL":        "https://sqs.eu-central-1.amazonaws.com/111122223333/attempts",
		"HOOKLINE_SLOW_QUEUE_URL":   "https://sqs.eu-central-1.amazonaws.com/111122223333/slow-attempts",
		"AWS_REGION":                "eu-central-1",
		"AWS_ACCESS_KEY_ID":         "AKIDHUSH",
		"AWS_SECRET_ACCESS_KEY":     "hush",
		"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1",
	}
	maps.Copy(env, changes)
	return env
}

// Everything that is wrong is named at once, and no secret is shown.
func TestStartNamesEveryFault(t *testing.T) {
	_, err := build(t.Context(), environment(map[string]string{
		"HOOKLINE_WEBHOOKS_TABLE": "", "HOOKLINE_DELIVERIES_TABLE": "", "HOOKLINE_QUEUE_URL": "", "HOOKLINE_SLOW_QUEUE_URL": "", "AWS_REGION": "",
	}), slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"HOOKLINE_WEBHOOKS_TABLE", "HOOKLINE_DELIVERIES_TABLE", "HOOKLINE_QUEUE_URL", "HOOKLINE_SLOW_QUEUE_URL", "AWS_REGION"} {
		if !strings.Contains(err.Error(), name+": must be set") {
			t.Errorf("%q does not name %s", err, name)
		}
	}
	if strings.Contains(strings.ToLower(err.Error()), "hush") {
		t.Errorf("%q holds a secret", err)
	}
}

// The function checks no token, since IAM has authorized who calls; it checks
// the request before it asks anything of DynamoDB.
func TestStart(t *testing.T) {
	gateway, err := build(t.Context(), environment(nil), slog.New(slog.DiscardHandler))
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
	} {
		event := events.APIGatewayV2HTTPRequest{RawPath: tt.path}
		event.RequestContext.DomainName = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
		event.RequestContext.HTTP.Method, event.RequestContext.HTTP.Path = tt.method, tt.path
		response, err := gateway.Respond(t.Context(), event)
		if err != nil || response.StatusCode != tt.want || !strings.Contains(response.Body, tt.text) {
			t.Errorf("%s %s: %d %s, %v; want %d with %s", tt.method, tt.path, response.StatusCode, response.Body, err, tt.want, tt.text)
		}
	}
}
