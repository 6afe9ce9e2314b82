package abbeycross

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

// registered is the 201 response to POST /v1/webhooks/register and the 200
// response to a rotated secret.
type registered struct {
	Message      string `json:"message"`
	APISecretKey string `json:"apiSecretKey"`
}

// register serves POST /v1/webhooks/register. Validity is checked before
// conflicts. The response shows the first error in the order url, events,
// events[0], …
func (h *handler) register(ctx context.Context, r *api.Request) (api.Response, error) {
	object, err := api.ParseObject(r.Content)
	if err != nil {
		return api.Response{}, err
	}
	url, err := h.readURL(object)
	if err != nil {
		return api.Response{}, err
	}
	events, values, err := h.readEvents(object)
	if err != nil {
		return api.Response{}, err
	}
	if repeats := validate.Repeats(events); len(repeats) > 0 {
		return api.Response{}, taken(eventAt(repeats[0]), values[repeats[0]])
	}
	items := make([]registry.Item, len(events))
	for i, event := range events {
		items[i] = registry.Item{Event: event, URL: url}
	}
	registration, err := h.registry.Register(ctx, r.Account, items)
	if errors.Is(err, webhook.ErrTooMany) {
		value, _ := object.Get("events")
		return api.Response{}, invalid("events", value, fmt.Sprintf("would give the account more than %d webhooks", webhook.MaxWebhooks))
	}
	if err != nil {
		return api.Response{}, conflict(err, events, values)
	}
	return api.Response{Status: http.StatusCreated, Body: registered{
		Message:      "Webhook registered successfully.",
		APISecretKey: registration.SigningKey.Reveal(),
	}}.NoStore(), nil
}

func (h *handler) readURL(object api.Object) (string, error) {
	url, wrong := object.Text("url", func(url string) string {
		if err := h.urls.URL(url); err != nil {
			return err.Error()
		}
		return ""
	})
	switch wrong {
	case "":
		return url, nil
	case api.FieldRequired:
		return "", missing("url")
	}
	value, _ := object.Get("url")
	return "", invalid("url", value, wrong)
}

// readEvents returns the events, and each as it was written.
func (h *handler) readEvents(object api.Object) (events []string, values []jsontext.Value, err error) {
	value, sent := object.Get("events")
	if !sent {
		return nil, nil, missing("events")
	}
	values, ok := api.AsArray(value)
	if !ok {
		return nil, nil, invalid("events", value, "must be an array of strings")
	}
	if len(values) == 0 || len(values) > validate.MaxBatch {
		return nil, nil, invalid("events", value, fmt.Sprintf("must name 1 to %d events", validate.MaxBatch))
	}
	events = make([]string, len(values))
	for i, value := range values {
		var wrong string
		if events[i], wrong = api.Text(value, h.events.check); wrong != "" {
			return nil, nil, invalid(eventAt(i), value, wrong)
		}
	}
	return events, values, nil
}

// conflict returns the error for the first taken event. It returns any other
// error unchanged.
func conflict(err error, events []string, values []jsontext.Value) error {
	e, ok := errors.AsType[*webhook.TakenError](err)
	if !ok {
		return err
	}
	for i, event := range events {
		if _, ok := e.IDs[event]; ok {
			return taken(eventAt(i), values[i])
		}
	}
	return err
}

func eventAt(i int) string { return fmt.Sprintf("events[%d]", i) }
