package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Event is something that happened, to be delivered to a webhook.
type Event struct {
	Account string `json:"account"`
	Event   string `json:"event"`
	// ID and Time identify the event, with Account and Event. Both or neither
	// are given. An event without an id is always a new one.
	ID   string    `json:"id,omitempty"`
	Time time.Time `json:"time,omitzero"`
	// Instance is what the event is about; Shoptet's events need it.
	Instance *string         `json:"instance,omitempty"`
	Payload  json.RawMessage `json:"payload,omitempty"`
}

// Result is the outcome of publishing one event.
type Result struct {
	// Delivery is the id of the delivery that the event is, empty if none.
	Delivery string `json:"delivery"`
	// Status is "accepted", "duplicate", "held", "no_webhook", "unknown_account",
	// "rejected" or "failed" (docs/contracts/operator.md, Results).
	Status string `json:"status"`
	Error  string `json:"error"`
}

// Publish publishes 1 to 100 events, and returns a result for each, in their
// order. It is repeated if its response is lost and all events have an id.
func (c *Client) Publish(ctx context.Context, events []Event) ([]Result, error) {
	identified := true
	for _, e := range events {
		identified = identified && e.ID != ""
	}
	var response struct {
		Results []Result `json:"results"`
	}
	err := c.do(ctx, call{
		method: http.MethodPost, path: "/events", body: map[string]any{"events": events}, member: "results", repeatable: identified,
	}, &response)
	if err == nil && len(response.Results) != len(events) {
		err = fmt.Errorf("POST /events: the response is not as described: %d results for %d events", len(response.Results), len(events))
	}
	return response.Results, err
}
