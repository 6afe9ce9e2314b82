package operator

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// webhookResponse is a webhook as responses show it: the records that share an
// id, which were registered together.
type webhookResponse struct {
	ID             string     `json:"id"`
	Account        string     `json:"account"`
	Events         []string   `json:"events"`
	URL            string     `json:"url"`
	State          string     `json:"state"`
	StateSince     timestamp  `json:"state_since"`
	DisabledReason *string    `json:"disabled_reason"` // null: not disabled, or by the operator
	CreatedAt      timestamp  `json:"created_at"`
	UpdatedAt      *timestamp `json:"updated_at"`      // null: never
	LastSuccessAt  *timestamp `json:"last_success_at"` // null: never
	LastFailureAt  *timestamp `json:"last_failure_at"` // null: never
	LastStatus     *int       `json:"last_status"`     // null: no response
	FailedAttempts int64      `json:"failed_attempts"`
}

// newWebhook returns the response for webhooks that share an id.
func newWebhook(g webhook.Group) webhookResponse {
	w := webhookResponse{
		ID: g.ID, Account: g.Account.String(), Events: g.Events, URL: g.URL, State: g.State.String(), StateSince: timestamp{g.Since},
		CreatedAt: timestamp{g.CreatedAt}, UpdatedAt: orNull(g.UpdatedAt),
		LastSuccessAt: orNull(g.LastSentAt), LastFailureAt: orNull(g.LastFailedAt), FailedAttempts: g.FailedAttempts,
	}
	if g.DisabledReason != "" {
		w.DisabledReason = &g.DisabledReason
	}
	if g.LastStatus != 0 {
		w.LastStatus = &g.LastStatus
	}
	return w
}

// newWebhooks returns the responses for a list whose records of one id are
// neighbours.
func newWebhooks(list []webhook.Webhook) []webhookResponse {
	responses := []webhookResponse{}
	for _, g := range webhook.Groups(list) {
		responses = append(responses, newWebhook(g))
	}
	return responses
}

type webhookList struct {
	Webhooks []webhookResponse `json:"webhooks"`
}

// listWebhooks serves GET /operator/accounts/{account}/webhooks.
func (m manager) listWebhooks(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.listed(ctx, r)
	if err != nil {
		return api.Response{}, err
	}
	list, err := m.registry.List(ctx, a)
	if err != nil {
		return api.Response{}, err
	}
	return api.Response{Status: http.StatusOK, Body: webhookList{newWebhooks(list)}}, nil
}

type failingList struct {
	Webhooks []webhookResponse `json:"webhooks"`
	Next     *string           `json:"next"`
}

// listFailing serves GET /operator/webhooks. Each record is an item of its own.
func (m manager) listFailing(ctx context.Context, r *api.Request) (api.Response, error) {
	q := readQuery(r, "api", "state", "cursor", "limit")
	name := webhook.API(q.text("api"))
	m.checkAPI(q, name)
	if q.text("state") != webhook.StateFailing.String() {
		q.wrong("state", "state must be failing, which lists disabled webhooks too.")
	}
	list := "failing of " + string(name)
	after, limit := q.cursor(list), q.limit()
	if q.err != nil {
		return api.Response{}, q.err
	}
	found, next, err := m.store.Failing(ctx, name, after, limit)
	switch {
	case errors.Is(err, webhook.ErrInvalid):
		return api.Response{}, errCursor()
	case err != nil:
		return api.Response{}, err
	}
	body := failingList{Webhooks: make([]webhookResponse, len(found)), Next: newCursor(list, next)}
	for i := range found {
		body.Webhooks[i] = newWebhook(webhook.Groups(found[i : i+1])[0])
	}
	return api.Response{Status: http.StatusOK, Body: body}, nil
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
	return api.Response{Status: http.StatusOK, Body: newWebhooks(records)[0]}, nil
}

// tested is the response to a request for a test.
type tested struct {
	Delivery string `json:"delivery"`
}

// testWebhook serves POST /operator/accounts/{account}/webhooks/{id}/test. Each
// request makes another test.
func (m manager) testWebhook(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err != nil {
		return api.Response{}, err
	}
	fields, err := readFields(r.Content, []string{"event"})
	if err != nil {
		return api.Response{}, err
	}
	event := fields.text("event")
	if fields.err != nil {
		return api.Response{}, fields.err
	}
	d, err := m.tester.Test(ctx, a, r.UUID("id"), event)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return api.Response{}, cmp.Or(m.open(ctx, a), unknown("webhook", err))
	case errors.Is(err, webhook.ErrInvalid):
		return api.Response{}, invalid("event", "event must be one of the webhook's.")
	case errors.Is(err, webhook.ErrDisabled):
		return api.Response{}, errConflict("The webhook is disabled. Enable it to test it.")
	case err != nil:
		return api.Response{}, err
	}
	return api.Response{Status: http.StatusAccepted, Body: tested{d.ID()}}, nil
}

// deleteWebhook serves DELETE /operator/accounts/{account}/webhooks/{id}.
func (m manager) deleteWebhook(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err == nil {
		err = unknown("webhook", m.registry.Delete(ctx, a, r.UUID("id")))
	}
	return noContent(err)
}
