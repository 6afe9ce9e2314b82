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

	"github.com/hookline/hookline/pkg/webhook"
)

// Store is everything that is kept. Consumers declare the part they need.
type Store interface {
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
	//     tell. Call again with new ids and the same claim. Comes only for a creation of one webhook without Exclusions; others
	//     are settled inside.
	//
	// Of concurrent creations of one event, or of two that exclude each
	// other, exactly one succeeds.
	Create(ctx context.Context, c webhook.Creation) ([]webhook.Webhook, error)

	// Webhooks lists all webhooks of an account, ordered by event. An
	// unknown account has none.
	Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error)

	// CreateAccount adds an account. webhook.ErrExists: it is there already.
	CreateAccount(ctx context.Context, a webhook.AccountInfo) error

	// Account reads an account. webhook.ErrNotFound: there is none.
	Account(ctx context.Context, a webhook.Account) (webhook.AccountInfo, error)

	// Accounts lists the accounts of a dialect, ordered by id.
	Accounts(ctx context.Context, d webhook.Dialect) ([]webhook.AccountInfo, error)

	// CreateToken adds a token of an account.
	//
	//   - webhook.ErrNotFound: the account does not exist.
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
