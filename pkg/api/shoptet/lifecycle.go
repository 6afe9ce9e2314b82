package shoptet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

type webhookPage struct {
	Webhooks  []wireWebhook `json:"webhooks"`
	Paginator paginator     `json:"paginator"`
}

// list answers GET /api/webhooks: by ascending id.
func (h *handler) list(ctx context.Context, r *api.Request) (api.Response, error) {
	q := newQuery(r)
	p := q.page()
	if err := q.err(); err != nil {
		return api.Response{}, err
	}
	found, err := h.registry.List(ctx, r.Account)
	if err != nil {
		return api.Response{}, err
	}
	all, err := toWires(found)
	if err != nil {
		return api.Response{}, err
	}
	slices.SortFunc(all, func(v, w wireWebhook) int { return cmp.Compare(v.ID, w.ID) })
	from, to := p.window(int64(len(all)))
	return respond(r, http.StatusOK, webhookPage{all[from:to], p.paginator(int64(len(all)))}, nil), nil
}

// show answers GET /api/webhooks/{id}.
func (h *handler) show(ctx context.Context, r *api.Request) (api.Response, error) {
	found, err := h.registry.Find(ctx, r.Account, r.PathValue("id"))
	if err != nil {
		return api.Response{}, api.Unknown(r.PathValue("id"), err)
	}
	wire, err := toWire(found[0])
	if err != nil {
		return api.Response{}, err
	}
	return respond(r, http.StatusOK, struct {
		Webhook wireWebhook `json:"webhook"`
	}{wire}, nil), nil
}

// change answers PATCH /api/webhooks/{id}.
func (h *handler) change(ctx context.Context, r *api.Request) (api.Response, error) {
	edit, err := h.readChange(r.Content)
	if err != nil {
		return api.Response{}, err
	}
	id := r.PathValue("id")
	_, err = h.registry.Change(ctx, r.Account, id, func(w []webhook.Webhook) error {
		edit(&w[0])
		return nil
	})
	if err != nil {
		return api.Response{}, api.Unknown(id, err)
	}
	return respond(r, http.StatusOK, nil, nil), nil
}

// readChange checks a body {"data":{…}} with one field or both.
func (h *handler) readChange(body []byte) (edit func(*webhook.Webhook), err error) {
	object, err := api.ParseObject(body)
	if err != nil {
		return nil, err
	}
	r := &reader{urls: h.urls}
	r.refuseUnknown(object, "", "data")
	value, sent := object.Get("data")
	data, isObject := api.AsObject(value)
	_, hasURL := data.Get("url")
	_, hasPayload := data.Get("sendPayload")
	switch {
	case !sent:
		r.add("data", "This field is required.")
	case !isObject:
		r.add("data", "This field must be an object.")
	case !hasURL && !hasPayload:
		r.add("data", "One of url and sendPayload is required.")
	}
	r.refuseUnknown(data, "data.", "url", "sendPayload")
	var url string
	if hasURL {
		url = r.text(data, "data", "url", r.checkURL)
	}
	full := r.sendPayload(data, "data")
	if len(r.errors) > 0 {
		return nil, &Error{http.StatusUnprocessableEntity, r.errors}
	}
	return func(w *webhook.Webhook) {
		if hasURL {
			w.URL = url
		}
		if hasPayload {
			w.SendPayload = full
		}
	}, nil
}

// remove answers DELETE /api/webhooks/{id}.
func (h *handler) remove(ctx context.Context, r *api.Request) (api.Response, error) {
	if err := h.registry.Delete(ctx, r.Account, r.PathValue("id")); err != nil {
		return api.Response{}, api.Unknown(r.PathValue("id"), err)
	}
	return respond(r, http.StatusOK, nil, nil), nil
}

// renewSignatureKey answers POST /api/webhooks/renew-signature-key.
func (h *handler) renewSignatureKey(ctx context.Context, r *api.Request) (api.Response, error) {
	key, err := h.registry.RenewAccountKey(ctx, r.Account)
	if err != nil {
		return api.Response{}, accountGone(err)
	}
	return respond(r, http.StatusOK, struct {
		SignatureKey string `json:"signatureKey"`
	}{key.Reveal()}, nil), nil
}

// accountGone makes an invalid token of one whose account has gone meanwhile.
// Other errors stay as they are.
func accountGone(err error) error {
	if errors.Is(err, webhook.ErrNotFound) {
		return &api.Error{Kind: api.InvalidToken}
	}
	return err
}

func toWires(webhooks []webhook.Webhook) ([]wireWebhook, error) {
	list := make([]wireWebhook, len(webhooks))
	for i, w := range webhooks {
		var err error
		if list[i], err = toWire(w); err != nil {
			return nil, fmt.Errorf("show webhook %s: %w", w.ID, err)
		}
	}
	return list, nil
}
