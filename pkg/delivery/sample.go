package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Sample sends a sample event to a webhook, built and signed like every
// delivery, and returns its webhook-id and the response. It sends the event
// once, even if the webhook is disabled, and leaves no record and no
// statistics. An error is an internal error.
func (w *Worker) Sample(ctx context.Context, recipient webhook.Recipient, eventID string) (id string, response Response, err error) {
	sending, known := w.cfg.Sendings[recipient.Webhook.Account.API]
	if !known {
		return "", Response{}, fmt.Errorf("sample: there is no API %q", recipient.Webhook.Account.API)
	}
	now := w.cfg.Now()
	d := webhook.Delivery{
		Account:    recipient.Webhook.Account,
		Event:      recipient.Webhook.Event,
		EventID:    eventID,
		Time:       now.UTC().Truncate(time.Millisecond),
		Payload:    []byte(`{"test":true}`),
		WebhookID:  recipient.Webhook.ID,
		URL:        recipient.Webhook.URL,
		AcceptedAt: now,
	}
	if sending.Instance {
		d.Instance = "test"
	}
	t := attempt{Worker: w, sending: sending, input: webhook.AttemptInput{Delivery: d, Recipient: recipient}}
	request, err := t.request(ctx, now)
	if err != nil {
		return "", Response{}, fmt.Errorf("sample for webhook %s of %s: %w", recipient.Webhook.ID, d.Account, err)
	}
	response = w.cfg.Sender.Send(ctx, request)
	if response.Interrupted {
		return "", Response{}, fmt.Errorf("sample for webhook %s of %s: %w", recipient.Webhook.ID, d.Account, errInterrupted)
	}
	response.Reason = response.failure()
	return d.ID(), response, nil
}
