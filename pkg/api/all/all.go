// Package all lists the APIs that Hookline offers. It is the only such list: a
// new API is a folder in pkg/api and a line here.
package all

import (
	"fmt"
	"strings"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/abbeycross"
	"github.com/hookline/hookline/pkg/api/shoptet"
	"github.com/hookline/hookline/pkg/api/squake"
	"github.com/hookline/hookline/pkg/webhook"
)

// APIs returns all APIs, always in the same order.
func APIs() []api.API {
	return []api.API{
		squake.API(),
		shoptet.API(),
		abbeycross.API(),
	}
}

// Find returns the API with a name. The error wraps [webhook.ErrInvalid] and
// lists the names that exist.
func Find(name string) (api.API, error) {
	var names []string
	for _, a := range APIs() {
		if string(a.Name) == name {
			return a, nil
		}
		names = append(names, string(a.Name))
	}
	return api.API{}, fmt.Errorf("API %q: %w: must be one of %s", name, webhook.ErrInvalid, strings.Join(names, ", "))
}

// OpenAPI returns the OpenAPI 3.1 description of each API as YAML. It is
// separate from APIs so that programs that do not show it do not contain it.
func OpenAPI() map[webhook.API]string {
	return map[webhook.API]string{
		squake.API().Name:     squake.OpenAPI(),
		shoptet.API().Name:    shoptet.OpenAPI(),
		abbeycross.API().Name: abbeycross.OpenAPI(),
	}
}
