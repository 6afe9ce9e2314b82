package access

import (
	"context"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// OperatorLinks are the operator's links and sessions. It implements [Operator].
type OperatorLinks struct{ links *Links }

// Look implements [Access].
func (o OperatorLinks) Look(ctx context.Context, link webhook.Secret) (Link, error) {
	return o.links.look(ctx, link, true)
}

// Enter implements [Access].
func (o OperatorLinks) Enter(ctx context.Context, link webhook.Secret) (webhook.Secret, Session, error) {
	return o.links.enter(ctx, link, true)
}

// Session implements [Access].
func (o OperatorLinks) Session(ctx context.Context, secret webhook.Secret) (Session, error) {
	return o.links.session(ctx, secret, true)
}

// Leave implements [Access].
func (o OperatorLinks) Leave(ctx context.Context, secret webhook.Secret) error {
	return o.links.leave(ctx, secret, true)
}

// EnterAccount implements [Operator].
func (o OperatorLinks) EnterAccount(ctx context.Context, s Session, a webhook.Account) (webhook.Secret, Session, error) {
	if !s.Operator() || a == (webhook.Account{}) || !o.links.now().Before(s.Expires) {
		return webhook.Secret{}, Session{}, ErrNoSession
	}
	account, err := o.links.account(ctx, a)
	if err != nil {
		return webhook.Secret{}, Session{}, err
	}
	of := owner{account: a, byOperator: true, epoch: s.epoch}
	secret, err := o.links.secret(of)
	if err != nil {
		return webhook.Secret{}, Session{}, err
	}
	pass := webhook.PortalPass{
		Hash: hash(secret), Account: a, AccountCreatedAt: account.CreatedAt, Epoch: account.PortalEpoch, Rights: s.Rights,
		ExpiresAt: s.Expires.Truncate(time.Millisecond),
	}
	if err := o.links.store.AddPortalSession(ctx, pass); err != nil {
		return webhook.Secret{}, Session{}, err
	}
	return secret, newSession(secret, pass, of), nil
}

// LeaveAccount implements [Operator].
func (o OperatorLinks) LeaveAccount(ctx context.Context, secret webhook.Secret) error {
	return o.links.leave(ctx, secret, false)
}

// End implements [Operator].
func (o OperatorLinks) End(ctx context.Context, a webhook.Account) error { return o.links.End(ctx, a) }

// Create implements [Operator].
func (o OperatorLinks) Create(ctx context.Context, g Grant) (webhook.Secret, time.Time, error) {
	return o.links.Create(ctx, g)
}

// IsByOperator reports whether a secret says of itself that it is of a session
// of an account that the operator entered. Whether it is good is another
// question.
func IsByOperator(secret webhook.Secret) bool {
	of, ok := ownerOf(secret)
	return ok && of.byOperator
}
