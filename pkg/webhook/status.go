package webhook

import (
	"fmt"
	"strings"
	"time"
)

// Status is the state of a delivery. The zero value is StatusPending: nothing
// has happened yet. APIs, stores and the command line derive their own names
// from it; the exhaustive linter finds each place to which a new status must be
// added.
//
// A status changes by these rules and no others:
//
//	            attempt    attempt failed,     retried by
//	            succeeded  another  no other   operator    cancelled   given up
//	pending     delivered  retrying failed     pending     cancelled   failed
//	retrying    delivered  retrying failed     retrying    cancelled   failed
//	delivered   delivered  retrying failed     delivered   delivered   delivered
//	failed      delivered  retrying failed     retrying    failed      failed
//	cancelled   delivered  retrying failed     retrying    cancelled   cancelled
//
// The latest attempt decides, because the APIs show it. An attempt that was
// under way when the delivery was cancelled counts too. A delivered delivery
// that the operator retries stays delivered while it awaits that attempt. If
// that attempt is cancelled or given up, the delivery is so too
// (docs/contracts/shoptet.md, Notifications 2).
type Status uint8

// The statuses of a delivery.
const (
	// StatusPending: never attempted, and to be attempted.
	StatusPending Status = iota
	// StatusRetrying: not delivered, and another attempt is to come.
	StatusRetrying
	// StatusDelivered: the response to the latest attempt had a 2xx status.
	StatusDelivered
	// StatusFailed: the latest attempt failed, and no other is to come.
	StatusFailed
	// StatusCancelled: no attempt is to come, for a reason other than a failed
	// attempt, such as that the webhook was deleted.
	StatusCancelled

	numStatuses = iota // untyped, since it is not a status
)

// Statuses returns all statuses.
func Statuses() []Status {
	all := make([]Status, numStatuses)
	for i := range all {
		all[i] = Status(i)
	}
	return all
}

// String returns the name that the operator's API and the command line use.
func (s Status) String() string {
	switch s {
	case StatusPending:
		return "pending"
	case StatusRetrying:
		return "retrying"
	case StatusDelivered:
		return "delivered"
	case StatusFailed:
		return "failed"
	case StatusCancelled:
		return "cancelled"
	}
	return fmt.Sprintf("Status(%d)", uint8(s))
}

// Valid reports whether s is one of the statuses.
func (s Status) Valid() bool { return s < numStatuses }

// ParseStatus is the inverse of [Status.String]. It returns an error that wraps
// [ErrInvalid] if no status has that name.
func ParseStatus(name string) (Status, error) {
	names := make([]string, 0, numStatuses)
	for _, s := range Statuses() {
		if s.String() == name {
			return s, nil
		}
		names = append(names, s.String())
	}
	return 0, fmt.Errorf("status %.64q: %w: must be one of %s", name, ErrInvalid, strings.Join(names, ", "))
}

// Open reports whether deliveries with this status await an attempt.
func (s Status) Open() bool {
	switch s {
	case StatusPending, StatusRetrying:
		return true
	case StatusDelivered, StatusFailed, StatusCancelled:
		return false
	}
	return false
}

// statusChange is what changes the status of a delivery.
type statusChange uint8

const (
	attemptSucceeded statusChange = iota
	// attemptFailed: another attempt is to come.
	attemptFailed
	// attemptFailedLast: no other attempt is to come.
	attemptFailedLast
	retriedByOperator
	cancelledBefore
	givenUp
)

// after returns the status that follows c, by the table of [Status].
func (s Status) after(c statusChange) Status {
	switch c {
	case attemptSucceeded:
		return StatusDelivered
	case attemptFailed:
		return StatusRetrying
	case attemptFailedLast:
		return StatusFailed
	case retriedByOperator:
		switch s {
		case StatusPending, StatusRetrying, StatusDelivered:
			return s
		case StatusFailed, StatusCancelled:
			return StatusRetrying
		}
	case cancelledBefore:
		return s.ended(StatusCancelled)
	case givenUp:
		return s.ended(StatusFailed)
	}
	return s // not a status; stores refuse it
}

// ended returns as if a delivery with this status awaits an attempt, and the
// status itself otherwise.
func (s Status) ended(as Status) Status {
	if s.Open() {
		return as
	}
	return s
}

// Open reports whether another attempt is to come, at Next: because the status
// says so, or because the operator retries a delivery that succeeded before.
func (d Delivery) Open() bool { return d.Status.Open() || !d.Next.IsZero() }

// Attempted returns the delivery after an attempt that began at at. code is the
// HTTP status of the response, 0 for none. reason says why the attempt failed
// and is empty for a success. next is the time of the next attempt if this one
// failed, zero if there is none.
func (d Delivery) Attempted(at time.Time, code int, reason string, next time.Time) Delivery {
	change := attemptFailed
	switch {
	case reason == "":
		change, next = attemptSucceeded, time.Time{}
	case next.IsZero():
		change = attemptFailedLast
	}
	d.Attempts++
	d.AttemptedAt, d.Duration, d.StatusCode, d.Reason = at, 0, code, reason
	return d.changed(change, next)
}

// Retried returns the delivery after the operator asked for another attempt at
// at. One that was never attempted is pending again.
func (d Delivery) Retried(at time.Time) Delivery {
	d = d.changed(retriedByOperator, at)
	if d.Attempts == 0 && d.Status == StatusRetrying {
		d.Status, d.Reason = StatusPending, ""
	}
	return d
}

// Cancelled returns the delivery after it was cancelled for a reason other than
// a failed attempt. A delivery that awaits no attempt is returned unchanged.
func (d Delivery) Cancelled(reason string) Delivery { return d.ended(cancelledBefore, reason) }

// GivenUp returns the delivery after its attempts failed for so long that no
// other is made. A delivery that awaits no attempt is returned unchanged.
func (d Delivery) GivenUp(reason string) Delivery { return d.ended(givenUp, reason) }

func (d Delivery) ended(c statusChange, reason string) Delivery {
	if d.Open() {
		d.Status, d.Reason = StatusRetrying, reason // also for a delivered one that is retried
	}
	return d.changed(c, time.Time{})
}

// changed returns the delivery after c, with its next attempt at next.
func (d Delivery) changed(c statusChange, next time.Time) Delivery {
	d.Status = d.Status.after(c)
	d.Next, d.Due, d.Sends = next, next, 0
	return d
}
