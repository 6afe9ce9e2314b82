package shoptet_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/shoptet"
)

// wireItem is one webhook as it is sent; what is not in it is an unknown
// field.
type wireItem struct {
	Event       *string `json:"event"`
	URL         *string `json:"url"`
	SendPayload *string `json:"sendPayload"`
}

type wireResponse struct {
	Data *struct {
		Webhooks []map[string]any `json:"webhooks"`
	} `json:"data"`
	Errors []struct {
		ErrorCode, Message, Instance string
	} `json:"errors"`
	Metadata struct{ RequestID string } `json:"metadata"`
}

func FuzzRegister(f *testing.F) {
	list, err := os.ReadFile("events.txt")
	if err != nil {
		f.Fatal(err)
	}
	events := strings.Fields(string(list))
	apitest.Fuzz(f, shoptet.API(), func(t *testing.T, body []byte, response *http.Response, responseBody []byte) {
		var got wireResponse
		if err := json.Unmarshal(responseBody, &got); err != nil {
			t.Fatalf("answered %s: %v", responseBody, err)
		}
		if id := response.Header["X-Request-ID"]; len(id) != 1 || id[0] == "" || got.Metadata.RequestID != id[0] {
			t.Fatalf("request id %q in the header, %q in the body", id, got.Metadata.RequestID)
		}
		switch response.StatusCode {
		case http.StatusCreated:
			checkCreated(t, events, body, got)
		case http.StatusUnprocessableEntity, http.StatusConflict, http.StatusRequestEntityTooLarge:
			if got.Data != nil || len(got.Errors) == 0 || got.Errors[0].Message == "" {
				t.Fatalf("answered %s", responseBody)
			}
		default:
			t.Fatalf("status %d for %q", response.StatusCode, body)
		}
	})
}

func checkCreated(t *testing.T, events []string, body []byte, got wireResponse) {
	t.Helper()
	var sent struct {
		Data []wireItem `json:"data"`
	}
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&sent); err != nil {
		t.Fatalf("201 for %q: %v", body, err)
	}
	if got.Errors != nil || got.Data == nil || len(got.Data.Webhooks) != len(sent.Data) || len(sent.Data) == 0 || len(sent.Data) > 50 {
		t.Fatalf("%d webhooks sent, answered %+v", len(sent.Data), got)
	}
	seen := map[string]bool{}
	for i, item := range sent.Data {
		if item.Event == nil || item.URL == nil || !apitest.PlausibleURL(*item.URL) || seen[*item.Event] {
			t.Fatalf("201 for item %d of %q", i, body)
		}
		if item.SendPayload != nil && *item.SendPayload != "full" {
			t.Fatalf("201 for sendPayload of %q", body)
		}
		seen[*item.Event] = true
		w := got.Data.Webhooks[i]
		if w["event"] != *item.Event || w["url"] != *item.URL || len(w) != 6 {
			t.Fatalf("sent %q, answered %v", body, w)
		}
	}
	known := map[string]bool{}
	for _, event := range events {
		known[event] = true
	}
	for event := range seen {
		if !known[event] {
			t.Fatalf("201 for event %q", event)
		}
	}
	if seen["order:update"] && seen["order:cancel"] || seen["customer:update"] && (seen["customer:disableOrders"] || seen["customer:enableOrders"]) {
		t.Fatalf("201 for events that exclude each other: %q", body)
	}
}
