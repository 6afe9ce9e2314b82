package webhook

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// State says how deliveries to a webhook go. The webhook's record tells it: see
// [Webhook.State].
type State uint8

// The states of a webhook.
const (
	// StateNeverCalled: nothing was delivered yet, and nothing failed.
	StateNeverCalled State = iota
	// StateHealthy: the latest attempt that was noted succeeded.
	StateHealthy
	// StateFailing: it failed.
	StateFailing
	// StateDisabled: the webhook receives nothing.
	StateDisabled

	numStates = iota // untyped, since it is not a state
)

// String returns the name that the operator's API and the command line use.
func (s State) String() string {
	switch s {
	case StateNeverCalled:
		return "never_called"
	case StateHealthy:
		return "healthy"
	case StateFailing:
		return "failing"
	case StateDisabled:
		return "disabled"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// ParseState is the inverse of [State.String]. It returns an error that wraps
// [ErrInvalid] if no state has that name.
func ParseState(name string) (State, error) {
	names := make([]string, numStates)
	for i := range names {
		if names[i] = State(i).String(); names[i] == name {
			return State(i), nil
		}
	}
	return 0, fmt.Errorf("state %.64q: %w: must be one of %s", name, ErrInvalid, strings.Join(names, ", "))
}

// State returns how deliveries to the webhook go.
func (w Webhook) State() State {
	switch {
	case w.Disabled:
		return StateDisabled
	case w.Statistics.FailedAttempts > 0:
		return StateFailing
	case w.Statistics.LastSentAt.IsZero():
		return StateNeverCalled
	}
	return StateHealthy
}

// StateSince returns since when the webhook has its state. Of a record that an
// earlier version left in that state it returns the latest change or attempt.
func (w Webhook) StateSince() time.Time {
	switch w.State() {
	case StateDisabled:
		return firstTime(w.DisabledAt, w.UpdatedAt, w.CreatedAt)
	case StateFailing:
		return firstTime(w.Statistics.Since, w.Statistics.LastFailedAt)
	case StateHealthy:
		return firstTime(w.Statistics.Since, w.Statistics.LastSentAt)
	case StateNeverCalled:
	}
	return w.CreatedAt
}

// FailingSince returns under which time the webhook is listed among those that
// fail or are disabled. It is zero for others, and for a webhook that an earlier
// version left so and that is not listed yet.
func (w Webhook) FailingSince() time.Time {
	switch w.State() {
	case StateDisabled:
		return w.DisabledAt
	case StateFailing:
		return w.Statistics.Since
	case StateNeverCalled, StateHealthy:
	}
	return time.Time{}
}

func firstTime(times ...time.Time) time.Time {
	return cmp.Or(times...)
}
