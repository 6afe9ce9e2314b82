package squake

import (
	"context"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// wireWebhook is a webhook as it is shown: never with its key.
type wireWebhook struct {
	ID             string  `json:"id"`
	LastFailedAt   *string `json:"last_failed_at"`
	LastSentAt     *string `json:"last_sent_at"`
	FailedAttempts int64   `json:"failed_attempts"`
	Kind           string  `json:"kind"`
	EndpointURL    string  `json:"endpoint_url"`
}

func toWire(w webhook.Webhook) wireWebhook {
	return wireWebhook{
		ID:             w.ID,
		LastFailedAt:   wireTime(w.Statistics.LastFailedAt),
		LastSentAt:     wireTime(w.Statistics.LastSentAt),
		FailedAttempts: w.Statistics.FailedAttempts,
		Kind:           w.Event,
		EndpointURL:    w.URL,
	}
}

// wireTime writes UTC with whole seconds, and nil for what has not happened.
func wireTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := timeText(t)
	return &text
}

// timeText writes UTC with whole seconds.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// list answers GET /v2/webhooks.
func (h *handler) list(ctx context.Context, r *api.Request) (api.Response, error) {
	found, err := h.registry.List(ctx, r.Account)
	if err != nil {
		return api.Response{}, err
	}
	list := make([]wireWebhook, len(found))
	for i, w := range found {
		list[i] = toWire(w)
	}
	return api.Response{Status: http.StatusOK, Body: list}, nil
}

// show answers GET /v2/webhooks/{id}.
func (h *handler) show(ctx context.Context, r *api.Request) (api.Response, error) {
	found, err := h.registry.Find(ctx, r.Account, r.PathValue("id"))
	if err != nil {
		return api.Response{}, api.Unknown(r.PathValue("id"), err)
	}
	return api.Response{Status: http.StatusOK, Body: toWire(found[0])}, nil
}

// change answers PUT /v2/webhooks/{id}.
func (h *handler) change(ctx context.Context, r *api.Request) (api.Response, error) {
	kind, url, err := h.readChange(r.Content)
	if err != nil {
		return api.Response{}, err
	}
	id := r.PathValue("id")
	changed, err := h.registry.Change(ctx, r.Account, id, func(w []webhook.Webhook) error {
		if kind != "" {
			w[0].Event = kind
		}
		if url != "" {
			w[0].URL = url
		}
		return nil
	})
	if err != nil {
		return api.Response{}, conflict(api.Unknown(id, err))
	}
	return api.Response{Status: http.StatusOK, Body: toWire(changed[0])}, nil
}

// readChange checks a body with one field or both; what was not sent is empty.
func (h *handler) readChange(body []byte) (kind, url string, err error) {
	object, err := api.ParseObject(body)
	if err != nil {
		return "", "", err
	}
	_, hasKind := object.Get("kind")
	_, hasURL := object.Get("endpoint_url")
	var found Error
	if !hasKind && !hasURL {
		found = Error{{codeField, "The body must have kind or endpoint_url", source{Attribute: base}}}
	}
	kind, url = found.kind(object, optional), found.url(object, h.urls, optional)
	if len(found) > 0 {
		return "", "", found
	}
	return kind, url, nil
}

// remove answers DELETE /v2/webhooks/{id}.
func (h *handler) remove(ctx context.Context, r *api.Request) (api.Response, error) {
	if err := h.registry.Delete(ctx, r.Account, r.PathValue("id")); err != nil {
		return api.Response{}, api.Unknown(r.PathValue("id"), err)
	}
	return api.Response{Status: http.StatusNoContent}, nil
}
