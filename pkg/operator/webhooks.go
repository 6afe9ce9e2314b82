package operator

import (
	"context"
	"net/http"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// webhookResponse is a webhook as responses show it: the records that share an
// id, which were registered together.
type webhookResponse struct {
	ID             string     `json:"id"`
	Events         []string   `json:"events"`
	URL            string     `json:"url"`
	DisabledReason *string    `json:"disabled_reason"` // null: not disabled, or by the operator or the customer
	CreatedAt      timestamp  `json:"created_at"`
	UpdatedAt      *timestamp `json:"updated_at"` // null: never
}

// newWebhook returns the response for the records of one id.
func newWebhook(records []webhook.Webhook) webhookResponse {
	first := records[0]
	w := webhookResponse{ID: first.ID, URL: first.URL, CreatedAt: timestamp{first.CreatedAt}, UpdatedAt: orNull(first.UpdatedAt)}
	if first.DisabledReason != "" {
		w.DisabledReason = &first.DisabledReason
	}
	for _, r := range records {
		w.Events = append(w.Events, r.Event)
	}
	return w
}

// newWebhooks returns the responses for a list whose records of one id are
// neighbours.
func newWebhooks(list []webhook.Webhook) []webhookResponse {
	responses := []webhookResponse{}
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].ID == list[0].ID {
			n++
		}
		responses = append(responses, newWebhook(list[:n]))
		list = list[n:]
	}
	return responses
}

type webhookList struct {
	Webhooks []webhookResponse `json:"webhooks"`
}

// listWebhooks serves GET /operator/accounts/{account}/webhooks.
func (m manager) listWebhooks(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err == nil {
		err = readQuery(r).err
	}
	if err == nil {
		err = m.exists(ctx, a)
	}
	if err != nil {
		return api.Response{}, err
	}
	list, err := m.registry.List(ctx, a)
	if err != nil {
		return api.Response{}, err
	}
	return api.Response{Status: http.StatusOK, Body: webhookList{newWebhooks(list)}}, nil
}

// enableWebhook serves POST /operator/accounts/{account}/webhooks/{id}/enable.
func (m manager) enableWebhook(ctx context.Context, r *api.Request) (api.Response, error) {
	return m.setEnabled(ctx, r, true)
}

// disableWebhook serves POST /operator/accounts/{account}/webhooks/{id}/disable.
func (m manager) disableWebhook(ctx context.Context, r *api.Request) (api.Response, error) {
	return m.setEnabled(ctx, r, false)
}

func (m manager) setEnabled(ctx context.Context, r *api.Request, enabled bool) (api.Response, error) {
	a, err := m.account(r)
	if err != nil {
		return api.Response{}, err
	}
	records, err := m.registry.SetEnabled(ctx, a, r.UUID("id"), enabled)
	if err != nil {
		return api.Response{}, unknown("webhook", err)
	}
	return api.Response{Status: http.StatusOK, Body: newWebhook(records)}, nil
}

// deleteWebhook serves DELETE /operator/accounts/{account}/webhooks/{id}.
func (m manager) deleteWebhook(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err == nil {
		err = unknown("webhook", m.registry.Delete(ctx, a, r.UUID("id")))
	}
	if err != nil {
		return api.Response{}, err
	}
	return api.Response{Status: http.StatusNoContent}, nil
}
