package webhook

import "time"

// Sending describes how an API's deliveries are made: which events it accepts,
// what its receivers get, and when failed attempts are repeated. The headers of
// Standard Webhooks, which all APIs send, are not part of it.
type Sending struct {
	// CheckEvent validates a published event: its name, instance and payload,
	// but not whether the account has a webhook for it. It returns an error
	// that wraps [ErrInvalid] and says what is wrong with which field. It is
	// built from the API's settings.
	CheckEvent func(Event) error
	// Body returns the body of a delivery. The bytes are the same at every
	// attempt to the same webhook. An error is an internal error.
	Body func(Delivery, Webhook) ([]byte, error)
	// Header returns the API's own headers of an attempt at now: the signature
	// of the body, unless key is the zero Secret, and any others that its
	// contract names. Names keep their letter case.
	Header func(key Secret, now time.Time, body []byte) map[string]string
	// Sample returns a realistic payload and instance of an event that
	// CheckEvent accepts. An event that never has a payload has none here, and an
	// API without instances returns none.
	Sample func(event string) (payload []byte, instance string)
	// Number returns a new value of [Delivery.Number]. It is nil for APIs that
	// show none.
	Number func() (int64, error)
	// Instance reports whether events must have an instance; otherwise they
	// must not.
	Instance bool
	// AccountKey reports whether deliveries are signed with the account's key
	// instead of the webhook's.
	AccountKey bool
	// Statistics reports whether the API shows the webhook's statistics, and so
	// whether they are kept.
	Statistics bool
	// Timeout bounds an attempt, from the DNS lookup to the last byte read of
	// the response.
	Timeout time.Duration
	// Delays are the times between the end of an attempt and the next one.
	// There is one attempt more than there are delays.
	Delays []time.Duration
	// Ports are the ports that a URL may have. If empty, any port is allowed.
	Ports []uint16
}
