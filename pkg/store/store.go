// Package store defines what a store of webhooks, accounts, tokens, sealing
// keys and deliveries does, and which error it returns when. Package storetest
// tests every implementation against it.
//
// The following holds for all methods. The context's deadline bounds the call;
// an error wraps ctx.Err() when the context ended it. [webhook.ErrUnavailable]
// means that nothing was written and that the same call may be repeated. Every
// write may return [webhook.ErrUnknownOutcome] at the end of the deadline, when
// its response was lost. An error that a method does not list is an internal
// error of the store.
//
// All times are kept in UTC, to the millisecond.
package store

import (
	"context"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Store is everything that Hookline keeps. Consumers declare the part they
// need.
type Store interface {
	Deliveries
	Notices
	Portal

	// Create adds the webhooks of c, all or none, and returns the existing
	// records in the order of c.Webhooks. Records that were returned are
	// durable and visible to every read that starts afterwards.
	//
	//   - [*webhook.TakenError]: some events already have a webhook. The error
	//     lists all of them with the ids of their webhooks. A record with the
	//     same RequestID is no conflict: Create returns it as it exists.
	//   - [*webhook.ExcludedError]: no event is taken, but events of
	//     c.Exclusions are registered. The error lists all of them.
	//   - [webhook.ErrTooMany]: neither, but the account would have more than
	//     [webhook.MaxWebhooks]. A store may leave this to the list of events,
	//     which bounds how many webhooks an account can have.
	//   - [webhook.ErrUnknownOutcome]: the response was lost and the store
	//     cannot tell what happened. Call again with new ids and the same
	//     RequestID. Only a creation of one webhook without exclusions returns
	//     it; Create resolves a lost response of any other itself.
	//
	// Of concurrent creations of one event, or of two that exclude each other,
	// exactly one succeeds.
	Create(ctx context.Context, c webhook.Creation) ([]webhook.Webhook, error)

	// Webhooks lists all webhooks of an account, ordered by event. The list is
	// empty for an unknown account.
	Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error)

	// WebhooksByID lists the webhooks of an account that have an id, ordered by
	// event. The list is empty if there is none.
	WebhooksByID(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error)

	// Failing lists the webhooks of an API that fail or are disabled, longest
	// first by [webhook.Webhook.FailingSince]. It begins after the cursor after,
	// or with the first if that is empty, and returns at most limit webhooks, 1
	// to 500, and the cursor of the rest, empty at the end. A page may have
	// fewer, even none, before the end.
	//
	// The list may lag behind writes by seconds, but a webhook in it has that
	// state. Whoever goes on until the end gets each webhook whose state did not
	// change meanwhile, once. Failing returns [webhook.ErrInvalid] for a cursor
	// that it did not return.
	Failing(ctx context.Context, api webhook.API, after string, limit int) (list []webhook.Webhook, next string, err error)

	// Webhook returns the webhook of an event, or [webhook.ErrNotFound].
	Webhook(ctx context.Context, a webhook.Account, event string) (webhook.Webhook, error)

	// Change replaces the records c.Was with c.Now, all or none. It leaves
	// statistics and SlowSince unchanged, except that a webhook whose event
	// changes gets those of c.Now, and that a change of the URL clears
	// SlowSince.
	//
	//   - [webhook.ErrNotFound]: the record of an event of c.Was does not
	//     exist, or has another id.
	//   - [webhook.ErrChanged]: all records exist, but one has another version.
	//   - [*webhook.TakenError]: events that only c.Now has belong to other
	//     records. The two other errors take precedence.
	//
	// Change resolves a lost response itself: it never fails because of its own
	// earlier try.
	Change(ctx context.Context, c webhook.Change) error

	// Delete removes 1 to 50 records of one account, all or none, whatever
	// their version. Their events can be registered again at once. Delete
	// returns [webhook.ErrNotFound] if the record of an event does not exist or
	// has another id. It resolves a lost response itself.
	Delete(ctx context.Context, webhooks []webhook.Webhook) error

	// SetAccountKey sets the account's sealed signing key in one write. It
	// returns [webhook.ErrNotFound] if the account does not exist or is
	// closing.
	SetAccountKey(ctx context.Context, a webhook.Account, sealed []byte) error

	// CloseAccount marks an account as closing since at: from then on it gets
	// no tokens and no key, and ClosingAccounts lists it. Closing it again
	// leaves the time as it is. CloseAccount returns [webhook.ErrNotFound] if
	// the account does not exist.
	CloseAccount(ctx context.Context, a webhook.Account, at time.Time) error

	// ClosingAccounts lists the accounts that are closing, in no particular
	// order. It reads those alone.
	ClosingAccounts(ctx context.Context) ([]webhook.ClosingAccount, error)

	// PostponeClosing sets the time since which an account is closing. It
	// returns [webhook.ErrNotFound] unless ClosingAccounts lists the account.
	PostponeClosing(ctx context.Context, a webhook.Account, at time.Time) error

	// DeleteAccount removes the account's own record and nothing that belongs
	// to it. It returns [webhook.ErrNotFound] unless the account exists and is
	// closing.
	DeleteAccount(ctx context.Context, a webhook.Account) error

	// CreateAccount adds an account, or returns [webhook.ErrExists].
	CreateAccount(ctx context.Context, a webhook.AccountInfo) error

	// Account returns an account, or [webhook.ErrNotFound].
	Account(ctx context.Context, a webhook.Account) (webhook.AccountInfo, error)

	// Accounts lists the accounts of an API, ordered by id.
	Accounts(ctx context.Context, d webhook.API) ([]webhook.AccountInfo, error)

	// AccountsAfter lists accounts of an API whose ids follow after, ordered by
	// id, of the first limit of them those that exist. limit is at least 1.
	// next is the id to go on after, empty if no account is left.
	AccountsAfter(ctx context.Context, d webhook.API, after string, limit int) (list []webhook.AccountInfo, next string, err error)

	// CreateToken adds a token to an account.
	//
	//   - [webhook.ErrNotFound]: the account does not exist, or is closing.
	//   - [webhook.ErrExists]: the token's hash or id is in use.
	CreateToken(ctx context.Context, t webhook.Token) error

	// Token returns the token with a hash, even if it has expired, or
	// [webhook.ErrNotFound].
	Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error)

	// Tokens lists the tokens of an account, ordered by id.
	Tokens(ctx context.Context, a webhook.Account) ([]webhook.Token, error)

	// RevokeToken removes a token of an account. It returns
	// [webhook.ErrNotFound] if the account has no token with that id.
	RevokeToken(ctx context.Context, a webhook.Account, id string) error

	// AddSealingKey adds k unless a key with its id exists, and returns the
	// existing key.
	AddSealingKey(ctx context.Context, k webhook.SealingKey) (webhook.SealingKey, error)

	// SealingKeys lists all sealing keys, ordered by id.
	SealingKeys(ctx context.Context) ([]webhook.SealingKey, error)
}

// Deliveries is the part of a store that keeps events on their way.
type Deliveries interface {
	// Recipients returns the webhooks of 1 to 100 event keys and their
	// accounts, in the order of the keys. The read is strongly consistent. A
	// webhook or account that does not exist is no error: its part of the
	// Recipient is the zero value.
	Recipients(ctx context.Context, eventKeys []webhook.EventKey) ([]webhook.Recipient, error)

	// AddDelivery adds a delivery with its payload. It returns the existing
	// record without the payload, with PayloadRef set. A record that was
	// returned is durable.
	//
	//   - [webhook.ErrExists]: a delivery of the same identity exists. It is
	//     returned and left as it is.
	//   - [webhook.ErrInvalid]: the event's time is before 1970 or after
	//     [webhook.MaxEventTime], or the status is not valid.
	//
	// AddDelivery resolves a lost response itself: it never fails because of
	// its own earlier try.
	AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error)

	// Delivery returns a delivery with its payload. It returns
	// [webhook.ErrNotFound] if the delivery does not exist or has expired.
	Delivery(ctx context.Context, a webhook.Account, id string) (webhook.Delivery, error)

	// Deliveries calls yield for each delivery of an account whose event
	// happened at from or later, without payloads, latest event first, until
	// yield returns false. Deliveries of one millisecond have a fixed order.
	// yield may use the store.
	Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error

	// DeliveryPage returns the deliveries of an account within a range, without
	// payloads, latest event first, up to its Limit. more reports whether there
	// may be others after the last one. A page may have fewer than Limit before
	// the end, but not none. Whoever goes on after the last delivery of each
	// page gets every delivery once that existed all the time, whatever is added
	// or changed meanwhile. DeliveryPage returns [webhook.ErrInvalid] if After
	// is not a delivery's id.
	DeliveryPage(ctx context.Context, a webhook.Account, r webhook.DeliveryRange) (list []webhook.Delivery, more bool, err error)

	// AttemptInput reads all that the attempt of a message needs, in one
	// strongly consistent read. It returns [webhook.ErrNotFound] if the
	// delivery does not exist. A webhook or account that does not exist is the
	// zero value.
	AttemptInput(ctx context.Context, m webhook.Message) (webhook.AttemptInput, error)

	// Attempts returns the attempts of a delivery that are kept, oldest first:
	// those that failed, and the latest one. d is the delivery as it was read;
	// attempts recorded since are omitted. A delivery that does not exist has
	// none but the latest one of d.
	Attempts(ctx context.Context, d webhook.Delivery) ([]webhook.Attempt, error)

	// RecordAttempt writes the outcome of an attempt if the delivery still has
	// the Attempts of s.Was, and returns the delivery. It keeps a failed
	// attempt until the delivery expires: see
	// [webhook.AttemptResult.FailedAttempt]. It then updates the statistics of
	// the webhook of the event, if that webhook still has the WebhookID of
	// s.Was.
	//
	//   - [webhook.ErrChanged]: the delivery has other Attempts, or another Next
	//     where s is not of an attempt. Nothing is written, Attempts shows
	//     nothing of this attempt, and the existing delivery is returned.
	//   - [webhook.ErrNotFound]: the delivery does not exist.
	//   - [webhook.ErrInvalid]: the status is not valid.
	//
	// RecordAttempt resolves a lost response itself. The statistics are written
	// after the delivery; an attempt is not counted if the store fails in
	// between.
	RecordAttempt(ctx context.Context, s webhook.AttemptResult) (webhook.Delivery, error)

	// Due calls yield for each delivery with from < Due ≤ before until yield
	// returns false, the earliest first within a partition of the store. It
	// calls yield at most once for each, unless the delivery is leased
	// meanwhile to a time that Due has yet to reach. Due may lag behind writes
	// by seconds. A store may leave out the Test of the messages. yield may use
	// the store.
	Due(ctx context.Context, from, before time.Time, yield func(webhook.Pending) bool) error

	// SetSlow sets the SlowSince of a webhook to since, or clears it if since is
	// zero. It leaves the Version as it is.
	//
	//   - [webhook.ErrNotFound]: the record of the event does not exist, or has
	//     another id.
	//   - [webhook.ErrChanged]: it has another Version or SlowSince than w.
	//     Nothing is written.
	//
	// SetSlow resolves a lost response itself.
	SetSlow(ctx context.Context, w webhook.Webhook, since time.Time) error

	// Lease postpones a due delivery to until and adds one to its Sends. It
	// returns [webhook.ErrChanged] if the delivery's Attempts or Due differ
	// from those of p.
	Lease(ctx context.Context, p webhook.Pending, until time.Time) error
}

// Notices is the part of a store that keeps what the operator is to be told.
type Notices interface {
	// Tell stores a notice about failures, and marks the webhook of its one
	// event as told of it, in one write. It returns [webhook.ErrChanged] and
	// stores nothing unless that webhook has the WebhookID, is enabled, fails
	// since StateSince, and was not told of a notice of that type since. Tell
	// resolves a lost response itself.
	Tell(ctx context.Context, n webhook.Notice) error

	// Notices returns up to limit notices, 1 to 1000, by ascending id, those
	// after the id after. The read is strongly consistent.
	Notices(ctx context.Context, after string, limit int) ([]webhook.Notice, error)

	// RemoveNotice removes a notice, if it exists.
	RemoveNotice(ctx context.Context, id string) error
}

// Portal is the part of a store that keeps the ways into the portal. The zero
// account is the operator, who has no record until EndPortal makes one.
type Portal interface {
	// AddPortalLink adds a link. Its account need not exist.
	AddPortalLink(ctx context.Context, link webhook.PortalPass) error

	// PortalLink returns a link of an account, whether it is still good or not,
	// and the account as it is now. The reads are strongly consistent. An
	// account that does not exist is the zero value. PortalLink returns
	// [webhook.ErrNotFound] if the account has no link with that hash.
	PortalLink(ctx context.Context, a webhook.Account, h webhook.TokenHash) (webhook.PortalPass, webhook.AccountInfo, error)

	// PortalSession is PortalLink for sessions.
	PortalSession(ctx context.Context, a webhook.Account, h webhook.TokenHash) (webhook.PortalPass, webhook.AccountInfo, error)

	// BeginPortalSession removes a link and adds a session, both or neither.
	// Both are of the session's account. Of concurrent calls with one link at
	// most one succeeds. It returns [webhook.ErrNotFound] if there is no such
	// link, and resolves a lost response itself.
	BeginPortalSession(ctx context.Context, link webhook.TokenHash, session webhook.PortalPass) error

	// AddPortalSession adds a session that no link begins. Its account need not
	// exist.
	AddPortalSession(ctx context.Context, session webhook.PortalPass) error

	// EndPortalSession removes a session of an account, if it exists.
	EndPortalSession(ctx context.Context, a webhook.Account, h webhook.TokenHash) error

	// EndPortal raises the PortalEpoch of an account, by more than one if a
	// response is lost. It returns [webhook.ErrNotFound] if the account does not
	// exist.
	EndPortal(ctx context.Context, a webhook.Account) error
}
