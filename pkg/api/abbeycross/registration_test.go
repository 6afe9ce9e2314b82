package abbeycross_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/abbeycross"
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
