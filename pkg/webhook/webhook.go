// Package webhook defines the types that all other packages share: accounts,
// webhooks, tokens, deliveries, sealing keys, and the errors that packages
// return to each other. It does no I/O, imports only the standard library, and
// knows no API's wire format.
package webhook

import (
	"slices"
	"time"
)

// MaxWebhooks is how many webhooks an account may have
// (docs/contracts/README.md, One URL per event 6).
const MaxWebhooks = 500

// Webhook is a URL registered for an event of an account. An account has at
// most one webhook for an event: (Account, Event) is the key in every store, so
// the record itself claims the event.
type Webhook struct {
	Account Account
	Event   string
	// ID is the API's own id, as text. Records made by one request may share an
	// id (AbbeyCross).
	ID string
	// RequestID identifies the request that created the record. Unlike ID it is
	// the same for every try of that request, so that a store can tell what a
	// try whose response was lost left behind. It is never shown.
	RequestID string
	// URL is byte for byte what the customer sent.
	URL string
	// SendPayload reports whether the customer asked for the full payload.
	SendPayload bool
	// Position is the record's index in the request that created it.
	Position int
	// SealedKey is the signing key, encrypted by package seal. It is nil if the
	// key belongs to the account.
	SealedKey []byte
	// RetiredKeys are earlier signing keys that still sign for a while, latest
	// first.
	RetiredKeys []RetiredKey
	// Disabled webhooks keep their event and receive nothing.
	Disabled bool
	// DisabledReason says why Hookline disabled the webhook. It is empty if the
	// operator did.
	DisabledReason string
	// SlowSince is when an attempt first took longer than a quick one does. It
	// is zero while there is no such record: a quick success and a change of
	// the URL clear it. Publishing reads it to keep attempts that may hang
	// apart from the others. Setting it is no change of the webhook.
	SlowSince time.Time
	// DisabledAt is since when the webhook is disabled. It is zero for one that
	// is not, and for one that an earlier version disabled.
	DisabledAt time.Time
	// Version is 1 for a new record and increases by one with every change.
	Version   int64
	CreatedAt time.Time
	// UpdatedAt is zero until the first change.
	UpdatedAt time.Time
	// Statistics describe deliveries. A change of the webhook does not affect
	// them.
	Statistics Statistics
}

// RetiredKey is a sealed signing key that signs beside its successor until
// Until.
type RetiredKey struct {
	Sealed []byte
	Until  time.Time
}

// Statistics summarise the deliveries to a webhook.
type Statistics struct {
	// LastSentAt and LastFailedAt are zero until a delivery first succeeds or
	// fails.
	LastSentAt, LastFailedAt time.Time
	// FailedAttempts counts failed attempts since the last success.
	FailedAttempts int64
	// Since is when the latest run of successes began, or of failures if there
	// are FailedAttempts. It is zero before the first attempt.
	Since time.Time
	// LastStatus is the HTTP status of the latest response, 0 for none.
	LastStatus int
	// Told is what the operator was told about failures since the latest
	// success.
	Told Told
}

// SameRequest reports whether the same request created both records.
func (w Webhook) SameRequest(other Webhook) bool {
	return w.RequestID != "" && w.RequestID == other.RequestID
}

// Creation is a request to a store to add webhooks, all or none.
type Creation struct {
	// Webhooks has 1 to 50 records of one account and one RequestID, each event
	// once.
	Webhooks []Webhook
	// Exclusions prevent the creation if By of any of them is registered. An
	// event may occur in several.
	Exclusions []Exclusion
}

// Change is a request to a store to replace records, all or none.
type Change struct {
	// Was has 1 to 50 records of one account, as they were read.
	Was []Webhook
	// Now has their replacements in the same order, with the same Account, ID,
	// RequestID and CreatedAt, and the next Version. An Event may differ, which
	// moves the claim; no two are equal.
	Now []Webhook
	// Notice, unless nil, is stored with the change, and all records are marked
	// as told of it. They keep their events then.
	Notice *Notice
}

// Replacements returns c.Now without the SlowSince of records whose URL
// changes: it describes the former receiver. The records are marked as told of
// c.Notice.
func (c Change) Replacements() []Webhook {
	now := slices.Clone(c.Now)
	for i := range now {
		if i < len(c.Was) && now[i].URL != c.Was[i].URL {
			now[i].SlowSince = time.Time{}
		}
		if c.Notice != nil {
			now[i].Statistics.Told |= ToldOf(c.Notice.Type)
		}
	}
	return now
}

// Exclusion says that Event, one of a creation, cannot be registered while By,
// which is not part of that creation, is registered in the same account.
type Exclusion struct {
	Event, By string
}

// SealingKey is a public key that signing keys are sealed to. Its private half
// is kept elsewhere: wrapped by KMS, or in a local file.
type SealingKey struct {
	ID string
	// Public is the uncompressed P-256 point, 65 bytes.
	Public []byte
	// WrappedPrivate is the private key, encrypted by KMS. It is nil if a local
	// key file holds it.
	WrappedPrivate []byte
	CreatedAt      time.Time
}
