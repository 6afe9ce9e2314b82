package squake

import (
	"slices"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

// events can be published: the kinds, and one more that a webhook may have but
// that cannot be registered.
var events = append(slices.Clone(kinds), "carbon_activity_expired")

// attemptTimeout bounds an attempt (docs/contracts/squake.md, Delivery).
const attemptTimeout = 15 * time.Second

// delays returns the times between the ten attempts.
func delays() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// newSending returns how Squake's deliveries are made. It has no settings.
func newSending(api.Setup) (webhook.Sending, error) {
	return webhook.Sending{
		CheckEvent: checkEvent,
		Body:       deliveryBody,
		Header:     deliveryHeader,
		Sample:     sample,
		Statistics: true,
		Timeout:    attemptTimeout,
		Delays:     delays(),
	}, nil
}

func checkEvent(e webhook.Event) error {
	if !slices.Contains(events, e.Name) {
		return webhook.Invalid("event: must be one of %s", strings.Join(events, ", "))
	}
	if err := api.NoInstance(e); err != nil {
		return err
	}
	return api.CheckPayload(e.Payload)
}

// deliveryBody returns {"data": <payload>}, with null for an event without one.
func deliveryBody(d webhook.Delivery, _ webhook.Webhook) ([]byte, error) {
	body, err := api.AppendPayload([]byte(`{"data":`), d.Payload)
	if err != nil {
		return nil, err
	}
	return append(body, '}'), nil
}

// deliveryHeader signs with the 44 characters of the key, not with the bytes
// that they encode.
func deliveryHeader(key webhook.Secret, now time.Time, body []byte) map[string]string {
	header := map[string]string{"Squake-Timestamp": timeText(now)}
	if key.Reveal() != "" {
		header["Squake-Signature"] = signing.HexSHA256(key, body)
	}
	return header
}
