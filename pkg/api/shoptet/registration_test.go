package shoptet_test

import (
	"net/http"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/shoptet"
)

func TestRegistrations(t *testing.T) {
	apitest.Registrations(t, apitest.Registering{
		API: shoptet.API(),
		Body: func(url string, events ...string) any {
			items := make([]map[string]string, len(events))
			for i, event := range events {
				items[i] = map[string]string{"event": event, "url": url}
			}
			return map[string]any{"data": items}
		},
		Events:   []string{"order:create", "order:paid", "order:delete"},
		Invalid:  http.StatusUnprocessableEntity,
		Taken:    http.StatusUnprocessableEntity,
		URLField: "data[0].url",
		IDShown:  true,
	})
}
