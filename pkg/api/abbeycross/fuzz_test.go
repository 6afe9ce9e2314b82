package abbeycross_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/abbeycross"
)

func FuzzRegister(f *testing.F) {
	apitest.Fuzz(f, abbeycross.API(), func(t *testing.T, body []byte, response *http.Response, responseBody []byte) {
		var got map[string]any
		if err := json.Unmarshal(responseBody, &got); err != nil {
			t.Fatalf("answered %s: %v", responseBody, err)
		}
		switch response.StatusCode {
		case http.StatusCreated:
			checkCreated(t, body, got)
		case http.StatusBadRequest:
			checkError(t, got)
		default:
			t.Fatalf("status %d for %q", response.StatusCode, body)
		}
	})
}

var eventName = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,128}$`)

func checkCreated(t *testing.T, body []byte, got map[string]any) {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatalf("201 for %q: %v", body, err)
	}
	var endpoint string
	var events []string
	if json.Unmarshal(fields["url"], &endpoint) != nil || json.Unmarshal(fields["events"], &events) != nil {
		t.Fatalf("201 for %q, whose fields are of the wrong type", body)
	}
	seen := map[string]bool{}
	for _, event := range events {
		if seen[event] || !eventName.MatchString(event) {
			t.Fatalf("201 for event %q of %q", event, body)
		}
		seen[event] = true
	}
	if len(events) == 0 || len(events) > 50 || !apitest.PlausibleURL(endpoint) {
		t.Fatalf("201 for %q", body)
	}
	key, _ := got["apiSecretKey"].(string)
	if len(got) != 2 || got["message"] != "Webhook registered successfully." || !strings.HasPrefix(key, "whsec_") {
		t.Fatalf("answered %v", got)
	}
}

func checkError(t *testing.T, got map[string]any) {
	t.Helper()
	text, _ := got["text"].(string)
	id, _ := got["errorId"].(string)
	if len(id) != 36 || got["code"] == "" {
		t.Fatalf("answered %v", got)
	}
	const sentence = "One or more parameter values are invalid. Please check and retry."
	if !strings.HasPrefix(text, sentence) && text != "Webhook already exists for this event" {
		t.Fatalf("answered %v", got)
	}
	if _, hasValue := got["parameter_value"]; hasValue && got["parameter_name"] == nil {
		t.Fatalf("a value without a name: %v", got)
	}
}
