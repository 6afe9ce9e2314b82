package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/webhook"
)

// How long links are good, and the sessions that they begin.
const (
	DefaultLink    = 10 * time.Minute
	MaxLink        = 24 * time.Hour
	DefaultSession = 8 * time.Hour
	MaxSession     = 30 * 24 * time.Hour
)

// Store is the part of store.Store that Links uses.
type Store interface {
	Account(context.Context, webhook.Account) (webhook.AccountInfo, error)
	AddPortalLink(context.Context, webhook.PortalPass) error
	PortalLink(context.Context, webhook.Account, webhook.TokenHash) (webhook.PortalPass, webhook.AccountInfo, error)
	PortalSession(context.Context, webhook.Account, webhook.TokenHash) (webhook.PortalPass, webhook.AccountInfo, error)
	BeginPortalSession(ctx context.Context, link webhook.TokenHash, session webhook.PortalPass) error
	AddPortalSession(context.Context, webhook.PortalPass) error
	EndPortalSession(context.Context, webhook.Account, webhook.TokenHash) error
	EndPortal(context.Context, webhook.Account) error
}

// Links makes and ends links and sessions. It implements [Access] for those of
// accounts; those of the operator are refused there, and are those of
// [Links.Operator]. It is safe for concurrent use.
//
// A secret is the account, a dot and 32 random bytes, so that one read finds
// both the pass and its account. A pass is found by the hash of the whole. Of a
// session that the operator began the account is followed by "@" and the
// operator's epoch at that time, so that it ends with his.
type Links struct {
	store Store
	keys  *keygen.Generator
	now   func() time.Time
}

// NewLinks returns Links. It panics if an argument is nil.
func NewLinks(s Store, keys *keygen.Generator, now func() time.Time) *Links {
	if s == nil || keys == nil || now == nil {
		panic("access: an argument of NewLinks is nil")
	}
	return &Links{store: s, keys: keys, now: now}
}

// Grant says what a link is to be good for.
type Grant struct {
	// Account is whose pages it leads to; zero for the operator's link.
	Account webhook.Account
	// Rights are webhook.Read, or that and webhook.Write.
	Rights webhook.Rights
	// Link is how long the link is good, 1 s to [MaxLink]; Session how long its
	// session is, 1 s to [MaxSession].
	Link, Session time.Duration
}

// Validate returns an error that wraps [webhook.ErrInvalid] and says what is
// wrong.
func (g Grant) Validate() error {
	switch {
	case g.Link < time.Second || g.Link > MaxLink:
		return fmt.Errorf("link: %w: it is good for 1s to %v", webhook.ErrInvalid, MaxLink)
	case g.Session < time.Second || g.Session > MaxSession:
		return fmt.Errorf("session: %w: it lasts 1s to %v", webhook.ErrInvalid, MaxSession)
	case g.Rights != webhook.Read && g.Rights != webhook.AllRights:
		return fmt.Errorf("rights: %w: they are read, or read and write", webhook.ErrInvalid)
	}
	return nil
}

// Create makes a link. Its secret cannot be shown again.
//
//   - [webhook.ErrInvalid]: the grant is not valid.
//   - [webhook.ErrNotFound]: the account does not exist or is closing.
func (l *Links) Create(ctx context.Context, g Grant) (secret webhook.Secret, expires time.Time, err error) {
	if err := g.Validate(); err != nil {
		return webhook.Secret{}, time.Time{}, err
	}
	account, err := l.account(ctx, g.Account)
	if err != nil {
		return webhook.Secret{}, time.Time{}, err
	}
	secret, err = l.secret(owner{account: g.Account})
	if err != nil {
		return webhook.Secret{}, time.Time{}, err
	}
	pass := webhook.PortalPass{
		Hash: hash(secret), Account: g.Account, AccountCreatedAt: account.CreatedAt, Epoch: account.PortalEpoch, Rights: g.Rights,
		ExpiresAt: l.now().UTC().Add(g.Link).Truncate(time.Millisecond), Session: g.Session.Truncate(time.Millisecond),
	}
	if err := l.store.AddPortalLink(ctx, pass); err != nil {
		return webhook.Secret{}, time.Time{}, err
	}
	return secret, pass.ExpiresAt, nil
}

// account returns an account that may have links. The operator's record may not
// exist yet.
func (l *Links) account(ctx context.Context, a webhook.Account) (webhook.AccountInfo, error) {
	info, err := l.store.Account(ctx, a)
	if a == (webhook.Account{}) {
		if errors.Is(err, webhook.ErrNotFound) {
			err = nil
		}
		info.CreatedAt = time.Time{}
		return info, err
	}
	if err == nil && info.Closing {
		err = fmt.Errorf("account %v is closing: %w", a, webhook.ErrNotFound)
	}
	return info, err
}

// End ends all links and sessions of an account, or the operator's own if it is
// zero. It returns [webhook.ErrNotFound] if the account does not exist.
func (l *Links) End(ctx context.Context, a webhook.Account) error { return l.store.EndPortal(ctx, a) }

// Operator returns the operator's links and sessions.
func (l *Links) Operator() OperatorLinks { return OperatorLinks{l} }

// Look implements [Access].
func (l *Links) Look(ctx context.Context, link webhook.Secret) (Link, error) {
	return l.look(ctx, link, false)
}

// Enter implements [Access].
func (l *Links) Enter(ctx context.Context, link webhook.Secret) (webhook.Secret, Session, error) {
	return l.enter(ctx, link, false)
}

// Session implements [Access].
func (l *Links) Session(ctx context.Context, secret webhook.Secret) (Session, error) {
	return l.session(ctx, secret, false)
}

// Leave implements [Access].
func (l *Links) Leave(ctx context.Context, secret webhook.Secret) error {
	return l.leave(ctx, secret, false)
}

func (l *Links) look(ctx context.Context, link webhook.Secret, operator bool) (Link, error) {
	pass, _, err := l.good(ctx, link, operator, l.store.PortalLink, ErrNoLink)
	return Link{Account: pass.Account, Rights: pass.Rights, Expires: pass.ExpiresAt}, err
}

func (l *Links) enter(ctx context.Context, link webhook.Secret, operator bool) (webhook.Secret, Session, error) {
	pass, of, err := l.good(ctx, link, operator, l.store.PortalLink, ErrNoLink)
	if err != nil {
		return webhook.Secret{}, Session{}, err
	}
	secret, err := l.secret(of)
	if err != nil {
		return webhook.Secret{}, Session{}, err
	}
	session := pass
	session.Hash, session.ExpiresAt, session.Session = hash(secret), l.now().UTC().Add(pass.Session).Truncate(time.Millisecond), 0
	err = l.store.BeginPortalSession(ctx, pass.Hash, session)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return webhook.Secret{}, Session{}, ErrNoLink
	case err != nil:
		return webhook.Secret{}, Session{}, err
	}
	return secret, newSession(secret, session, of), nil
}

func (l *Links) session(ctx context.Context, secret webhook.Secret, operator bool) (Session, error) {
	pass, of, err := l.good(ctx, secret, operator, l.store.PortalSession, ErrNoSession)
	if err != nil {
		return Session{}, err
	}
	return newSession(secret, pass, of), nil
}

func (l *Links) leave(ctx context.Context, secret webhook.Secret, operator bool) error {
	of, ok := ownerOf(secret)
	if !ok || of.operator() != operator {
		return nil
	}
	return l.store.EndPortalSession(ctx, of.account, hash(secret))
}

// good reads a pass that is still good, or returns none. operator says whether
// it is to be the operator's.
func (l *Links) good(ctx context.Context, secret webhook.Secret, operator bool, read func(context.Context, webhook.Account, webhook.TokenHash) (webhook.PortalPass, webhook.AccountInfo, error), none error) (webhook.PortalPass, owner, error) {
	of, ok := ownerOf(secret)
	if !ok || of.operator() != operator {
		return webhook.PortalPass{}, owner{}, none
	}
	pass, info, err := read(ctx, of.account, hash(secret))
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return webhook.PortalPass{}, owner{}, none
	case err != nil:
		return webhook.PortalPass{}, owner{}, err
	case !pass.Good(info, l.now()):
		return webhook.PortalPass{}, owner{}, none
	}
	if of.byOperator {
		now, err := l.account(ctx, webhook.Account{})
		if err != nil {
			return webhook.PortalPass{}, owner{}, err
		}
		if now.PortalEpoch != of.epoch {
			return webhook.PortalPass{}, owner{}, none
		}
	}
	return pass, of, nil
}

func newSession(secret webhook.Secret, pass webhook.PortalPass, of owner) Session {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte("form"))
	return Session{
		Account: pass.Account, AccountCreatedAt: pass.AccountCreatedAt, ByOperator: of.byOperator, Rights: pass.Rights, Expires: pass.ExpiresAt,
		FormToken: base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), epoch: pass.Epoch,
	}
}

// EnterURL returns the URL of a link into the portal that browsers reach at base,
// such as "https://hooks.example.com". It shows the secret.
func EnterURL(base string, secret webhook.Secret) string {
	path := "/portal/enter"
	if of, ok := ownerOf(secret); ok && of.operator() {
		path = "/portal/operator/enter"
	}
	return strings.TrimSuffix(base, "/") + path + "?link=" + url.QueryEscape(secret.Reveal())
}

// owner is whose pages a secret leads to.
type owner struct {
	account webhook.Account // zero for the operator
	// byOperator says that the operator entered the account, when his epoch was
	// epoch.
	byOperator bool
	epoch      int64
}

func (o owner) operator() bool { return o.account == webhook.Account{} }

// What stands between the parts of a secret, none of which has it.
const (
	separator      = "."
	epochSeparator = "@"
)

func (l *Links) secret(of owner) (webhook.Secret, error) {
	random, err := l.keys.Token()
	if err != nil {
		return webhook.Secret{}, err
	}
	text := ""
	if !of.operator() {
		text = of.account.String()
	}
	if of.byOperator {
		text += epochSeparator + strconv.FormatInt(of.epoch, 10)
	}
	return webhook.NewSecret(text + separator + random.Reveal()), nil
}

// ownerOf returns the owner of a secret. ok is false if it cannot be a secret.
func ownerOf(secret webhook.Secret) (of owner, ok bool) {
	text, random, found := strings.Cut(secret.Reveal(), separator)
	if !found || !keygen.LooksLikeToken(random) {
		return owner{}, false
	}
	if text == "" {
		return owner{}, true
	}
	name, epoch, byOperator := strings.Cut(text, epochSeparator)
	var err error
	if byOperator {
		of.byOperator = true
		if of.epoch, err = strconv.ParseInt(epoch, 10, 64); err != nil {
			return owner{}, false
		}
	}
	of.account, err = webhook.ParseAccount(name)
	return of, err == nil
}

func hash(secret webhook.Secret) webhook.TokenHash { return webhook.HashToken(secret.Reveal()) }
