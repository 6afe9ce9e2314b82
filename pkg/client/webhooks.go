package client

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Webhook is a URL that an account has registered, and the events that are sent
// to it.
type Webhook struct {
	ID      string   `json:"id"`
	Account string   `json:"account"`
	Events  []string `json:"events"`
	URL     string   `json:"url"`
	// State is "never_called", "healthy", "failing" or "disabled".
	State      string    `json:"state"`
	StateSince time.Time `json:"state_since"`
	// DisabledReason says why Hookline disabled the webhook.
	DisabledReason string    `json:"disabled_reason"`
	CreatedAt      time.Time `json:"created_at"`
	// UpdatedAt is nil if there was no change.
	UpdatedAt *time.Time `json:"updated_at"`
	// LastSuccessAt and LastFailureAt are nil if there was none. The former may
	// be an hour out of date.
	LastSuccessAt *time.Time `json:"last_success_at"`
	LastFailureAt *time.Time `json:"last_failure_at"`
	// LastStatus is the HTTP status of the latest response that was noted, 0 if
	// there was none.
	LastStatus int `json:"last_status"`
	// FailedAttempts counts failed attempts since the latest success.
	FailedAttempts int `json:"failed_attempts"`
}

// FailingPage returns a page of the webhooks of an API that fail or are
// disabled, longest first, each event an item of its own. next is empty at the
// end.
func (c *Client) FailingPage(ctx context.Context, api string, p Page) (webhooks []Webhook, next string, err error) {
	var list struct {
		Webhooks []Webhook `json:"webhooks"`
		Next     string    `json:"next"`
	}
	query := p.add(url.Values{"api": {api}, "state": {"failing"}})
	err = c.do(ctx, call{method: http.MethodGet, path: "/operator/webhooks", query: query, member: "webhooks", repeatable: true}, &list)
	return list.Webhooks, list.Next, cmp.Or(err, checkNext(p.Cursor, list.Next))
}

// Failing goes through the webhooks of an API that fail or are disabled, longest
// first. After an error it ends.
func (c *Client) Failing(ctx context.Context, api string) iter.Seq2[Webhook, error] {
	return pages(func(cursor string) ([]Webhook, string, error) {
		return c.FailingPage(ctx, api, Page{Cursor: cursor})
	})
}

// Webhooks lists the webhooks of an account, oldest first.
func (c *Client) Webhooks(ctx context.Context, account string) ([]Webhook, error) {
	var list struct {
		Webhooks []Webhook `json:"webhooks"`
	}
	err := c.do(ctx, call{method: http.MethodGet, path: accountPath(account, "webhooks"), member: "webhooks", repeatable: true}, &list)
	return list.Webhooks, err
}

// EnableWebhook enables a webhook, such as one that a 410 response disabled.
func (c *Client) EnableWebhook(ctx context.Context, account, id string) (w Webhook, err error) {
	err = c.do(ctx, call{method: http.MethodPost, path: accountPath(account, "webhooks", id, "enable"), member: "id", repeatable: true}, &w)
	return w, err
}

// DisableWebhook disables a webhook. It is sent nothing, and keeps its events.
func (c *Client) DisableWebhook(ctx context.Context, account, id string) (w Webhook, err error) {
	err = c.do(ctx, call{method: http.MethodPost, path: accountPath(account, "webhooks", id, "disable"), member: "id", repeatable: true}, &w)
	return w, err
}

// TestWebhook has a sample of an event sent to a webhook, once, and returns the
// id of the delivery, whose Test is set: see [Client.Delivery] for its result. If
// event is empty, it is the webhook's first. It is sent once: if its response is
// lost, a test may be made.
func (c *Client) TestWebhook(ctx context.Context, account, id, event string) (delivery string, err error) {
	body := map[string]string{}
	if event != "" {
		body["event"] = event
	}
	var accepted struct {
		Delivery string `json:"delivery"`
	}
	err = c.do(ctx, call{method: http.MethodPost, path: accountPath(account, "webhooks", id, "test"), body: body, member: "delivery"}, &accepted)
	return accepted.Delivery, err
}

// DeleteWebhook deletes a webhook. Its events can be registered again at once.
func (c *Client) DeleteWebhook(ctx context.Context, account, id string) error {
	err := c.do(ctx, call{method: http.MethodDelete, path: accountPath(account, "webhooks", id), repeatable: true, removes: true}, nil)
	return err
}
