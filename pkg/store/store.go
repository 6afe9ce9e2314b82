// Package store says what a store of webhooks, accounts, tokens and sealing
// keys does, and which error comes back when. Package storetest holds every
// implementation to it.
//
// Common to all methods: the context's deadline bounds the call, and an error
// wraps ctx.Err() when the context ended it. webhook.ErrUnavailable means that
// nothing was written and the same call may be made again. At the end of the
// deadline every write may also return webhook.ErrUnknownOutcome, when its
// answer was lost. Any other error
// that a method does not name is the store's own fault.
//
// All times are kept to the millisecond, in UTC.
package store

import (
	"context"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Store is everything that is kept. Consumers declare the part they need.
type Store interface {
	Deliveries

	// Create adds the webhooks of c, all or none, and returns the records
	// that now stand, in the order of c.Webhooks. What was returned is
	// durable, and is seen by every read that starts afterwards.
	//
	//   - *webhook.TakenError: events that have a webhook already, all of
	//     them, with the ids that hold them. A record that carries the claim
	//     of c is no conflict: it is returned as it stands.
	//   - *webhook.ExcludedError: no event is taken, but events of
	//     c.Exclusions are registered; all of them are named.
	//   - webhook.ErrUnknownOutcome: the answer was lost and the store cannot
	//     tell. Call again with new ids and the same claim. Comes only
	//     for a creation of one webhook without Exclusions; the store finds
	//     out by itself what became of others.
	//
	// Of concurrent creations of one event, or of two that exclude each
	// other, exactly one succeeds.
	Create(ctx context.Context, c webhook.Creation) ([]webhook.Webhook, error)

	// Webhooks lists all webhooks of an account, ordered by event. An
	// unknown account has none.
	Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error)

	// Webhook reads the webhook of an event. webhook.ErrNotFound: there is
	// none.
	Webhook(ctx context.Context, a webhook.Account, event string) (webhook.Webhook, error)

	// Change puts c.Now in the place of c.Was, all or none. Statistics are
	// left as they stand; where an event moves, they are those of c.Now.
	//
	//   - webhook.ErrNotFound: the record of an event of c.Was is gone, or has
	//     another id.
	//   - webhook.ErrChanged: all are there, and one has another version.
	//   - *webhook.TakenError: events that only c.Now has, and that other
	//     records hold. It comes after the two others.
	//
	// After a lost answer the store finds out whether the change was made: it
	// is never refused because of itself.
	Change(ctx context.Context, c webhook.Change) error

	// Delete removes 1 to 50 records of one account, all or none, whatever
	// their version. Their events are free at once. webhook.ErrNotFound: one
	// is gone, or its event's record has another id. After a lost
	// answer the store finds out whether the deletion was made.
	Delete(ctx context.Context, webhooks []webhook.Webhook) error

	// SetAccountKey makes sealed the account's signing key, in one write.
	// webhook.ErrNotFound: there is no such account, or it is closing.
	SetAccountKey(ctx context.Context, a webhook.Account, sealed []byte) error

	// CloseAccount marks an account as closing: from then on it gets no
	// tokens and no key. Closing it again does nothing. webhook.ErrNotFound:
	// there is no such account.
	CloseAccount(ctx context.Context, a webhook.Account) error

	// DeleteAccount removes the account itself, and nothing that it has.
	// webhook.ErrNotFound: there is no such account that is closing.
	DeleteAccount(ctx context.Context, a webhook.Account) error

	// CreateAccount adds an account. webhook.ErrExists: it is there already.
	CreateAccount(ctx context.Context, a webhook.AccountInfo) error

	// Account reads an account. webhook.ErrNotFound: there is none.
	Account(ctx context.Context, a webhook.Account) (webhook.AccountInfo, error)

	// Accounts lists the accounts of an API, ordered by id.
	Accounts(ctx context.Context, d webhook.API) ([]webhook.AccountInfo, error)

	// CreateToken adds a token of an account.
	//
	//   - webhook.ErrNotFound: the account does not exist, or is closing.
	//   - webhook.ErrExists: the token's hash or id is in use.
	CreateToken(ctx context.Context, t webhook.Token) error

	// Token finds a token by its hash, expired ones too.
	// webhook.ErrNotFound: there is none.
	Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error)

	// Tokens lists the tokens of an account, ordered by id.
	Tokens(ctx context.Context, a webhook.Account) ([]webhook.Token, error)

	// RevokeToken removes a token of an account.
	// webhook.ErrNotFound: the account has no token of that id.
	RevokeToken(ctx context.Context, a webhook.Account, id string) error

	// AddSealingKey keeps k unless a key of that id is there, and returns
	// the one that stands.
	AddSealingKey(ctx context.Context, k webhook.SealingKey) (webhook.SealingKey, error)

	// SealingKeys lists all sealing keys, ordered by id.
	SealingKeys(ctx context.Context) ([]webhook.SealingKey, error)
}

// Deliveries is what is kept of events on their way.
type Deliveries interface {
	// Recipients gives the webhooks of 1 to 100 event keys and their accounts, in
	// the order of the keys, strongly consistent. What there is none of is
	// zero in its Recipient, and no error.
	Recipients(ctx context.Context, eventKeys []webhook.EventKey) ([]webhook.Recipient, error)

	// AddDelivery keeps a delivery with its payload, and returns the record
	// that stands, without the payload, and with the PayloadRef. What was
	// returned is durable.
	//
	//   - webhook.ErrExists: one of the same identity is there and stays as it
	//     is; it is what is returned.
	//   - webhook.ErrInvalid: the event's time is before 1970 or after
	//     webhook.MaxEventTime, or the status is none.
	//
	// After a lost answer the store finds out whether the addition was made: it
	// is never refused because of itself.
	AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error)

	// Delivery reads a delivery by its id, with its payload.
	// webhook.ErrNotFound: there is none, or it has expired.
	Delivery(ctx context.Context, a webhook.Account, id string) (webhook.Delivery, error)

	// Deliveries gives the deliveries of an account whose events happened at
	// from or later to yield, without payloads, the latest event first, until
	// yield returns false. Deliveries of one millisecond are in a fixed order.
	// yield may use the store.
	Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error

	// AttemptInput reads all that the attempt of a message needs, strongly consistent
	// and in one go. webhook.ErrNotFound: there is no such delivery. A webhook
	// or account there is none of is zero.
	AttemptInput(ctx context.Context, m webhook.Message) (webhook.AttemptInput, error)

	// RecordAttempt writes what became of a delivery, on the condition that it has
	// the attempts it had, and updates the statistics of the webhook of its
	// event, on the condition that it has the delivery's WebhookID.
	//
	//   - webhook.ErrChanged: the attempts have moved; nothing is written. The
	//     delivery as it stands is returned.
	//   - webhook.ErrNotFound: there is no such delivery.
	//   - webhook.ErrInvalid: the status is none.
	//
	// After a lost answer the store finds out whether the result was written.
	// Statistics come after the delivery; what is lost between is not counted.
	RecordAttempt(ctx context.Context, s webhook.AttemptResult) (webhook.Delivery, error)

	// Due gives what is due after from and not after before to yield, until
	// yield returns false: what yield has seen once comes again only with
	// another Due. It may lag behind the writes by seconds. Within a part of
	// the store the earliest comes first. yield may use the store.
	Due(ctx context.Context, from, before time.Time, yield func(webhook.Pending) bool) error

	// Lease puts off a due delivery to until, and adds one to its Sends.
	// webhook.ErrChanged: its attempts or its Due are not those of p any more.
	Lease(ctx context.Context, p webhook.Pending, until time.Time) error
}
