package api

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/webhook"
)

// EventError tells the publisher of an event what is wrong with it. It matches
// [webhook.ErrInvalid] and contains nothing of the payload.
type EventError struct {
	// Field is the name of the field in the operator's API. Text follows the
	// name in a sentence.
	Field, Text string
}

func (f *EventError) Error() string { return f.Field + ": " + f.Text }

// Is reports whether target is [webhook.ErrInvalid].
func (*EventError) Is(target error) bool { return target == webhook.ErrInvalid }

// CheckPayload checks that an event's payload is nil or one JSON value (RFC
// 8259) in UTF-8 without duplicate names in an object and without lone
// surrogates. It returns an [*EventError].
func CheckPayload(payload []byte) error {
	if payload != nil && !jsontext.Value(payload).IsValid() {
		return &EventError{"payload", "must be one JSON value in UTF-8, no name twice in an object"}
	}
	return nil
}

// NoInstance returns an [*EventError] if the event has an instance. It is for
// APIs whose events have none.
func NoInstance(e webhook.Event) error {
	if e.Instance != "" {
		return &EventError{"instance", "this API has none"}
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
