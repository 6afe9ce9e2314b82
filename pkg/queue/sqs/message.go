package sqs

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/hookline/hookline/pkg/webhook"
)

// version is that of the message. Fields may be added under the same one,
// since whoever does not know them ignores them; a change that an older
// function would get wrong takes the next.
const version = 1

// Limits of what a message holds. maxEvent is the longest name that an API
// allows, in bytes; maxRef is well above the digest that a store uses.
const (
	maxBody  = 4 << 10
	maxEvent = 512
	maxRef   = 128
)

// wire is a message as it is written. The names are short because each message
// has them.
type wire struct {
	Version int    `json:"v"`
	Account string `json:"account"`
	ID      string `json:"id"`
	Event   string `json:"event"`
	Attempt int64  `json:"n"`
	// At is in milliseconds since 1970.
	At         int64  `json:"at"`
	PayloadRef string `json:"ref,omitzero"`
}

// Encode gives the body of a message. At is cut to the millisecond. The error
// wraps webhook.ErrInvalid when the message is none that Decode would take.
func Encode(m webhook.Message) (string, error) {
	w := wire{
		Version: version, Account: m.Account.String(), ID: m.ID, Event: m.Event,
		Attempt: m.Attempt, At: m.At.UnixMilli(), PayloadRef: m.PayloadRef,
	}
	if _, err := w.message(); err != nil {
		return "", fmt.Errorf("encode message: %w", err)
	}
	body, err := json.Marshal(w)
	if err != nil {
		return "", fmt.Errorf("encode message: %w", err)
	}
	return string(body), nil
}

// Decode reads the body of a message. Anyone who may write to the queue may
// have written it: every field is checked, fields that are not known are
// ignored. The error wraps webhook.ErrInvalid, and shows nothing of the body.
func Decode(body string) (webhook.Message, error) {
	var w wire
	if len(body) > maxBody {
		return webhook.Message{}, fmt.Errorf("decode message: %w: over %d KiB", webhook.ErrInvalid, maxBody>>10)
	}
	// The decoder's own error quotes what it read.
	if json.Unmarshal([]byte(body), &w) != nil {
		return webhook.Message{}, fmt.Errorf("decode message: %w: not the JSON of a message", webhook.ErrInvalid)
	}
	m, err := w.message()
	if err != nil {
		return webhook.Message{}, fmt.Errorf("decode message: %w", err)
	}
	return m, nil
}

// message checks what was written. The error names the field, never its value.
func (w wire) message() (webhook.Message, error) {
	account, accountErr := webhook.ParseAccount(w.Account)
	_, idErr := webhook.DeliveryTime(w.ID)
	wrong := ""
	switch {
	case w.Version != version:
		wrong = "version"
	case accountErr != nil || len(account.API) > maxAPI || !isWord(string(account.API)):
		wrong = "account"
	case idErr != nil:
		wrong = "id"
	case !isText(w.Event, maxEvent) || w.Event == "":
		wrong = "event"
	case w.Attempt < 1:
		wrong = "number of the attempt"
	case w.At < 0 || w.At > webhook.MaxEventTime:
		wrong = "time"
	case !isText(w.PayloadRef, maxRef):
		wrong = "reference to the payload"
	}
	if wrong != "" {
		return webhook.Message{}, fmt.Errorf("%w: %s", webhook.ErrInvalid, wrong)
	}
	return webhook.Message{
		Account: account, ID: w.ID, Event: w.Event, Attempt: w.Attempt,
		At: time.UnixMilli(w.At).UTC(), PayloadRef: w.PayloadRef,
	}, nil
}

// maxAPI keeps an account within the 128 characters of a MessageGroupId
// (Amazon SQS API Reference, SendMessageBatchRequestEntry).
const maxAPI = 32

// isWord says whether s can be an API's name.
func isWord(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// isText says whether s is UTF-8 without control characters, of so many bytes
// at most.
func isText(s string, longest int) bool {
	if len(s) > longest || !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return false
		}
	}
	return true
}
