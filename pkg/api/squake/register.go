package squake

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

// created is the 201 response to POST /v2/webhooks.
type created struct {
	wireWebhook
	SigningKey string `json:"signing_key"`
}

// register serves POST /v2/webhooks.
func (h *handler) register(ctx context.Context, r *api.Request) (api.Response, error) {
	item, err := h.readItem(r.Content)
	if err != nil {
		return api.Response{}, err
	}
	registration, err := h.registry.Register(ctx, r.Account, []registry.Item{item})
	if err != nil {
		return api.Response{}, conflict(err)
	}
	w := registration.Webhooks[0]
	return api.Response{
		Status: http.StatusCreated,
		Header: map[string]string{"Location": webhooksPath + "/" + w.ID},
		Body:   created{toWire(w), registration.SigningKey.Reveal()},
	}.NoStore(), nil
}

// conflict returns an error that names the webhook of the kind. It returns any
// other error unchanged.
func conflict(err error) error {
	taken, ok := errors.AsType[*webhook.TakenError](err)
	if !ok {
		return err
	}
	var found Error
	for _, id := range taken.IDs {
		found = append(found, errorItem{
			Code:   codeField,
			Detail: "Webhook already exists for this event",
			Source: source{Attribute: "kind", ID: id, Model: model},
		})
	}
	return found
}

// readItem reads and validates the body. It reports all errors at once and
// ignores unknown fields.
func (h *handler) readItem(body []byte) (registry.Item, error) {
	object, err := api.ParseObject(body)
	if err != nil {
		return registry.Item{}, err
	}
	var found Error
	item := registry.Item{Event: found.kind(object, required), URL: found.url(object, h.urls, required)}
	if len(found) > 0 {
		return registry.Item{}, found
	}
	return item, nil
}

// required and optional say whether a field that was not sent is an error.
const (
	required = true
	optional = false
)

// kind reads and validates the kind.
func (f *Error) kind(object api.Object, required bool) string {
	return f.text(object, "kind", required, checkKind)
}

// checkKind says what is wrong with a kind. It returns "" if it can be
// registered.
func checkKind(kind string) string {
	if slices.Contains(kinds, kind) {
		return ""
	}
	return "must be one of " + strings.Join(kinds, ", ")
}

// url reads and validates the URL.
func (f *Error) url(object api.Object, urls validate.URLPolicy, required bool) string {
	return f.text(object, "endpoint_url", required, func(url string) string {
		if err := urls.URL(url); err != nil {
			return err.Error()
		}
		return ""
	})
}

// text reads a string field and appends to f what is wrong with it.
func (f *Error) text(object api.Object, field string, required bool, check func(string) string) string {
	text, wrong := object.Text(field, check)
	if wrong != "" && (required || wrong != api.FieldRequired) {
		f.add(field, wrong)
	}
	return text
}
