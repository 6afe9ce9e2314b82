package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Sample sends a sample event to a webhook, built and signed like every
// delivery, and gives the answer. It is sent once, whether the webhook is
// disabled or not, and leaves no record and no statistics. The webhook-id
// that it goes under is returned too. The error is a fault of our own.
func (w *Worker) Sample(ctx context.Context, target webhook.Target, eventID string) (id string, answer Answer, err error) {
	sending, known := w.Sendings[target.Webhook.Account.Dialect]
	if !known {
		return "", Answer{}, fmt.Errorf("sample: there is no API %q", target.Webhook.Account.Dialect)
	}
	now := w.Now()
	d := webhook.Delivery{
		Account:    target.Webhook.Account,
		Event:      target.Webhook.Event,
		EventID:    eventID,
		Time:       now.UTC().Truncate(time.Millisecond),
		Payload:    []byte(`{"test":true}`),
		WebhookID:  target.Webhook.ID,
		URL:        target.Webhook.URL,
		AcceptedAt: now,
	}
	if sending.Instance {
		d.Instance = "test"
	}
	t := try{Worker: w, sending: sending, task: webhook.Task{Delivery: d, Target: target}}
	request, err := t.request(ctx, now)
	if err != nil {
		return "", Answer{}, fmt.Errorf("sample for webhook %s of %s: %w", target.Webhook.ID, d.Account, err)
	}
	answer = w.Sender.Send(ctx, request)
	if answer.Interrupted {
		return "", Answer{}, fmt.Errorf("sample for webhook %s of %s: %w", target.Webhook.ID, d.Account, errInterrupted)
	}
	answer.Reason = answer.failure()
	return d.ID(), answer, nil
}
