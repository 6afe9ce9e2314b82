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

// Group is how webhooks are that share an id, since they were registered
// together.
type Group struct {
	// Webhook is the first of them. They share its URL and whether and why they
	// are disabled.
	Webhook
	Events []string
	// State is the worst of theirs, and Since is since when.
	State State
	Since time.Time
	// LastSentAt, LastFailedAt and LastStatus are the latest of all, and
	// FailedAttempts their sum.
	LastSentAt, LastFailedAt time.Time
	LastStatus               int
	FailedAttempts           int64
}

// Groups returns the groups of a list in which records of one id are
// neighbours, in its order.
func Groups(list []Webhook) []Group {
	var groups []Group
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].ID == list[0].ID {
			n++
		}
		groups = append(groups, newGroup(list[:n]))
		list = list[n:]
	}
	return groups
}

func newGroup(records []Webhook) Group {
	g := Group{Webhook: records[0]}
	worst, latest := records[0], records[0]
	for _, w := range records {
		g.Events = append(g.Events, w.Event)
		g.FailedAttempts += w.Statistics.FailedAttempts
		g.LastSentAt, g.LastFailedAt = later(g.LastSentAt, w.Statistics.LastSentAt), later(g.LastFailedAt, w.Statistics.LastFailedAt)
		if w.State() > worst.State() || w.State() == worst.State() && w.StateSince().Before(worst.StateSince()) {
			worst = w
		}
		if attempted(w).After(attempted(latest)) {
			latest = w
		}
	}
	g.State, g.Since, g.LastStatus = worst.State(), worst.StateSince(), latest.Statistics.LastStatus
	return g
}

// attempted returns the time of the latest attempt of a record's statistics.
func attempted(w Webhook) time.Time {
	return later(w.Statistics.LastSentAt, w.Statistics.LastFailedAt)
}

func later(s, t time.Time) time.Time {
	if t.After(s) {
		return t
	}
	return s
}

func firstTime(times ...time.Time) time.Time {
	return cmp.Or(times...)
}
