// Package auth turns the credentials of a request into a principal: whose
// token it is, and what it may do.
//
// A Scheme finds the token in a request's headers and knows no store; an
// Authenticator checks the token and knows no HTTP. Rights are part of the
// answer: which one a route asks for, the route says.
//
// It guarantees that a token revoked in the store is refused within 30 s, that
// one created is accepted within a second even if it was tried before, and
// that an expired one is refused at once. Its memory is bounded whatever is
// sent. It refuses to hold or print a token: it keeps SHA-256 hashes, and no
// error contains what a client sent.
package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/webhook"
)

// Errors of credentials; all of them are a 401. They come wrapped with the
// reason, which holds nothing that was sent. Compare with errors.Is.
var (
	// ErrMissing: the request brings no token.
	ErrMissing = errors.New("no access token")
	// ErrInvalid: it brings something that is not one token of this API:
	// several credentials, another scheme, junk, an unknown or revoked
	// token, a token of another API.
	ErrInvalid = errors.New("invalid access token")
	// ErrExpired: the token was good once.
	ErrExpired = errors.New("expired access token")
)

// Reasons for ErrInvalid, made once: a flood of junk makes no garbage here.
var (
	errMalformed = fmt.Errorf("%w: not of the form of a token", ErrInvalid)
	errUnknown   = fmt.Errorf("%w: unknown", ErrInvalid)
	errForeign   = fmt.Errorf("%w: of another API", ErrInvalid)
)

// Principal is who makes a request.
type Principal struct {
	Account webhook.Account
	// TokenID names the token in logs. It is no secret.
	TokenID string
	Rights  webhook.Rights
}

// Tokens is where tokens are kept: the part of store.Store that is needed here.
type Tokens interface {
	// Token finds a token by its hash, expired ones too.
	// webhook.ErrNotFound: there is none.
	Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error)
}

// Config is what an Authenticator is made of. All fields are needed.
type Config struct {
	Tokens Tokens
	// API is the API whose tokens are accepted.
	API webhook.API
	// Now is the wall clock.
	Now func() time.Time
}

// Authenticator checks tokens. It is safe for concurrent use.
//
// Callers who bring one token that is not cached, at the same time, each read
// the store: shared reads would tie a caller to the deadline of another, and
// in a function that was frozen meanwhile to a read of long ago. A function
// serves one request at a time anyway, and the embedded store answers within
// microseconds.
type Authenticator struct {
	tokens Tokens
	api    webhook.API
	now    func() time.Time
	cache  *cache
}

// New makes an Authenticator with an empty cache. It panics if a field of cfg is
// missing.
func New(cfg Config) *Authenticator {
	if cfg.Tokens == nil || cfg.API == "" || cfg.Now == nil {
		panic("auth: a field of Config is missing")
	}
	return &Authenticator{tokens: cfg.Tokens, api: cfg.API, now: cfg.Now, cache: newCache()}
}

// Authenticate says whose token it is. What does not look like a token never
// reaches the store; what does is read from it at most once in 30 s, or in 1 s
// while it is unknown.
//
//   - ErrInvalid: the token is malformed, unknown, or of another API.
//   - ErrExpired: its time is over, by the clock at the end of the call.
//   - Any other error is the store's, wrapped (ctx.Err() when ctx ended the
//     read). It says nothing of the token, and is forgotten: the next call
//     reads again.
func (a *Authenticator) Authenticate(ctx context.Context, token webhook.Secret) (Principal, error) {
	if !keygen.LooksLikeToken(token.Reveal()) {
		return Principal{}, errMalformed
	}
	hash := webhook.HashToken(token.Reveal())
	now := a.wallClock()
	found, ok := a.cache.get(hash, now)
	if !ok {
		var err error
		if found, err = a.read(ctx, hash, now); err != nil {
			return Principal{}, err
		}
		now = a.wallClock()
		a.cache.put(hash, found, now)
	}
	return a.check(found, now)
}

// read asks the store for a token. That there is none is a finding too. It is
// as old as start, which is before the read.
func (a *Authenticator) read(ctx context.Context, hash webhook.TokenHash, start time.Time) (finding, error) {
	t, err := a.tokens.Token(ctx, hash)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return finding{readAt: start}, nil
	case err != nil:
		return finding{}, fmt.Errorf("look up an access token: %w", err)
	case subtle.ConstantTimeCompare(t.Hash[:], hash[:]) != 1:
		return finding{}, fmt.Errorf("look up an access token: the store answered with another, %s of %s", t.ID, t.Account)
	}
	return finding{
		known:     true,
		principal: Principal{Account: t.Account, TokenID: t.ID, Rights: t.Rights},
		expiresAt: t.ExpiresAt.Round(0),
		readAt:    start,
	}, nil
}

// check decides about what was found, at every use of it.
func (a *Authenticator) check(f finding, now time.Time) (Principal, error) {
	switch {
	case !f.known:
		return Principal{}, errUnknown
	case f.principal.Account.API != a.api:
		return Principal{}, errForeign
	case webhook.Token{ExpiresAt: f.expiresAt}.Expired(now):
		return Principal{}, fmt.Errorf("%w: %s of %s", ErrExpired, f.principal.TokenID, f.principal.Account)
	}
	return f.principal, nil
}

// wallClock reads the clock without its monotonic part, which stands still
// while a Lambda function is frozen.
func (a *Authenticator) wallClock() time.Time { return a.now().Round(0) }
