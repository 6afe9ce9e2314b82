package api

import (
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Kind is what is wrong with a request before its fields are read.
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
	ContentEncoding
	TooLarge
	NotJSON
	UnknownID

	afterKinds = iota + 1 // untyped, since it is not a kind
)

// Kinds returns all kinds.
func Kinds() []Kind {
	all := make([]Kind, 0, afterKinds-1)
	for k := UnknownPath; k < afterKinds; k++ {
		all = append(all, k)
	}
	return all
}

// String describes the kind.
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
	case ContentEncoding:
		return "content encoding not accepted"
	case TooLarge:
		return "body too large"
	case NotJSON:
		return "body is not one JSON object"
	case UnknownID:
		return "unknown id"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Error is the error for a request that is rejected before its fields are read.
type Error struct {
	Kind Kind
	// Value is the offending path, method, content type, content encoding or id as the client
	// sent it. For NotJSON it says what is wrong.
	Value string
	// Present distinguishes an empty Value from one that was not sent.
	Present bool
	// Wait is the time until the API opens again, for Closed.
	Wait time.Duration
}

// Error describes the kind. It omits what the client sent.
func (p *Error) Error() string { return p.Kind.String() }

// Unknown turns [webhook.ErrNotFound] into an [*Error] of kind [UnknownID],
// also for an id of another account. It returns other errors unchanged.
func Unknown(id string, err error) error {
	if errors.Is(err, webhook.ErrNotFound) {
		return &Error{Kind: UnknownID, Value: id}
	}
	return err
}

// notJSON returns the error for a body that is not valid.
func notJSON(format string, args ...any) error {
	return &Error{Kind: NotJSON, Value: fmt.Sprintf(format, args...)}
}
