package webhook

import (
	"fmt"
	"strings"
	"time"
)

// Status is what became of a delivery so far. The zero value is StatusPending:
// a delivery to which nothing has happened is pending. APIs, stores and the
// command line derive what they write from it; the exhaustive linter finds each
// place that a new status has to be added to.
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
// The latest attempt decides, since that is what the APIs show; an attempt that
// was under way while the delivery was cancelled counts too. One that was
// delivered and that the operator retries stays delivered while it waits for
// that attempt. If the attempt is cancelled or given up, so is the delivery
// (docs/contracts/shoptet.md, Notifications 2).
type Status uint8

// The statuses of a delivery.
const (
	// StatusPending: never attempted, and to be attempted.
	StatusPending Status = iota
	// StatusRetrying: not delivered, and another attempt is to come.
	StatusRetrying
	// StatusDelivered: the latest attempt was answered 2xx.
	StatusDelivered
	// StatusFailed: the latest attempt failed, and no other is to come.
	StatusFailed
	// StatusCancelled: no attempt is to come, for a reason that is not an
	// attempt's, such as that the webhook was deleted.
	StatusCancelled

	numStatuses = iota // untyped, so that it is no status
)

// Statuses lists all statuses.
func Statuses() []Status {
	all := make([]Status, numStatuses)
	for i := range all {
		all[i] = Status(i)
	}
	return all
}

// String gives the name that the operator's API and the command line use.
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

// ParseStatus is the inverse of String. The error wraps ErrInvalid.
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

// Open reports whether deliveries of that status wait for an attempt.
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
	// attemptFailed: and another attempt is to come.
	attemptFailed
	// attemptFailedLast: and no other is to come.
	attemptFailedLast
	retriedByOperator
	cancelledBefore
	givenUp
)

// after gives the status that follows, by the table of Status.
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
	return s // no status, which stores refuse
}

// ended gives the status of a delivery that gets no attempt any more: as it is
// said for one that waits for an attempt, and its own for others.
func (s Status) ended(as Status) Status {
	if s.Open() {
		return as
	}
	return s
}

// Open reports whether another attempt is to come, at Next: because the status
// says so, or because the operator had a delivery retried that was delivered.
func (d Delivery) Open() bool { return d.Status.Open() || !d.Next.IsZero() }

// Attempted gives the delivery after an attempt that began at a time and was
// answered with a status code, 0 for none. reason says why it failed and is
// empty for a success; next is the time of the attempt after a failed one, zero
// for none.
func (d Delivery) Attempted(at time.Time, code int, reason string, next time.Time) Delivery {
	change := attemptFailed
	switch {
	case reason == "":
		change, next = attemptSucceeded, time.Time{}
	case next.IsZero():
		change = attemptFailedLast
	}
	d.Attempts++
	d.AttemptedAt, d.StatusCode, d.Reason = at, code, reason
	return d.changed(change, next)
}

// Retried gives the delivery as it is when the operator has asked for another
// attempt of it at a time.
func (d Delivery) Retried(at time.Time) Delivery { return d.changed(retriedByOperator, at) }

// Cancelled gives the delivery as it is when no attempt comes any more, for a
// reason that is not an attempt's. One that waits for no attempt stays as it is.
func (d Delivery) Cancelled(reason string) Delivery { return d.ended(cancelledBefore, reason) }

// GivenUp gives the delivery as it is when its attempts failed for so long that
// no other is made.
func (d Delivery) GivenUp(reason string) Delivery { return d.ended(givenUp, reason) }

func (d Delivery) ended(c statusChange, reason string) Delivery {
	if d.Open() {
		d.Status, d.Reason = StatusRetrying, reason // also what was delivered, and is retried
	}
	return d.changed(c, time.Time{})
}

// changed gives the delivery after a change, with the next attempt at a time.
func (d Delivery) changed(c statusChange, next time.Time) Delivery {
	d.Status = d.Status.after(c)
	d.Next, d.Due, d.Sends = next, next, 0
	return d
}
