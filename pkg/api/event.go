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

// NoInstance refuses an instance, for APIs whose events have none. The error
// matches webhook.ErrInvalid.
func NoInstance(e webhook.Event) error {
	if e.Instance != "" {
		return webhook.Invalid("instance: this API has none")
	}
	return nil
}

var errPayload = errors.New("the payload is not JSON")

// AppendPayload writes a payload into a body as its publisher spelled it, and
// null for none. The error says that it is not JSON, and shows nothing of it.
func AppendPayload(body, payload []byte) ([]byte, error) {
	if payload == nil {
		return append(body, "null"...), nil
	}
	if !jsontext.Value(payload).IsValid() {
		return nil, errPayload
	}
	return append(body, payload...), nil
}
