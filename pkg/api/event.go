package api

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/webhook"
)

// CheckPayload checks an event's payload: none, or JSON (RFC 8259) in UTF-8 in
// which no name stands twice in an object and no surrogate stands alone. The
// error matches webhook.ErrInvalid and repeats nothing of the payload.
func CheckPayload(payload []byte) error {
	if payload != nil && !jsontext.Value(payload).IsValid() {
		return webhook.Invalid("payload: must be one JSON value in UTF-8, no name twice in an object")
	}
	return nil
}

// NoInstance returns an [*EventError] if the event has an instance. It is for
// APIs whose events have none.
func NoInstance(e webhook.Event) error {
	if e.Instance != "" {
		return webhook.Invalid("instance: this API has none")
	}
	return nil
}

var errPayload = errors.New("the payload is not JSON")

// AppendPayload appends a payload to a body as its publisher wrote it, or null
// if it is nil. It returns an error if the payload is not JSON; the error shows
// nothing of it.
func AppendPayload(body, payload []byte) ([]byte, error) {
	if payload == nil {
		return append(body, "null"...), nil
	}
	if !jsontext.Value(payload).IsValid() {
		return nil, errPayload
	}
	return append(body, payload...), nil
}
