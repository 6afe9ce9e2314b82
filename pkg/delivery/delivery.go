// Package delivery brings published events to the customers' URLs: it accepts
// them, attempts them, and sees to it that none is forgotten.
//
// An event is accepted by a Publisher, which makes one durable record of it
// and sends a message that asks for the first attempt. A Worker makes the
// attempt that a message asks for, if the record says so too, and writes what
// came of it. A Sweeper sends anew for whatever was not attempted in time. The
// record decides in all of this: messages may be lost, doubled, late or early,
// and processes may die between any two steps, without an event being lost or
// an attempt being spent. Receivers get at least once what was accepted,
// always under the same webhook-id.
//
// The package knows no store, no queue and no API: they are given. It never
// logs a signing key, a payload, or a customer's URL with its query.
package delivery

import (
	"context"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// MaxDelay is how far ahead of its time a message may be sent: the longest
// that SQS delays one (Amazon SQS API Reference, SendMessage, DelaySeconds).
const MaxDelay = 15 * time.Minute

// Queue carries messages from those who send to the Worker.
type Queue interface {
	// Lease returns how long after its time an attempt is left to the queue
	// before the sweeper sends for it again. ok is false when the queue has no
	// room for messages of that event key now: none is to be sent, and the sweeper
	// takes the delivery when there is room.
	Lease(webhook.EventKey) (lease time.Duration, ok bool)
	// Full reports whether there is no room for anyone.
	Full() bool
	// Send hands over messages, any number, each to arrive at its At, which is
	// at most MaxDelay ahead. Some may have been sent when it fails; who sends
	// need not try again, since the sweeper does.
	Send(ctx context.Context, messages []webhook.Message) error
}

// leaseEnd returns when the sweeper looks whether an attempt at a time was made:
// at that time where the queue has no room for it, so that no message is sent.
func leaseEnd(q Queue, s webhook.EventKey, at time.Time) time.Time {
	lease, ok := q.Lease(s)
	if !ok {
		return at
	}
	return at.Add(lease)
}

// Request is one attempt as it goes out.
type Request struct {
	// URL is as the customer registered it.
	URL string
	// Header keeps the letter case of its names.
	Header map[string]string
	Body   []byte
	// Timeout bounds the whole of it.
	Timeout time.Duration
	// Ports are those that the URL may have; empty for any.
	Ports []uint16
}

// Response is what came of a request.
type Response struct {
	// Status is the answer's status code; 0 when there was no whole answer.
	Status int
	// Reason says in a few words why the attempt failed, and nothing of the
	// inside of our network; empty after a success, which is an answer 2xx
	// that was read to its end or to 4 KiB.
	Reason string
	// RetryAfter is the wait that the receiver asked for, 0 for none, 24 hours
	// at most.
	RetryAfter time.Duration
	// Interrupted says that the attempt was cut off for a cause of our own: its
	// context ended, as when the process stops, or there was no file or memory
	// left to make it with. It says nothing of the receiver and is not to be
	// recorded.
	Interrupted bool
}

// failure is the Reason. Only an answer 2xx is without one, whatever the Sender
// says: a success that is recorded was received.
func (a Response) failure() string {
	if a.Reason == "" && a.Status/100 != 2 {
		return "no success"
	}
	return a.Reason
}

// Sender makes one request. It never fails: what goes wrong is a reason.
type Sender interface {
	Send(context.Context, Request) Response
}
