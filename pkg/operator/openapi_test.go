package operator_test

import (
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/operator"
)

func TestOpenAPI(t *testing.T) {
	apitest.OpenAPI(t, newAPI(t), apitest.Description{
		YAML:     operator.OpenAPI(),
		Optional: []string{"error.field", "error.request_id", "results[0].error"},
		Open:     []string{"payload"},
		Rejected: `"status": "rejected"`,
		Unrecorded: map[string]string{
			"publishEvents 500": "no script breaks the publisher as a whole; TestOurFault does",
			"publishEvents 503": "no script has a store that takes no writes; TestOurFaultInAnEvent does",
		},
	})
}
