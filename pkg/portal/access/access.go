// Package access says what a way into the portal is: a link that is good once,
// and the session of a browser that entered by it (docs/contracts/portal.md,
// Ways in). [Links] implements [Access] over a store for the pages of accounts,
// and [OperatorLinks] implements [Operator] for the operator's; the portal's
// handlers know only the interfaces. A secret for the one is of no use for the
// other: it is refused before the store is read.
//
// Secrets of links and sessions are kept as their SHA-256 only. Nothing of them
// is cached: whether one has expired, was ended, or belongs to an account that
// was deleted since, is judged from the store at each use.
package access

import (
	"context"
	"errors"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The errors of [Access] that callers tell apart. Any other is an internal
// error. None repeats a secret.
var (
	// ErrNoLink: there is no such link, or it is no longer good: it was used, it
	// expired, the account's links were ended, or its account was deleted, also
	// if one of the same id was created since. Callers cannot tell which, so
	// that a guess tells nothing.
	ErrNoLink = errors.New("link used, expired or unknown")
	// ErrNoSession: there is no such session, or it is no longer good, for the
	// same reasons or because its browser left.
	ErrNoSession = errors.New("session ended, expired or unknown")
)

// Link is a way into the portal that was not used yet.
type Link struct {
	// Account is whose pages it leads to. It is zero for the operator's link,
	// which leads to all accounts.
	Account webhook.Account
	// Rights are those of the session that it begins: webhook.Read, or that and
	// webhook.Write.
	Rights webhook.Rights
	// Expires is when it stops being good.
	Expires time.Time
}

// Operator reports whether the link is the operator's.
func (l Link) Operator() bool { return l.Account == webhook.Account{} }

// Session is what a browser may do that entered by a link.
type Session struct {
	// Account is the one account that the session sees. It is zero for the
	// operator's session.
	Account webhook.Account
	// AccountCreatedAt is when that account was created.
	AccountCreatedAt time.Time
	// ByOperator reports whether the operator entered the account from his own
	// pages, by [Operator.EnterAccount].
	ByOperator bool
	// Rights are webhook.Read, or that and webhook.Write.
	Rights webhook.Rights
	// Expires is when the session ends at the latest.
	Expires time.Time
	// FormToken is what forms of this session carry beside its cookie. It stays
	// the same for the session's life, is of no use in another session, and
	// neither it nor the session's secret can be told from the other. A keyed
	// hash of the session's secret will do, so it need not be stored.
	FormToken string

	// epoch is the operator's when his session began.
	epoch int64
}

// Operator reports whether the session is the operator's.
func (s Session) Operator() bool { return s.Account == webhook.Account{} }

// Access keeps links and sessions. Its methods are safe for concurrent use.
type Access interface {
	// Look returns a link that is still good, and changes nothing: scanners of
	// mail and previews of chats fetch links before people do.
	//
	//   - ErrNoLink
	Look(ctx context.Context, link webhook.Secret) (Link, error)
	// Enter uses a link up and begins a session. Of several calls with one link
	// at most one succeeds, wherever they are made: the link is consumed by a
	// conditional write before the session exists. If the outcome of a write is
	// lost, Enter returns an error, and the link may be used up.
	//
	//   - ErrNoLink
	Enter(ctx context.Context, link webhook.Secret) (secret webhook.Secret, s Session, err error)
	// Session returns a session that is still good. It reads the session and its
	// account anew at each call.
	//
	//   - ErrNoSession
	Session(ctx context.Context, secret webhook.Secret) (Session, error)
	// Leave ends a session. It returns nil if there is none: it has ended then.
	Leave(ctx context.Context, secret webhook.Secret) error
}

// Operator keeps the operator's links and sessions. Its methods are safe for
// concurrent use.
type Operator interface {
	// Access has the operator's links and sessions alone.
	Access
	// EnterAccount begins a session of an account for whoever has a session of
	// the operator. It has the rights of s and ends with it at the latest. It
	// also ends, beside what ends any session of the account, when the
	// operator's links and sessions are ended; not when s is left.
	//
	//   - ErrNoSession: s is no session of the operator, or has expired.
	//   - webhook.ErrNotFound: the account does not exist or is closing.
	EnterAccount(ctx context.Context, s Session, a webhook.Account) (secret webhook.Secret, account Session, err error)
	// LeaveAccount ends a session of an account, as Leave of the account's
	// Access does.
	LeaveAccount(ctx context.Context, secret webhook.Secret) error
	// Create makes a link of an account. See [Links.Create].
	Create(ctx context.Context, g Grant) (secret webhook.Secret, expires time.Time, err error)
	// End ends all links and sessions of an account, or the operator's own if it
	// is zero. It returns webhook.ErrNotFound if the account does not exist.
	End(ctx context.Context, a webhook.Account) error
}
