package webhook

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Errors that packages return to each other, wrapped with the operation that
// failed; compare them with [errors.Is] and [errors.As]. Any other error is an
// internal error.
var (
	// ErrInvalid: a value breaks a rule that the message names.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound: the account, token, webhook, delivery or key does not exist.
	ErrNotFound = errors.New("not found")
	// ErrExists: the account, token or delivery already exists.
	ErrExists = errors.New("already exists")
	// ErrTaken: the event already has a webhook. A [*TakenError] says which.
	ErrTaken = errors.New("webhook already exists for this event")
	// ErrTooMany: the account would have more webhooks than [MaxWebhooks].
	ErrTooMany = errors.New("the account has as many webhooks as it may")
	// ErrExcluded: an event that excludes this one is registered. An
	// [*ExcludedError] says which.
	ErrExcluded = errors.New("an event that excludes this one is registered")
	// ErrDisabled: the webhook receives nothing.
	ErrDisabled = errors.New("the webhook is disabled")
	// ErrChanged: the record was changed since it was read. Read it again.
	ErrChanged = errors.New("changed since it was read")
	// ErrUnavailable: the store could not be reached, or refused the operation
	// until the deadline. Nothing was written.
	ErrUnavailable = errors.New("store unavailable")
	// ErrUnknownOutcome: the response to a write was lost. The write may have
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
	// IDs maps each taken event to the id of its webhook.
	IDs map[string]string
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("%v: %s", ErrTaken, strings.Join(slices.Sorted(maps.Keys(e.IDs)), ", "))
}

// Is reports whether target is [ErrTaken].
func (e *TakenError) Is(target error) bool { return target == ErrTaken }

// ExcludedError says which exclusions of a creation apply. It matches
// [ErrExcluded].
type ExcludedError struct {
	// Found has the exclusions in the order of Creation.Exclusions.
	Found []Exclusion
}

func (e *ExcludedError) Error() string {
	pairs := make([]string, len(e.Found))
	for i, x := range e.Found {
		pairs[i] = x.Event + " by " + x.By
	}
	return fmt.Sprintf("%v: %s", ErrExcluded, strings.Join(pairs, ", "))
}

// Is reports whether target is [ErrExcluded].
func (e *ExcludedError) Is(target error) bool { return target == ErrExcluded }
