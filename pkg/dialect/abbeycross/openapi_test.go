package abbeycross_test

import (
	"testing"

	"github.com/hookline/hookline/pkg/dialect/abbeycross"
	"github.com/hookline/hookline/pkg/dialect/dialecttest"
)

func TestOpenAPI(t *testing.T) {
	dialecttest.OpenAPI(t, abbeycross.API(), dialecttest.Description{
		YAML:     abbeycross.OpenAPI(),
		Optional: []string{"parameter_name", "parameter_value"},
		Open:     []string{"parameter_value"},
	})
}
