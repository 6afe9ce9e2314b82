package operator

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

// deliveryResponse is a delivery as responses show it.
type deliveryResponse struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	Event    string    `json:"event"`
	EventID  string    `json:"event_id"`
	Time     timestamp `json:"time"`
	Instance *string   `json:"instance"` // null: the API has none
	// WebhookID and URL are those of the webhook when the event was accepted or
	// the delivery was last retried.
	WebhookID     string     `json:"webhook_id"`
	URL           string     `json:"url"`
	AcceptedAt    timestamp  `json:"accepted_at"`
	Status        string     `json:"status"`
	AttemptCount  int64      `json:"attempt_count"`
	LastAttemptAt *timestamp `json:"last_attempt_at"` // null: never
	LastStatus    *int       `json:"last_status"`     // null: no response
	Reason        *string    `json:"reason"`          // null: nothing failed
	NextAttemptAt *timestamp `json:"next_attempt_at"` // null: no attempt is to come
	Test          bool       `json:"test"`
}

func newDelivery(d webhook.Delivery) deliveryResponse {
	response := deliveryResponse{
		ID: d.ID(), Account: d.Account.String(), Event: d.Event, EventID: d.EventID, Time: timestamp{d.Time},
		WebhookID: d.WebhookID, URL: d.URL, AcceptedAt: timestamp{d.AcceptedAt}, Status: d.Status.String(),
		AttemptCount: d.Attempts, LastAttemptAt: orNull(d.AttemptedAt), NextAttemptAt: orNull(d.Next), Test: d.Test,
	}
	if d.Instance != "" {
		response.Instance = &d.Instance
	}
	if d.StatusCode != 0 {
		response.LastStatus = &d.StatusCode
	}
	if d.Reason != "" {
		response.Reason = &d.Reason
	}
	return response
}

type deliveryList struct {
	Deliveries []deliveryResponse `json:"deliveries"`
	Next       *string            `json:"next"`
}

// readFilter reads which deliveries are asked for.
func readFilter(q *query) (f registry.DeliveryFilter) {
	f.Event, f.From, f.Until = q.text("event"), q.time("from"), q.time("until")
	if q.values.Has("event") && f.Event == "" {
		q.wrong("event", "event must not be empty.")
	}
	if q.values.Has("status") {
		status, err := webhook.ParseStatus(q.text("status"))
		if err != nil {
			q.wrong("status", "status must be one of pending, retrying, delivered, failed, cancelled.")
		}
		f.Status = &status
	}
	return f
}

// listDeliveries serves GET /operator/accounts/{account}/deliveries.
func (m manager) listDeliveries(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.accountOf(r)
	if err != nil {
		return api.Response{}, err
	}
	q := readQuery(r, "event", "status", "from", "until", "cursor", "limit")
	filter, list := readFilter(q), "deliveries of "+a.String()
	after, limit := q.cursor(list), q.limit()
	if q.err != nil {
		return api.Response{}, q.err
	}
	found, next, err := m.registry.DeliveryPage(ctx, a, filter, after, limit)
	switch {
	case errors.Is(err, webhook.ErrInvalid):
		return api.Response{}, errCursor()
	case err != nil:
		return api.Response{}, unknown("account", err)
	}
	body := deliveryList{Deliveries: make([]deliveryResponse, len(found)), Next: newCursor(list, next)}
	for i, d := range found {
		body.Deliveries[i] = newDelivery(d)
	}
	return api.Response{Status: http.StatusOK, Body: body}, nil
}

// deliveryDetails is all that is shown of one delivery.
type deliveryDetails struct {
	deliveryResponse
	Payload  jsontext.Value    `json:"payload"` // null: none, or null itself
	Attempts []attemptResponse `json:"attempts"`
}

// attemptResponse is an attempt as responses show it.
type attemptResponse struct {
	Number     int64     `json:"number"`
	At         timestamp `json:"at"`
	DurationMS *int64    `json:"duration_ms"` // null: not known
	Status     *int      `json:"status"`      // null: no response
	Reason     *string   `json:"reason"`      // null: it succeeded
	// Response is how the body of a response began that was no success.
	Response *string `json:"response"`
}

func newAttempt(a webhook.Attempt) attemptResponse {
	response := attemptResponse{Number: a.Number, At: timestamp{a.At}}
	if a.Duration > 0 {
		ms := a.Duration.Milliseconds()
		response.DurationMS = &ms
	}
	if a.StatusCode != 0 {
		response.Status = &a.StatusCode
	}
	if a.Reason != "" {
		response.Reason = &a.Reason
	}
	if len(a.Response) > 0 {
		text := a.ResponseText()
		response.Response = &text
	}
	return response
}

// find returns a delivery of an account that exists, as lists show it.
// Deliveries of a deleted account with the same id are not found.
func (m manager) find(ctx context.Context, r *api.Request) (webhook.Delivery, error) {
	a, err := m.account(r)
	if err != nil {
		return webhook.Delivery{}, err
	}
	d, err := m.store.Delivery(ctx, a, strings.ToLower(r.PathValue("id")))
	if err == nil {
		d, err = m.registry.Shown(ctx, d)
	}
	if errors.Is(err, webhook.ErrNotFound) {
		err = cmp.Or(m.exists(ctx, a), unknown("delivery", err))
	}
	return d, err
}

// getDelivery serves GET /operator/accounts/{account}/deliveries/{id}.
func (m manager) getDelivery(ctx context.Context, r *api.Request) (api.Response, error) {
	d, err := m.find(ctx, r)
	if err != nil {
		return api.Response{}, err
	}
	attempts, err := m.store.Attempts(ctx, d)
	if err != nil {
		return api.Response{}, err
	}
	details := deliveryDetails{deliveryResponse: newDelivery(d), Payload: d.Payload, Attempts: make([]attemptResponse, len(attempts))}
	for i, a := range attempts {
		details.Attempts[i] = newAttempt(a)
	}
	if d.Payload == nil {
		details.Payload = jsontext.Value("null")
	}
	return api.Response{Status: http.StatusOK, Body: details}, nil
}

// retryDelivery serves POST /operator/accounts/{account}/deliveries/{id}/retry.
// An attempt that is due already is not asked for twice.
func (m manager) retryDelivery(ctx context.Context, r *api.Request) (api.Response, error) {
	d, err := m.find(ctx, r)
	if err != nil {
		return api.Response{}, err
	}
	if d.Test {
		return api.Response{}, errConflict("This delivery is a test, which is attempted once. Test the webhook again.")
	}
	if d.Open() && !d.Next.After(m.now()) {
		return api.Response{}, errConflict("An attempt of this delivery is due already.")
	}
	d, err = m.retrier.Retry(ctx, d.Account, d.ID())
	switch {
	case errors.Is(err, webhook.ErrInvalid):
		return api.Response{}, errConflict("This delivery cannot be attempted again: its webhook is gone or disabled, or it was accepted more than 6 days ago.")
	case errors.Is(err, webhook.ErrChanged):
		return api.Response{}, errConflict("Another attempt of this delivery was just made.")
	case err != nil:
		return api.Response{}, unknown("delivery", err)
	}
	return api.Response{Status: http.StatusAccepted, Body: newDelivery(d)}, nil
}

func errConflict(message string) *Error {
	return &Error{http.StatusConflict, conflict, "", message}
}
