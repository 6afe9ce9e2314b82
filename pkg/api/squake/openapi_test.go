package squake_test

import (
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/squake"
)

func TestOpenAPI(t *testing.T) {
	apitest.OpenAPI(t, squake.API(), apitest.Description{
		YAML:     squake.OpenAPI(),
		Optional: []string{"source.id", "source.model"},
	})
}
