package clients_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/all"
)

// serve starts every API with nothing registered, and gives the environment
// that says where each is and which token it takes: <API>_URL, <API>_TOKEN.
func serve(t *testing.T) []string {
	t.Helper()
	var env []string
	for _, a := range all.APIs() {
		fixture := apitest.NewFixture(t, a, nil, nil)
		server := httptest.NewServer(fixture.Handler(t, a))
		t.Cleanup(server.Close)
		name := strings.ToUpper(string(a.Name))
		env = append(env, name+"_URL="+server.URL, name+"_TOKEN="+fixture.Tokens["token"])
	}
	return env
}
