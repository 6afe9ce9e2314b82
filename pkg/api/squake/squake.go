// Package squake implements Squake's webhook API, /v2/webhooks: its wire
// format, rules and errors. Its contract is docs/contracts/squake.md.
package squake

import (
	"net/http"
	"slices"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	name         = "squake"
	webhooksPath = "/v2/webhooks"
	webhookPath  = webhooksPath + "/{id}"
)

// kinds are the events that can be registered.
var kinds = []string{"order", "confirmation_document_available", "certificate_document_available"}

// API returns the Squake API.
func API() api.API {
	return api.API{
		Name:           name,
		Prefix:         "/v2",
		CheckAccountID: func(string) error { return nil },
		New:            newHandler,
		Sending:        newSending,
		Portal:         newPortal,
		Example: api.Example{
			Path:        webhooksPath,
			TokenHeader: "Authorization: Bearer ",
			Body:        `{"kind":"order","endpoint_url":"https://example.com/squake"}`,
			Event:       "order",
		},
		Events: func(func(string) string) []string { return slices.Clone(kinds) },
		Registering: api.Registering{
			Body:     func(event, url string) any { return map[string]string{"kind": event, "endpoint_url": url} },
			KeyField: []string{"signing_key"},
		},
	}
}

// handler serves the routes.
type handler struct {
	registry *registry.Registry
	urls     validate.URLPolicy
}

// rules returns the rules of registrations.
func rules(setup api.Setup) registry.Rules {
	return registry.Rules{
		NewIDs: func([]string) ([]string, error) {
			id, err := setup.Keys.UUID()
			return []string{id}, err
		},
		NewKey: setup.Keys.Base64Key,
	}
}

func newHandler(setup api.Setup) (api.Handler, error) {
	h := &handler{
		urls:     setup.URLs,
		registry: setup.Registry(rules(setup)),
	}
	return api.Server{
		API: name,
		Routes: []api.Route{
			{Method: http.MethodPost, Path: webhooksPath, Right: webhook.Write, Body: true, Handle: h.register},
			{Method: http.MethodGet, Path: webhooksPath, Right: webhook.Read, Handle: h.list},
			{Method: http.MethodGet, Path: webhookPath, Right: webhook.Read, Handle: h.show},
			{Method: http.MethodPut, Path: webhookPath, Right: webhook.Write, Body: true, Handle: h.change},
			{Method: http.MethodDelete, Path: webhookPath, Right: webhook.Write, Handle: h.remove},
		},
		Refuse:      refuse,
		Credentials: auth.Bearer,
		MediaTypes:  []string{"application/json"},
		ContentType: "application/json",
	}.Handler(setup), nil
}
