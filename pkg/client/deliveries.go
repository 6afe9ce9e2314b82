package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Delivery is an event on its way to a webhook.
type Delivery struct {
	// ID is the webhook-id that receivers get.
	ID      string    `json:"id"`
	Account string    `json:"account"`
	Event   string    `json:"event"`
	EventID string    `json:"event_id"`
	Time    time.Time `json:"time"`
	// Instance is what the event is about, empty where the API has none.
	Instance string `json:"instance"`
	// WebhookID and URL are those of the webhook when the event was accepted or
	// the delivery was last retried.
	WebhookID  string    `json:"webhook_id"`
	URL        string    `json:"url"`
	AcceptedAt time.Time `json:"accepted_at"`
	// Status is "pending", "retrying", "delivered", "failed" or "cancelled".
	Status       string `json:"status"`
	AttemptCount int    `json:"attempt_count"`
	// LastAttemptAt is nil before the first attempt.
	LastAttemptAt *time.Time `json:"last_attempt_at"`
	// LastStatus is the HTTP status of the latest response, 0 if there was none.
	LastStatus int `json:"last_status"`
	// Reason says why the latest attempt failed or the delivery was cancelled.
	Reason string `json:"reason"`
	// NextAttemptAt is nil if no attempt is to come.
	NextAttemptAt *time.Time `json:"next_attempt_at"`
}

// DeliveryDetails is a delivery with its payload and attempts.
type DeliveryDetails struct {
	Delivery
	Payload json.RawMessage `json:"payload"`
	// Attempts are those that are kept, oldest first: those that failed, and the
	// latest.
	Attempts []Attempt `json:"attempts"`
}

// Attempt is one attempt of a delivery.
type Attempt struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	// DurationMS is how long it took in milliseconds, 0 if that is not known.
	DurationMS int64 `json:"duration_ms"`
	// Status is the HTTP status of the response, 0 if there was none.
	Status int `json:"status"`
	// Reason says why the attempt failed. It is empty if it succeeded.
	Reason string `json:"reason"`
	// Response is how the body of a response began that was no success. The
	// receiver wrote it: escape it for HTML.
	Response string `json:"response"`
}

// Delivery returns a delivery of an account by its id.
func (c *Client) Delivery(ctx context.Context, account, id string) (d DeliveryDetails, err error) {
	err = c.do(ctx, call{method: http.MethodGet, path: accountPath(account, "deliveries", id), repeatable: true}, &d)
	return d, err
}

// RetryDelivery has a delivery attempted once more, at once, at whichever webhook
// has the event now. It is sent once: if
// its response is lost, an attempt may be due.
func (c *Client) RetryDelivery(ctx context.Context, account, id string) (d Delivery, err error) {
	err = c.do(ctx, call{method: http.MethodPost, path: accountPath(account, "deliveries", id, "retry")}, &d)
	return d, err
}
