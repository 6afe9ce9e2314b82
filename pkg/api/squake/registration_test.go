package squake_test

import (
	"net/http"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/squake"
)

func TestRegistrations(t *testing.T) {
	apitest.Registrations(t, apitest.Registering{
		API: squake.API(),
		Body: func(url string, events ...string) any {
			return map[string]string{"kind": events[0], "endpoint_url": url}
		},
		Events:   []string{"order", "confirmation_document_available", "certificate_document_available"},
		One:      true,
		Invalid:  http.StatusUnprocessableEntity,
		Taken:    http.StatusUnprocessableEntity,
		URLField: "endpoint_url",
		KeyField: "signing_key",
		IDShown:  true,
	})
}
