package dialect

import (
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Kind is what is wrong with a request, before any of its fields is looked at.
type Kind int

// The kinds, in the order in which they are judged.
const (
	UnknownPath Kind = iota + 1
	WrongMethod
	Closed
	MissingToken
	InvalidToken
	ExpiredToken
	MissingRight
	ContentType
	TooLarge
	NotJSON
	UnknownID
)

var kindTexts = map[Kind]string{
	UnknownPath:  "unknown path",
	WrongMethod:  "method not allowed",
	Closed:       "outside working hours",
	MissingToken: "no token",
	InvalidToken: "invalid token",
	ExpiredToken: "expired token",
	MissingRight: "token without the right",
	ContentType:  "content type not accepted",
	TooLarge:     "body too large",
	NotJSON:      "body is not one JSON object",
	UnknownID:    "unknown id",
}

// Problem is the error for a request that is refused at the door.
type Problem struct {
	Kind Kind
	// Value is what the problem is about as the client sent it: the path,
	// the method, the content type or the id; for NotJSON, what is wrong.
	Value string
	// Present tells an empty Value from one that was not sent.
	Present bool
	// Wait is, for Closed, the time until the next opening.
	Wait time.Duration
}

// Error says what is wrong without what the client sent.
func (p *Problem) Error() string { return kindTexts[p.Kind] }

// Unknown turns webhook.ErrNotFound into the problem of an unknown id. Another
// account's id is unknown like any other. Other errors stay as they are.
func Unknown(id string, err error) error {
	if errors.Is(err, webhook.ErrNotFound) {
		return &Problem{Kind: UnknownID, Value: id}
	}
	return err
}

// notJSON is the problem of a body that is not what JSON asks for.
func notJSON(format string, args ...any) error {
	return &Problem{Kind: NotJSON, Value: fmt.Sprintf(format, args...)}
}
