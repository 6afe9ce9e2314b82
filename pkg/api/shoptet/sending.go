package shoptet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// attemptTimeout and attemptInterval are those of
	// docs/contracts/shoptet.md, Delivery.
	attemptTimeout  = 4 * time.Second
	attemptInterval = 15 * time.Minute
	// maxInstance is the maximum length of eventInstance in characters
	// (docs/contracts/operator.md, POST /events).
	maxInstance = 512
)

// newSending returns how Shoptet's deliveries are made. It has no settings.
func newSending(setup api.Setup) (webhook.Sending, error) {
	number, err := newNumbers(setup)
	if err != nil {
		return webhook.Sending{}, err
	}
	return webhook.Sending{
		CheckEvent: checkEvent,
		Body:       deliveryBody,
		Header:     deliveryHeader,
		Sample:     sample,
		Number:     number,
		Instance:   true,
		AccountKey: true,
		Timeout:    attemptTimeout,
		Delays:     []time.Duration{attemptInterval, attemptInterval}, // three attempts
		Ports:      slices.Clone(ports),
	}, nil
}

// newNumbers returns a function that makes ids of notifications. A counter
// replaces the event's number, so that a process repeats an id only from its
// 256th in a millisecond. The counter starts at random, so that processes
// seldom collide.
func newNumbers(setup api.Setup) (func() (int64, error), error) {
	id, err := setup.Keys.UUID()
	if err != nil {
		return nil, fmt.Errorf("number notifications: %w", err)
	}
	start, err := strconv.ParseUint(id[len(id)-2:], 16, 8) // random (RFC 9562, section 5.7)
	if err != nil {
		return nil, fmt.Errorf("number notifications: %w", err)
	}
	var count atomic.Uint32
	count.Store(uint32(start))
	return func() (int64, error) {
		return setup.Keys.Sequence(uint8(count.Add(1))) //nolint:gosec // it wraps around
	}, nil
}

func checkEvent(e webhook.Event) error {
	_, known := eventNumbers[e.Name]
	switch {
	case slices.Contains(systemEvents, e.Name):
		return webhook.Invalid("event: is a system event, which no webhook can be registered for")
	case !known:
		return webhook.Invalid("event: is not an event of this API")
	case !utf8.ValidString(e.Instance) || utf8.RuneCountInString(e.Instance) > maxInstance:
		return webhook.Invalid("instance: must have 0 to %d characters", maxInstance)
	}
	return api.CheckPayload(e.Payload)
}

// deliveryBody returns {"eshopId","event","eventCreated","eventInstance"}. It
// adds "payload" if the customer asked for it and the event has one, except for
// mass events, which never have it.
func deliveryBody(d webhook.Delivery, w webhook.Webhook) ([]byte, error) {
	eshop, err := eshopID(d.Account)
	if err != nil {
		return nil, err
	}
	body := strconv.AppendInt([]byte(`{"eshopId":`), eshop, 10)
	body = appendString(append(body, `,"event":`...), d.Event)
	body = appendString(append(body, `,"eventCreated":`...), wireTime(d.Time))
	body = appendString(append(body, `,"eventInstance":`...), d.Instance)
	if w.SendPayload && d.Payload != nil && !isMass(d.Event) {
		body, err = appendValue(append(body, `,"payload":`...), d.Payload)
		if err != nil {
			return nil, err
		}
	}
	return append(body, '}'), nil
}

// isMass reports whether an event is about several things at once.
func isMass(event string) bool { return strings.Contains(event, ":mass") }

// deliveryHeader signs with the 32 digits of the account's key, not with the
// bytes that they encode, if there is a key.
func deliveryHeader(key webhook.Secret, _ time.Time, body []byte) map[string]string {
	if key.Reveal() == "" {
		return nil
	}
	return map[string]string{"Shoptet-Webhook-Signature": signing.HexSHA1(key, body)}
}
