package operator

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

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

// newWebhook returns the response for the records of one id. Its state is the
// worst of theirs, since then; its latest success, failure and status are the
// latest of all, and its failed attempts their sum.
func newWebhook(records []webhook.Webhook) webhookResponse {
	first := records[0]
	w := webhookResponse{
		ID: first.ID, Account: first.Account.String(), URL: first.URL, CreatedAt: timestamp{first.CreatedAt}, UpdatedAt: orNull(first.UpdatedAt),
	}
	if first.DisabledReason != "" {
		w.DisabledReason = &first.DisabledReason
	}
	worst, latest := first, first
	var success, failure time.Time
	for _, r := range records {
		w.Events = append(w.Events, r.Event)
		w.FailedAttempts += r.Statistics.FailedAttempts
		success, failure = later(success, r.Statistics.LastSentAt), later(failure, r.Statistics.LastFailedAt)
		if r.State() > worst.State() || r.State() == worst.State() && r.StateSince().Before(worst.StateSince()) {
			worst = r
		}
		if attempted(r).After(attempted(latest)) {
			latest = r
		}
	}
	w.State, w.StateSince = worst.State().String(), timestamp{worst.StateSince()}
	w.LastSuccessAt, w.LastFailureAt = orNull(success), orNull(failure)
	if latest.Statistics.LastStatus != 0 {
		w.LastStatus = &latest.Statistics.LastStatus
	}
	return w
}

// attempted returns the time of the latest attempt of a record's statistics.
func attempted(w webhook.Webhook) time.Time {
	return later(w.Statistics.LastSentAt, w.Statistics.LastFailedAt)
}

func later(s, t time.Time) time.Time {
	if t.After(s) {
		return t
	}
	return s
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
		body.Webhooks[i] = newWebhook(found[i : i+1])
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
	return api.Response{Status: http.StatusOK, Body: newWebhook(records)}, nil
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
	if err != nil {
		return api.Response{}, err
	}
	return api.Response{Status: http.StatusNoContent}, nil
}
