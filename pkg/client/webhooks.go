package client

import (
	"context"
	"net/http"
	"time"
)

// Webhook is a URL that an account has registered, and the events that are sent
// to it.
type Webhook struct {
	ID     string   `json:"id"`
	Events []string `json:"events"`
	URL    string   `json:"url"`
	// DisabledReason says why Hookline disabled the webhook.
	DisabledReason string    `json:"disabled_reason"`
	CreatedAt      time.Time `json:"created_at"`
	// UpdatedAt is nil if there was no change.
	UpdatedAt *time.Time `json:"updated_at"`
}

// Webhooks lists the webhooks of an account, oldest first.
func (c *Client) Webhooks(ctx context.Context, account string) ([]Webhook, error) {
	var list struct {
		Webhooks []Webhook `json:"webhooks"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: accountPath(account, "webhooks"), repeatable: true}, &list)
	return list.Webhooks, err
}

// EnableWebhook enables a webhook, such as one that a 410 response disabled.
func (c *Client) EnableWebhook(ctx context.Context, account, id string) (w Webhook, err error) {
	_, err = c.do(ctx, call{method: http.MethodPost, path: accountPath(account, "webhooks", id, "enable"), repeatable: true}, &w)
	return w, err
}

// DisableWebhook disables a webhook. It is sent nothing, and keeps its events.
func (c *Client) DisableWebhook(ctx context.Context, account, id string) (w Webhook, err error) {
	_, err = c.do(ctx, call{method: http.MethodPost, path: accountPath(account, "webhooks", id, "disable"), repeatable: true}, &w)
	return w, err
}

// DeleteWebhook deletes a webhook. Its events can be registered again at once.
func (c *Client) DeleteWebhook(ctx context.Context, account, id string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: accountPath(account, "webhooks", id), repeatable: true, removes: true}, nil)
	return err
}
