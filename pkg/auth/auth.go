// Package auth authenticates requests: it finds out whose token a request has,
// and which rights the token gives.
//
// A [Scheme] extracts the token from a request's headers and knows no store. An
// [Authenticator] checks the token and knows no HTTP. It returns the token's
// rights; the route compares them with the right that it requires.
//
// A token that is revoked in the store is refused within 30 s, a new one is
// accepted within a second even if it was tried before, and an expired one is
// refused at once. The memory in use is bounded whatever clients send. The
// package neither keeps nor prints tokens: it keeps SHA-256 hashes, and no
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

// Errors of credentials. The response to each is a 401. They are wrapped with a
// reason that contains nothing of what was sent; compare with [errors.Is].
var (
	// ErrMissing: the request has no token.
	ErrMissing = errors.New("no access token")
	// ErrInvalid: the request has something other than one token of this API:
	// several credentials, another scheme, junk, an unknown or revoked token,
	// or a token of another API.
	ErrInvalid = errors.New("invalid access token")
	// ErrExpired: the token has expired.
	ErrExpired = errors.New("expired access token")
)

// Reasons for ErrInvalid, allocated once: a flood of junk makes no garbage
// here.
var (
	errMalformed = fmt.Errorf("%w: not of the form of a token", ErrInvalid)
	errUnknown   = fmt.Errorf("%w: unknown", ErrInvalid)
	errForeign   = fmt.Errorf("%w: of another API", ErrInvalid)
)

// Principal is the account and rights of a request.
type Principal struct {
	Account webhook.Account
	// TokenID identifies the token in logs. It is not secret.
	TokenID string
	Rights  webhook.Rights
}

// Tokens is the part of store.Store that authentication needs.
type Tokens interface {
	// Token returns the token with a hash, even if it has expired, or
	// [webhook.ErrNotFound].
	Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error)
}

// Config configures an Authenticator. All fields are required.
type Config struct {
	Tokens Tokens
	// API is the API whose tokens are accepted.
	API webhook.API
	// Now is the wall clock.
	Now func() time.Time
}

// Authenticator checks tokens. It is safe for concurrent use.
//
// Concurrent callers with the same uncached token each read the store. Shared
// reads would tie a caller to another's deadline, and in a function that was
// frozen meanwhile to a read from long ago. A function serves one request at a
// time anyway, and the embedded store responds within microseconds.
type Authenticator struct {
	tokens Tokens
	api    webhook.API
	now    func() time.Time
	cache  *cache
}

// New returns an Authenticator with an empty cache.
func New(cfg Config) *Authenticator {
	if cfg.Tokens == nil || cfg.API == "" || cfg.Now == nil {
		panic("auth: a field of Config is missing")
	}
	return &Authenticator{tokens: cfg.Tokens, api: cfg.API, now: cfg.Now, cache: newCache()}
}

// Authenticate returns whose token it is. A text that does not look like a
// token never reaches the store. Others are read at most once in 30 s, or in 1
// s while they are unknown.
//
//   - [ErrInvalid]: the token is malformed, unknown, or of another API.
//   - [ErrExpired]: the token has expired by the clock at the end of the call.
//   - Any other error is the store's, wrapped (ctx.Err() if ctx ended the
//     read). It shows nothing of the token and is not cached: the next call
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

// read reads a token from the store. An unknown token is a finding too. The
// finding dates from start, which is before the read.
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

// check accepts or refuses a token by what was found. It runs at every use.
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

// wallClock returns the time without its monotonic part, which stops while a
// Lambda function is frozen.
func (a *Authenticator) wallClock() time.Time { return a.now().Round(0) }
