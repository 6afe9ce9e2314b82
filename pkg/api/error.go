package api

import (
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Kind is what is wrong with a request, before any of its fields is looked at.
type Kind int

// The kinds, in the order in which they are checked.
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

	afterKinds = iota + 1 // untyped, so that it is no kind
)

// Kinds lists all kinds.
func Kinds() []Kind {
	all := make([]Kind, 0, afterKinds-1)
	for k := UnknownPath; k < afterKinds; k++ {
		all = append(all, k)
	}
	return all
}

// String says what is wrong.
func (k Kind) String() string {
	switch k {
	case UnknownPath:
		return "unknown path"
	case WrongMethod:
		return "method not allowed"
	case Closed:
		return "outside working hours"
	case MissingToken:
		return "no token"
	case InvalidToken:
		return "invalid token"
	case ExpiredToken:
		return "expired token"
	case MissingRight:
		return "token without the right"
	case ContentType:
		return "content type not accepted"
	case TooLarge:
		return "body too large"
	case NotJSON:
		return "body is not one JSON object"
	case UnknownID:
		return "unknown id"
	}
	return fmt.Sprintf("request error of kind %d", int(k))
}

// Error is the error for a request that is refused before its fields are read.
type Error struct {
	Kind Kind
	// Value is what the error is about as the client sent it: the path,
	// the method, the content type or the id; for NotJSON, what is wrong.
	Value string
	// Present tells an empty Value from one that was not sent.
	Present bool
	// Wait is, for Closed, the time until the next opening.
	Wait time.Duration
}

// Error says what is wrong without what the client sent.
func (p *Error) Error() string { return p.Kind.String() }

// Unknown turns webhook.ErrNotFound into the error of an unknown id. Another
// account's id is unknown like any other. Other errors stay as they are.
func Unknown(id string, err error) error {
	if errors.Is(err, webhook.ErrNotFound) {
		return &Error{Kind: UnknownID, Value: id}
	}
	return err
}

// notJSON is the error of a body that is not what JSON asks for.
func notJSON(format string, args ...any) error {
	return &Error{Kind: NotJSON, Value: fmt.Sprintf(format, args...)}
}
