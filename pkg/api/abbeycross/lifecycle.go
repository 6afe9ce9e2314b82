package abbeycross

import (
	"context"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// wireWebhook is a registration as it is listed: a URL and its events in the
// order in which they were registered.
type wireWebhook struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	CreatedAt string   `json:"createdAt"`
}

type webhookList struct {
	Webhooks []*wireWebhook `json:"webhooks"`
}

// toWire groups records by registration and keeps their order.
func toWire(records []webhook.Webhook) []*wireWebhook {
	list := []*wireWebhook{}
	byID := map[string]*wireWebhook{}
	for _, w := range records {
		if byID[w.ID] == nil {
			byID[w.ID] = &wireWebhook{ID: w.ID, URL: w.URL, CreatedAt: w.CreatedAt.UTC().Format(time.RFC3339)}
			list = append(list, byID[w.ID])
		}
		byID[w.ID].Events = append(byID[w.ID].Events, w.Event)
	}
	return list
}

// list serves GET /v1/webhooks.
func (h *handler) list(ctx context.Context, r *api.Request) (api.Response, error) {
	records, err := h.registry.List(ctx, r.Account)
	if err != nil {
		return api.Response{}, err
	}
	return api.Response{Status: http.StatusOK, Body: webhookList{toWire(records)}}, nil
}

// remove serves DELETE /v1/webhooks/{id}.
func (h *handler) remove(ctx context.Context, r *api.Request) (api.Response, error) {
	if err := h.registry.Delete(ctx, r.Account, r.UUID("id")); err != nil {
		return api.Response{}, api.Unknown(r.UUID("id"), err)
	}
	return api.Response{Status: http.StatusNoContent}, nil
}

// rotateSecret serves POST /v1/webhooks/{id}/rotate-secret. The old key still
// signs for 24 hours.
func (h *handler) rotateSecret(ctx context.Context, r *api.Request) (api.Response, error) {
	key, err := h.registry.RotateKey(ctx, r.Account, r.UUID("id"))
	if err != nil {
		return api.Response{}, api.Unknown(r.UUID("id"), err)
	}
	return api.Response{Status: http.StatusOK, Body: registered{
		Message:      "Webhook secret rotated successfully.",
		APISecretKey: key.Reveal(),
	}}.NoStore(), nil
}
