// Package delivery brings published events to the customers' URLs. It accepts
// events, attempts to deliver them, and ensures that none is forgotten.
//
// A [Publisher] accepts an event: it stores one durable record and queues a
// message that asks for the first attempt. A [Worker] makes the attempt that a
// message asks for, if the record asks for it too, and records the outcome. A
// [Sweeper] queues again whatever was not attempted in time. The record always
// decides: messages may be lost, duplicated, late or early, and processes may
// die between any two steps, without losing an event or wasting an attempt. A
// receiver gets every accepted event at least once, always under the same
// webhook-id.
//
// The package imports no store, queue or API; the caller provides them. It
// never logs a signing key, a payload, or a customer's URL with its query.
package delivery

import (
	"context"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// MaxDelay is how far ahead of its time a message may be sent. It is the
// maximum delay of SQS (Amazon SQS API Reference, SendMessage, DelaySeconds).
const MaxDelay = 15 * time.Minute

// Queue carries messages to the Worker.
type Queue interface {
	// Lease returns how long after its time an attempt is left to the queue
	// before the sweeper queues it again. ok is false if the queue has no room
	// for messages of the event key now. Then no message is sent, and the
	// sweeper takes the delivery when there is room.
	Lease(webhook.EventKey) (lease time.Duration, ok bool)
	// Full reports whether the queue has no room at all.
	Full() bool
	// Send queues any number of messages. Each arrives at its At, which is at
	// most MaxDelay ahead. If Send fails, some messages may have been queued;
	// the caller need not retry, since the sweeper does.
	Send(ctx context.Context, messages []webhook.Message) error
}

// leaseEnd returns when the sweeper checks whether the attempt at at was made.
// It returns at itself if the queue has no room, so no message is sent.
func leaseEnd(q Queue, s webhook.EventKey, at time.Time) time.Time {
	lease, ok := q.Lease(s)
	if !ok {
		return at
	}
	return at.Add(lease)
}

// Request is the HTTP request of an attempt.
type Request struct {
	// URL is the URL as the customer registered it.
	URL string
	// Header keeps the letter case of its names.
	Header map[string]string
	Body   []byte
	// Timeout bounds the whole exchange.
	Timeout time.Duration
	// Ports are the ports that the URL may have. If empty, any port is allowed.
	Ports []uint16
}

// Response is the outcome of a Request.
type Response struct {
	// Status is the HTTP status, 0 if no response came with its head complete.
	Status int
	// Reason says briefly why the attempt failed, without details of the
	// internal network. It is empty after a success, which is a 2xx response,
	// whatever became of its body.
	Reason string
	// Body is how the body of a response that was no success began: up to
	// [webhook.MaxKeptResponse] bytes, as the receiver sent them.
	Body string
	// RetryAfter is the wait that the receiver asked for, 0 if none, at most 24
	// hours.
	RetryAfter time.Duration
	// Interrupted reports that the attempt was cut off by Hookline itself: its
	// context ended, as when the process stops, or there were no files or
	// memory left. It says nothing about the receiver and must not be recorded.
	Interrupted bool
}

// failure returns the Reason. Whatever the Sender says, it is empty only for a
// 2xx response: what is recorded as a success was received.
func (a Response) failure() string {
	if a.Reason == "" && a.Status/100 != 2 {
		return "no success"
	}
	return a.Reason
}

// Sender makes one request. It returns no error; Response.Reason says what went
// wrong.
type Sender interface {
	Send(context.Context, Request) Response
}
