// Package shoptet implements Shoptet's webhook API, /api/webhooks: its wire
// format, rules and responses. Its contract is docs/contracts/shoptet.md.
package shoptet

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	name         = "shoptet"
	webhooksPath = "/api/webhooks"
	webhookPath  = webhooksPath + "/{id}"
	renewPath    = webhooksPath + "/renew-signature-key"
)

// mediaTypes are the content types of requests. The official PHP client sends
// the vendor's type without the suffix.
var mediaTypes = []string{"application/json", "application/vnd.shoptet.v1.0", "application/vnd.shoptet.v1.0+json"}

// ports are the ports that a webhook's URL may have.
var ports = []uint16{80, 443, 8080, 8443}

// API returns the Shoptet API.
func API() api.API {
	return api.API{
		Name:           name,
		Prefix:         "/api",
		Rights:         true,
		CheckAccountID: checkAccountID,
		New:            newHandler,
		Sending:        newSending,
		Portal:         newPortal,
		Example: api.Example{
			Path:        webhooksPath,
			TokenHeader: "Shoptet-Access-Token: ",
			Body:        `{"data":[{"event":"order:create","url":"https://example.com/shoptet"}]}`,
			Event:       "order:create",
			Instance:    "2018000012",
		},
		Events: func(func(string) string) []string { return slices.Clone(eventNames) },
		Registering: api.Registering{
			Body: func(event, url string) any {
				return map[string]any{"data": []map[string]string{{"event": event, "url": url}}}
			},
			KeyPath:  renewPath,
			KeyField: []string{"data", "signatureKey"},
		},
	}
}

// accountID matches an e-shop's number, optionally followed by the addon's
// name. It is compiled where it is used, which only the command line does,
// rather than at every start of a function.
const accountID = `^[1-9][0-9]{0,14}(-[A-Za-z0-9_-]+)?$`

func checkAccountID(id string) error {
	if regexp.MustCompile(accountID).MatchString(id) {
		return nil
	}
	return errors.New("a Shoptet account is the e-shop's number, then optionally - and the addon's name, such as 315185-myaddon")
}

// handler serves the routes.
type handler struct {
	registry *registry.Registry
	urls     validate.URLPolicy
	now      func() time.Time
}

// rules returns the rules of registrations.
func rules(setup api.Setup) registry.Rules {
	return registry.Rules{
		NewIDs:        newIDs(setup.Keys.Sequence),
		NewAccountKey: setup.Keys.HexKey,
		EventOf:       eventOf,
		Excluding:     excluding,
	}
}

func newHandler(setup api.Setup) (api.Handler, error) {
	h := &handler{
		urls:     setup.URLs,
		now:      setup.Now,
		registry: setup.Registry(rules(setup)),
	}
	h.urls.Ports = ports
	return api.Server{
		API: name,
		Routes: []api.Route{
			{Method: http.MethodPost, Path: webhooksPath, Right: webhook.Write, Body: true, Handle: h.register},
			{Method: http.MethodGet, Path: webhooksPath, Right: webhook.Read, Handle: h.list},
			{Method: http.MethodGet, Path: webhookPath, Right: webhook.Read, Handle: h.show},
			{Method: http.MethodPatch, Path: webhookPath, Right: webhook.Write, Body: true, Handle: h.change},
			{Method: http.MethodDelete, Path: webhookPath, Right: webhook.Write, Handle: h.remove},
			{Method: http.MethodPost, Path: renewPath, Right: webhook.Write, Handle: h.renewSignatureKey},
			{Method: http.MethodGet, Path: webhooksPath + "/notifications", Right: webhook.Read, Handle: h.notifications},
		},
		Refuse:      refuse,
		Credentials: auth.Headers("Shoptet-Access-Token", "Shoptet-Private-Api-Token"),
		MediaTypes:  mediaTypes,
		ContentType: "application/json; charset=utf-8",
	}.Handler(setup), nil
}
