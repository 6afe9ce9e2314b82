// Package abbeycross implements AbbeyCross's webhook API, /v1/webhooks: its
// wire format, rules, working hours and errors. Its contract is
// docs/contracts/abbeycross.md.
package abbeycross

import (
	"errors"
	"net/http"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	name         = "abbeycross"
	registerPath = "/v1/webhooks/register"
)

// API returns the AbbeyCross API.
func API() api.API {
	return api.API{
		Name:           name,
		Prefix:         "/v1",
		CheckAccountID: func(string) error { return nil },
		New:            newHandler,
		Sending:        newSending,
		Portal:         newPortal,
		Example: api.Example{
			Path:        registerPath,
			TokenHeader: "Authorization: Bearer ",
			Body:        `{"url":"https://example.com/abbeycross","events":["shipment.created","shipment.delivered"]}`,
			Event:       "shipment.created",
		},
		Events: likelyEvents,
		Registering: api.Registering{
			Body:     func(event, url string) any { return map[string]any{"url": url, "events": []string{event}} },
			KeyField: []string{"apiSecretKey"},
		},
	}
}

// handler serves the routes.
type handler struct {
	registry *registry.Registry
	urls     validate.URLPolicy
	events   eventList
}

// readSettings reads the API's own settings. The error names all that are wrong.
func readSettings(setup api.Setup) (eventList, hours, error) {
	events, eventsErr := readEvents(setup)
	open, hoursErr := parseHours(setup.Getenv("HOOKLINE_ABBEYCROSS_HOURS"))
	return events, open, errors.Join(eventsErr, hoursErr)
}

// rules returns the rules of registrations.
func rules(setup api.Setup) registry.Rules {
	return registry.Rules{NewIDs: sharedID(setup.Keys.UUID), NewKey: setup.Keys.PrefixedKey}
}

func newHandler(setup api.Setup) (api.Handler, error) {
	events, hours, err := readSettings(setup)
	if err != nil {
		return nil, err
	}
	h := &handler{
		urls:     setup.URLs,
		events:   events,
		registry: setup.Registry(rules(setup)),
	}
	return api.Server{
		API: name,
		Routes: []api.Route{
			{Method: http.MethodPost, Path: registerPath, Right: webhook.Write, Body: true, Handle: h.register},
			{Method: http.MethodGet, Path: "/v1/webhooks", Right: webhook.Read, Handle: h.list},
			{Method: http.MethodDelete, Path: "/v1/webhooks/{id}", Right: webhook.Write, Handle: h.remove},
			{Method: http.MethodPost, Path: "/v1/webhooks/{id}/rotate-secret", Right: webhook.Write, Handle: h.rotateSecret},
		},
		Refuse:      refuse,
		Credentials: auth.Bearer,
		MediaTypes:  []string{"application/json"},
		ContentType: "application/json",
		Closed:      hours.untilOpen,
	}.Handler(setup), nil
}

// sharedID returns a function that gives all records of a registration one id.
func sharedID(newID func() (string, error)) func(events []string) ([]string, error) {
	return func(events []string) ([]string, error) {
		id, err := newID()
		ids := make([]string, len(events))
		for i := range ids {
			ids[i] = id
		}
		return ids, err
	}
}
