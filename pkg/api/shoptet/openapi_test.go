package shoptet_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/shoptet"
)

func TestOpenAPI(t *testing.T) {
	apitest.OpenAPI(t, shoptet.API(), apitest.Description{YAML: shoptet.OpenAPI()})
}

// The description names every event that can be registered.
func TestOpenAPIEvents(t *testing.T) {
	list, err := os.ReadFile("events.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(list))
	key, err := yaml.PathString("$.components.schemas.RegistrableEvent.enum")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := key.Read(strings.NewReader(shoptet.OpenAPI()), &got); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(got) == 0 || !slices.Equal(got, want) {
		t.Errorf("described %q, want %q", got, want)
	}
}
