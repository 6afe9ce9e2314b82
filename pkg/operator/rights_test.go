package operator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/squake"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// rightOf is the right that each route takes.
var rightOf = map[string]webhook.Rights{
	"POST /events": webhook.Publish,

	"GET /operator/accounts":                                  webhook.Read,
	"GET /operator/accounts/{account}":                        webhook.Read,
	"PUT /operator/accounts/{account}":                        webhook.Write,
	"DELETE /operator/accounts/{account}":                     webhook.Write,
	"GET /operator/accounts/{account}/tokens":                 webhook.Read,
	"POST /operator/accounts/{account}/tokens":                webhook.Write,
	"DELETE /operator/accounts/{account}/tokens/{id}":         webhook.Write,
	"GET /operator/webhooks":                                  webhook.Read,
	"GET /operator/accounts/{account}/webhooks":               webhook.Read,
	"POST /operator/accounts/{account}/webhooks/{id}/enable":  webhook.Write,
	"POST /operator/accounts/{account}/webhooks/{id}/test":    webhook.Write,
	"POST /operator/accounts/{account}/webhooks/{id}/disable": webhook.Write,
	"DELETE /operator/accounts/{account}/webhooks/{id}":       webhook.Write,
	"GET /operator/accounts/{account}/deliveries":             webhook.Read,
	"GET /operator/accounts/{account}/deliveries/{id}":        webhook.Read,
	"POST /operator/accounts/{account}/deliveries/{id}/retry": webhook.Write,
	"POST /operator/accounts/{account}/recover":               webhook.Write,
	"POST /operator/accounts/{account}/portal-links":          webhook.Write,
	"DELETE /operator/accounts/{account}/portal-links":        webhook.Write,
	"POST /operator/portal-links":                             webhook.Write,
	"DELETE /operator/portal-links":                           webhook.Write,
}

// granted makes all tokens of a fixture have certain rights.
type granted struct {
	api.Store
	rights webhook.Rights
}

func (g granted) Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error) {
	found, err := g.Store.Token(ctx, h)
	found.Rights = g.rights
	return found, err
}

// Every route takes the one right that is its own, and a token with all other
// rights is answered 403. A server that leaves authorisation to others takes
// none.
func TestRights(t *testing.T) {
	table := newAPI(t)
	routes := apitest.NewFixture(t, table, nil, nil).Handler(t, table).(interface{ Routes() []api.Route }).Routes()
	if len(routes) != len(rightOf) {
		t.Errorf("%d routes, the rights of %d are written down", len(routes), len(rightOf))
	}
	for rights := range webhook.OperatorRights + 1 {
		for open := range 2 {
			f := apitest.NewFixture(t, squake.API(), nil, nil)
			handler := withRights(t, f, rights, open == 1)
			for _, route := range routes {
				name := route.Method + " " + route.Path
				want := open == 1 || rights.Has(rightOf[name])
				if got := ask(handler, route, f.Tokens["token"]).Code; got == http.StatusUnauthorized || (got != http.StatusForbidden) != want {
					t.Errorf("%s with %q, open %d: %d, want it let in: %t", name, rights, open, got, want)
				}
			}
		}
	}
}

// No route under Prefix ignores a parameter that it does not have.
func TestUnknownParameter(t *testing.T) {
	f := apitest.NewFixture(t, squake.API(), nil, nil)
	handler := withRights(t, f, webhook.OperatorRights, true)
	for name := range rightOf {
		method, path, _ := strings.Cut(name, " ")
		if path == operator.Path {
			continue
		}
		if got := ask(handler, api.Route{Method: method, Path: path + "?nothing=1"}, ""); got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "unknown parameter") {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
}

// withRights gives the two handlers for tokens with certain rights, or open.
func withRights(t *testing.T, f *apitest.Fixture, rights webhook.Rights, open bool) http.Handler {
	t.Helper()
	publish := operator.Config{Publisher: publisher(t, f.Store, &queue{}, f.Setup.Log), Keys: f.Setup.Keys, Now: f.Setup.Now, Log: f.Setup.Log}
	manage := operator.ManageConfig{
		Store: f.Store, Queue: &queue{}, APIs: []api.API{squake.API()}, Sendings: sendings(t, f.Setup), Keys: f.Setup.Keys, Now: f.Setup.Now, Log: f.Setup.Log,
		Links: access.NewLinks(f.Store, f.Setup.Keys, f.Setup.Now), PortalURL: portalURL,
	}
	if !open {
		tokens := operators{granted{f.Setup.Store, rights}}
		publish.Tokens, manage.Tokens = tokens, tokens
	}
	return both{operator.New(publish), operator.NewManage(manage)}
}

// operators makes customers' tokens the operator's.
type operators struct{ granted }

func (o operators) Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error) {
	found, err := o.granted.Token(ctx, h)
	found.Account.API = operator.Name
	return found, err
}

// ask requests a route and returns the response.
func ask(handler http.Handler, route api.Route, token string) *httptest.ResponseRecorder {
	path := strings.NewReplacer("{account}", "squake:1001", "{id}", "1").Replace(route.Path)
	r := httptest.NewRequest(route.Method, path, strings.NewReader("{}"))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}
