package squake_test

import (
	"testing"

	"github.com/hookline/hookline/pkg/dialect/dialecttest"
	"github.com/hookline/hookline/pkg/dialect/squake"
)

func TestOpenAPI(t *testing.T) {
	dialecttest.OpenAPI(t, squake.API(), dialecttest.Description{
		YAML:     squake.OpenAPI(),
		Optional: []string{"source.id", "source.model"},
	})
}
