package api

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/webhook"
)

// MaxDepth is how deep a payload may be nested (docs/contracts/operator.md,
// POST /events). Whatever a payload is put into can be read: our decoder reads
// 10,000 levels, and those of receivers are often set to fewer.
const MaxDepth = 500

// CheckDepth checks how deep a payload is nested: a number has no depth, [] has
// 1. It takes time in proportion to the size, whatever the text is; what is no
// JSON has a depth too. The error matches webhook.ErrInvalid.
func CheckDepth(payload []byte) error {
	if Depth(payload) > MaxDepth {
		return webhook.Invalid("payload: is nested more than %d deep", MaxDepth)
	}
	return nil
}

// Depth returns how deep arrays and objects are nested.
func Depth(text []byte) int {
	depth, deepest := 0, 0
	inString, escaped := false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case inString:
			inString, escaped = c != '"', c == '\\'
		case c == '"':
			inString = true
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}

// CheckPayload checks an event's payload: none, or JSON (RFC 8259) in UTF-8 in
// which no name stands twice in an object and no surrogate stands alone, nested
// [MaxDepth] deep at most. The error matches webhook.ErrInvalid and repeats
// nothing of the payload.
func CheckPayload(payload []byte) error {
	if err := CheckDepth(payload); err != nil {
		return err
	}
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
