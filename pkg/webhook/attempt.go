package webhook

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxKeptResponse is how many bytes of the body of a response are kept with a
// failed attempt.
const MaxKeptResponse = 512

// Attempt is what is kept of one attempt of a delivery. Every failed attempt is
// kept. One that succeeded is part of the delivery's own record, so it is kept
// only while it is the latest: a delivery that succeeds at once costs no write
// more.
type Attempt struct {
	// Number counts the attempts of a delivery from 1.
	Number int64
	// At is when the attempt began. Duration is how long it took, 0 for an
	// attempt of an earlier version.
	At       time.Time
	Duration time.Duration
	// StatusCode is the HTTP status of the response, 0 if there was none.
	StatusCode int
	// Reason says briefly why the attempt failed. It is empty after a success.
	Reason string
	// Response has the first bytes of the body of a response that was no
	// success, up to MaxKeptResponse. They are the receiver's own bytes, which
	// may be hostile: show [Attempt.ResponseText] instead.
	Response []byte
}

// ResponseText returns Response as it may be shown: as one line of printable
// characters, valid UTF-8. Invalid bytes become U+FFFD. Characters that are not
// printable, such as control characters and those that change the direction of
// text, are escaped as in a Go string: "\n", "\x1b", "\u202e". It does not
// escape for HTML.
func (a Attempt) ResponseText() string {
	var text strings.Builder
	for _, r := range string(a.Response) { // invalid bytes come as U+FFFD
		if r == utf8.RuneError || unicode.IsPrint(r) {
			text.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		text.WriteString(quoted[1 : len(quoted)-1])
	}
	return text.String()
}

// FailedAttempt returns what is to be kept of the attempt beside the delivery's
// record. ok is false if it succeeded, or if the result is of no attempt, as
// when the delivery is cancelled or retried.
func (r AttemptResult) FailedAttempt() (_ Attempt, ok bool) {
	if r.Now.Attempts <= r.Was.Attempts || r.Now.Reason == "" {
		return Attempt{}, false
	}
	a := r.Now.latestAttempt()
	a.Reason = r.Now.Reason
	if len(r.Response) > 0 {
		a.Response = r.Response[:min(len(r.Response), MaxKeptResponse)]
	}
	return a, true
}

// latestAttempt returns what the record of a delivery says about its latest
// attempt.
func (d Delivery) latestAttempt() Attempt {
	a := Attempt{Number: d.Attempts, At: d.AttemptedAt, Duration: d.Duration, StatusCode: d.StatusCode}
	if d.StatusCode/100 != 2 {
		a.Reason = d.Reason
	}
	return a
}

// WithLatest returns the kept attempts of d: failed, which are sorted by
// Number and belong to d, and the latest one, which failed lacks if it
// succeeded.
func (d Delivery) WithLatest(failed []Attempt) []Attempt {
	if d.Attempts == 0 || len(failed) > 0 && failed[len(failed)-1].Number == d.Attempts {
		return failed
	}
	return append(failed, d.latestAttempt())
}
