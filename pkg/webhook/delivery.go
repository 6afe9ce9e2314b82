package webhook

import "time"

// Status is what became of a delivery so far.
type Status uint8

// The statuses of a delivery.
const (
	// New: never attempted.
	New Status = iota
	// Failed: the last attempt failed, or the delivery was cancelled.
	Failed
	// Success: an attempt was answered 2xx.
	Success
)

// Delivery is an event on its way to a webhook. Account, Event, EventID and
// Time are its identity: the same event is one delivery.
type Delivery struct {
	Account Account
	Event   string
	// EventID is the publisher's id of the event.
	EventID string
	// Time is when the event happened, to the millisecond.
	Time time.Time
	// Number is an id below 2^53 for APIs that show one (Shoptet).
	Number int64
	// Instance is what the event is about, such as an order's code.
	Instance string
	// WebhookID and URL are those of the webhook at acceptance.
	WebhookID, URL string
	AcceptedAt     time.Time
	// Attempts counts them, AttemptedAt is the latest; zero before the first.
	Attempts    int64
	AttemptedAt time.Time
	Status      Status
	// Active is set while another attempt is to come.
	Active bool
}
