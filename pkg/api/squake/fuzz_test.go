package squake_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/squake"
)

func FuzzRegister(f *testing.F) {
	apitest.Fuzz(f, squake.API(), func(t *testing.T, body []byte, response *http.Response, responseBody []byte) {
		switch response.StatusCode {
		case http.StatusCreated:
			checkCreated(t, body, response, responseBody)
		case http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
			checkErrors(t, responseBody)
		default:
			t.Fatalf("status %d for %q", response.StatusCode, body)
		}
	})
}

func checkCreated(t *testing.T, body []byte, response *http.Response, responseBody []byte) {
	t.Helper()
	var sent map[string]json.RawMessage
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatalf("201 for %q, which is not JSON: %v", body, err)
	}
	var kind, endpoint string
	if json.Unmarshal(sent["kind"], &kind) != nil || json.Unmarshal(sent["endpoint_url"], &endpoint) != nil {
		t.Fatalf("201 for %q, whose fields are not strings", body)
	}
	if !slices.Contains([]string{"order", "confirmation_document_available", "certificate_document_available"}, kind) {
		t.Fatalf("201 for kind %q", kind)
	}
	if !apitest.PlausibleURL(endpoint) {
		t.Fatalf("201 for URL %q", endpoint)
	}
	var got map[string]any
	if err := json.Unmarshal(responseBody, &got); err != nil {
		t.Fatal(err)
	}
	if got["kind"] != kind || got["endpoint_url"] != endpoint || len(got) != 7 {
		t.Fatalf("sent %q, answered %s", body, responseBody)
	}
	if response.Header.Get("Location") != "/v2/webhooks/"+got["id"].(string) {
		t.Fatalf("Location %q for %s", response.Header.Get("Location"), responseBody)
	}
}

func checkErrors(t *testing.T, responseBody []byte) {
	t.Helper()
	var got struct {
		Errors []struct {
			Code, Detail string
			Source       struct{ Attribute string }
		}
	}
	if err := json.Unmarshal(responseBody, &got); err != nil || len(got.Errors) == 0 {
		t.Fatalf("answered %s: %v", responseBody, err)
	}
	for _, e := range got.Errors {
		if e.Code != "field_validation_error" || e.Detail == "" || e.Source.Attribute == "" {
			t.Fatalf("answered %s", responseBody)
		}
	}
}
