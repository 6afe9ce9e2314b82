package abbeycross

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// attemptTimeout bounds an attempt (docs/contracts/abbeycross.md, Delivery).
const attemptTimeout = 15 * time.Second

// delays returns the times between the ten attempts.
func delays() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// newSending returns how AbbeyCross's deliveries are made. Events that can be
// published are those that can be registered.
func newSending(setup api.Setup) (webhook.Sending, error) {
	events, err := readEvents(setup)
	if err != nil {
		return webhook.Sending{}, err
	}
	return webhook.Sending{
		CheckEvent: events.checkEvent,
		Body:       deliveryBody,
		Header:     deliveryHeader,
		Sample:     sample,
		Timeout:    attemptTimeout,
		Delays:     delays(),
	}, nil
}

func (l eventList) checkEvent(e webhook.Event) error {
	if text := l.check(e.Name); text != "" {
		return webhook.Invalid("event: %s", text)
	}
	if err := api.NoInstance(e); err != nil {
		return err
	}
	return api.CheckPayload(e.Payload)
}

// deliveryBody returns {"type","timestamp","data"}. data is null for an event
// without a payload.
func deliveryBody(d webhook.Delivery, _ webhook.Webhook) ([]byte, error) {
	body, err := jsontext.AppendQuote([]byte(`{"type":`), d.Event)
	if err != nil {
		return nil, err
	}
	body = append(body, `,"timestamp":"`...)
	body = d.Time.UTC().AppendFormat(body, time.RFC3339)
	body, err = api.AppendPayload(append(body, `","data":`...), d.Payload)
	if err != nil {
		return nil, err
	}
	return append(body, '}'), nil
}

// deliveryHeader returns nothing: the signature is that of Standard Webhooks.
func deliveryHeader(webhook.Secret, time.Time, []byte) map[string]string { return nil }
