package abbeycross_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/abbeycross"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

func TestRegistrations(t *testing.T) {
	apitest.Registrations(t, apitest.Registering{
		API: abbeycross.API(),
		Body: func(url string, events ...string) any {
			return map[string]any{"url": url, "events": events}
		},
		Events:   []string{"shipment.created", "shipment.delivered", "shipment.lost"},
		Invalid:  http.StatusBadRequest,
		Taken:    http.StatusBadRequest,
		URLField: "url",
		KeyField: "apiSecretKey",
	})
}

// An account with 500 webhooks can register no more, which is said after what
// is taken.
func TestTooManyWebhooks(t *testing.T) {
	f := apitest.NewFixture(t, abbeycross.API(), nil, nil)
	handler := f.Handler(t, abbeycross.API())
	register := func(events ...string) (status int, body string) {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/webhooks/register",
			strings.NewReader(`{"url":"https://example.com/hook","events":["`+strings.Join(events, `","`)+`"]}`))
		request.Header.Set("Authorization", "Bearer "+f.Tokens["token"])
		request.Header.Set("Content-Type", "application/json")
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		return response.Code, response.Body.String()
	}
	for batch := range webhook.MaxWebhooks / validate.MaxBatch {
		events := make([]string, validate.MaxBatch)
		for i := range events {
			events[i] = fmt.Sprintf("e.%d.%d", batch, i)
		}
		if status, body := register(events...); status != http.StatusCreated {
			t.Fatalf("batch %d: %d %s", batch, status, body)
		}
	}
	for _, tt := range []struct {
		events []string
		want   string
	}{
		{[]string{"e.x"}, `"code":"INVALID_PARAMETER","text":"One or more parameter values are invalid. Please check and retry. ` +
			`events would give the account more than 500 webhooks.","parameter_name":"events","parameter_value":["e.x"]}`},
		{[]string{"e.x", "e.1.1"}, `"code":"WEBHOOK_ALREADY_EXISTS","text":"Webhook already exists for this event",` +
			`"parameter_name":"events[1]","parameter_value":"e.1.1"}`},
	} {
		if status, body := register(tt.events...); status != http.StatusBadRequest || !strings.Contains(body, tt.want) {
			t.Errorf("%v: %d %s, want %s", tt.events, status, body, tt.want)
		}
	}
}

// An API that lacks a required setting does not start where it is deployed, and
// says which.
func TestEventsAreRequired(t *testing.T) {
	setup := apitest.NewFixture(t, abbeycross.API(), nil, nil).Setup
	setup.Deployed = true
	_, err := abbeycross.API().New(setup)
	if err == nil || errors.Is(err, webhook.ErrInvalid) || !strings.Contains(err.Error(), "HOOKLINE_ABBEYCROSS_EVENTS") {
		t.Errorf("error %v, want one that names the setting", err)
	}
}
