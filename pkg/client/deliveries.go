package client

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
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
	// Test says that the delivery is a sample: see [Client.TestWebhook].
	Test bool `json:"test"`
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

// DeliveryFilter selects deliveries. A zero field selects all.
type DeliveryFilter struct {
	Event, Status string
	// From and Until bound the time of the event: from From on, before Until.
	From, Until time.Time
}

// DeliveryPage returns a page of the deliveries of an account that f selects,
// the latest event first. next is empty at the end. A page may have few
// deliveries, or none, before the end.
func (c *Client) DeliveryPage(ctx context.Context, account string, f DeliveryFilter, p Page) (deliveries []Delivery, next string, err error) {
	query := p.add(url.Values{})
	for name, value := range map[string]string{"event": f.Event, "status": f.Status} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"from": f.From, "until": f.Until} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	var list struct {
		Deliveries []Delivery `json:"deliveries"`
		Next       string     `json:"next"`
	}
	err = c.do(ctx, call{method: http.MethodGet, path: accountPath(account, "deliveries"), query: query, member: "deliveries", repeatable: true}, &list)
	return list.Deliveries, list.Next, cmp.Or(err, checkNext(p.Cursor, list.Next))
}

// Deliveries goes through the deliveries of an account that f selects, the
// latest event first. After an error it ends.
func (c *Client) Deliveries(ctx context.Context, account string, f DeliveryFilter) iter.Seq2[Delivery, error] {
	return pages(func(cursor string) ([]Delivery, string, error) {
		return c.DeliveryPage(ctx, account, f, Page{Cursor: cursor})
	})
}

// Delivery returns a delivery of an account by its id.
func (c *Client) Delivery(ctx context.Context, account, id string) (d DeliveryDetails, err error) {
	err = c.do(ctx, call{method: http.MethodGet, path: accountPath(account, "deliveries", id), member: "id", repeatable: true}, &d)
	return d, err
}

// RetryDelivery has a delivery attempted once more, at once, at whichever webhook
// has the event now. It is sent once: if
// its response is lost, an attempt may be due.
func (c *Client) RetryDelivery(ctx context.Context, account, id string) (d Delivery, err error) {
	err = c.do(ctx, call{method: http.MethodPost, path: accountPath(account, "deliveries", id, "retry"), member: "id"}, &d)
	return d, err
}
