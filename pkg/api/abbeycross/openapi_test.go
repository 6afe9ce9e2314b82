package abbeycross_test

import (
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/abbeycross"
)

func TestOpenAPI(t *testing.T) {
	apitest.OpenAPI(t, abbeycross.API(), apitest.Description{
		YAML:     abbeycross.OpenAPI(),
		Optional: []string{"parameter_name", "parameter_value"},
		Open:     []string{"parameter_value"},
	})
}
