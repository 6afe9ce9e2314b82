package webhook

import "time"

// Sending is how an API has its deliveries made: what an event must be like,
// what its clients expect to receive, and when it is tried again. The headers
// of Standard Webhooks, which every API has, are not part of it.
type Sending struct {
	// CheckEvent validates an event that is published: its name, instance and
	// payload, never its account's registrations. The error wraps
	// ErrInvalid and says what is wrong with which field. It is made
	// from the API's settings.
	CheckEvent func(Event) error
	// Body writes the body of a delivery: the same bytes at every attempt to
	// the same webhook. An error is internal.
	Body func(Delivery, Webhook) ([]byte, error)
	// Header gives the API's own headers of an attempt at now: the signature
	// over the body, if there is a key (the zero Secret is none), and what
	// else its contract says. Names keep their letter case.
	Header func(key Secret, now time.Time, body []byte) map[string]string
	// Number makes the delivery's Number for APIs that show one; nil
	// elsewhere.
	Number func() (int64, error)
	// Instance says that an event comes with one; elsewhere it must not.
	Instance bool
	// AccountKey says that deliveries are signed with the account's key, not
	// with the webhook's.
	AccountKey bool
	// Statistics says that the webhook's statistics are shown, and so kept.
	Statistics bool
	// Timeout bounds an attempt, from the look-up of the name to the last byte
	// read of the answer.
	Timeout time.Duration
	// Delays are between the end of an attempt and the next one; there is one
	// attempt more than delays.
	Delays []time.Duration
	// Ports are those that a URL may have; empty for any.
	Ports []uint16
}
