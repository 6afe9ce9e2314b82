// Package webhook holds the words that every room shares: accounts, webhooks,
// tokens, sealing keys, and the errors that pass between rooms. It does no
// I/O, imports the standard library only, and knows no API's wire format.
package webhook

import "time"

// Webhook is one URL registered for one event of one account. Within an
// account an event has at most one: (Account, Event) is its key in every
// store, so the record itself is the claim.
type Webhook struct {
	Account Account
	Event   string
	// ID is the API's own id, as text. Registrations that make several
	// records in one go may give them one id (AbbeyCross).
	ID string
	// RequestID names the request that made the record: unique to that request
	// and the same at each of its tries, unlike ID. By it a store knows what
	// a try whose answer was lost has left behind. It is never shown.
	RequestID string
	// URL is as the customer sent it, byte for byte.
	URL string
	// SendPayload is set when the customer asked for the full payload.
	SendPayload bool
	// Position is the record's place in the request that made it, from 0.
	Position int
	// SealedKey is the signing key as package seal encrypted it; nil when
	// the key belongs to the account and not to the webhook.
	SealedKey []byte
	// RetiredKeys were rotated out and sign along for a while, the latest
	// first.
	RetiredKeys []RetiredKey
	// Disabled webhooks keep their claim and are sent nothing.
	Disabled bool
	// DisabledReason says why, where Hookline did it; empty where the operator
	// did.
	DisabledReason string
	// Version is 1 for a new record and grows by one with every change.
	Version   int64
	CreatedAt time.Time
	// UpdatedAt is zero until the first change.
	UpdatedAt time.Time
	// Statistics are of deliveries. A change of the webhook leaves them.
	Statistics Statistics
}

// RetiredKey is a sealed signing key that signs beside its successor.
type RetiredKey struct {
	Sealed []byte
	Until  time.Time
}

// Statistics are what deliveries to a webhook came to.
type Statistics struct {
	// LastSentAt and LastFailedAt are zero until a delivery succeeds or fails.
	LastSentAt, LastFailedAt time.Time
	// FailedAttempts counts failures since the last success.
	FailedAttempts int64
}

// SameRequest reports whether one request made both records.
func (w Webhook) SameRequest(other Webhook) bool {
	return w.RequestID != "" && w.RequestID == other.RequestID
}

// Creation asks a store to add webhooks, all or none.
type Creation struct {
	// Webhooks are 1 to 50, of one account and one claim, no event twice.
	Webhooks []Webhook
	// Exclusions are the events that must not be registered in the account
	// for this creation to stand. An event may stand in several.
	Exclusions []Exclusion
}

// Change asks a store to put records in the place of others, all or none.
type Change struct {
	// Was are 1 to 50 records of one account, as they were read.
	Was []Webhook
	// Now are what they become, in the same order: the same account, id,
	// claim and time of creation, and the next version. An event may be
	// another, which moves the claim; no two are the same.
	Now []Webhook
}

// Exclusion says that Event, one of a creation, cannot be registered while By,
// which is none of that creation, is registered in the same account.
type Exclusion struct {
	Event, By string
}

// SealingKey is a public key that signing keys are sealed to. The private
// half is elsewhere: wrapped by KMS, or in a local file.
type SealingKey struct {
	ID string
	// Public is the uncompressed P-256 point, 65 bytes.
	Public []byte
	// WrappedPrivate is the private key as KMS encrypted it; nil when a
	// local key file holds it.
	WrappedPrivate []byte
	CreatedAt      time.Time
}
