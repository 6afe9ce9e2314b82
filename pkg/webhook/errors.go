package webhook

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Errors that pass between packages. They are wrapped with what was attempted;
// compare with errors.Is and errors.As. An error that is none of these is
// internal.
var (
	// ErrInvalid: a value breaks a rule that the message names.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound: no such account, token, webhook or key.
	ErrNotFound = errors.New("not found")
	// ErrExists: it is there already.
	ErrExists = errors.New("already exists")
	// ErrTaken: an event has a webhook already. A *TakenError says which.
	ErrTaken = errors.New("webhook already exists for this event")
	// ErrExcluded: another event that excludes this one is registered. An
	// *ExcludedError says which.
	ErrExcluded = errors.New("an event that excludes this one is registered")
	// ErrChanged: the record was changed since it was read. Read it again.
	ErrChanged = errors.New("changed since it was read")
	// ErrUnavailable: the store could not be reached, or kept refusing until
	// the deadline. Nothing was written.
	ErrUnavailable = errors.New("store unavailable")
	// ErrUnknownOutcome: the answer to a write was lost. It may have
	// happened, or may still happen.
	ErrUnknownOutcome = errors.New("outcome of the write unknown")
)

// Invalid makes an error that matches ErrInvalid and whose text is the format's
// alone: the words for whoever sent the value. They repeat nothing secret.
func Invalid(format string, args ...any) error { return &invalidError{fmt.Sprintf(format, args...)} }

type invalidError struct{ text string }

func (e *invalidError) Error() string { return e.text }

// Is matches ErrInvalid.
func (*invalidError) Is(target error) bool { return target == ErrInvalid }

// TakenError says which events of a creation have a webhook already. It
// matches ErrTaken.
type TakenError struct {
	// IDs maps each taken event to the id of the webhook that holds it.
	IDs map[string]string
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("%v: %s", ErrTaken, strings.Join(slices.Sorted(maps.Keys(e.IDs)), ", "))
}

// Is matches ErrTaken.
func (e *TakenError) Is(target error) bool { return target == ErrTaken }

// ExcludedError says which exclusions of a creation stood in its way. It
// matches ErrExcluded.
type ExcludedError struct {
	// Found are in the order of Creation.Exclusions.
	Found []Exclusion
}

func (e *ExcludedError) Error() string {
	pairs := make([]string, len(e.Found))
	for i, x := range e.Found {
		pairs[i] = x.Event + " by " + x.By
	}
	return fmt.Sprintf("%v: %s", ErrExcluded, strings.Join(pairs, ", "))
}

// Is matches ErrExcluded.
func (e *ExcludedError) Is(target error) bool { return target == ErrExcluded }
