package portal

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// The names of the cookies of sessions, of accounts' and the operator's. With the
// prefix a browser takes them only over https, for this host alone and for all
// paths (RFC 6265bis, 4.1.3.2).
const (
	cookiePrefix = "__Host-"
	accountName  = "hookline"
	operatorName = "hookline-operator"
)

// cookie returns the cookie of a session. It ends with the session, and at once
// if that is over.
func (s Settings) cookie(name string, secret webhook.Secret, expires time.Time) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // each attribute is set, here or below
		Name: cookiePrefix + name, Value: secret.Reveal(), Path: "/", Expires: expires,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if !s.secure {
		c.Name, c.Secure = name, false
	}
	if secret.Reveal() == "" {
		c.MaxAge = -1
	}
	return c
}

// accountCookie returns the cookie of an account's session, which frames of
// other sites need too.
func (s Settings) accountCookie(secret webhook.Secret, expires time.Time) *http.Cookie {
	c := s.cookie(accountName, secret, expires) //nolint:gosec // cookie sets each attribute
	if s.secure && s.ancestors != "'none'" {
		c.SameSite, c.Partitioned = http.SameSiteNoneMode, true
	}
	return c
}

// operatorCookie returns the cookie of the operator's session.
func (s Settings) operatorCookie(secret webhook.Secret, expires time.Time) *http.Cookie {
	return s.cookie(operatorName, secret, expires)
}

// mostSecrets is how many cookies of one name are looked at: a browser may have
// one that is partitioned beside one that is not, from before or after frame
// ancestors were set.
const mostSecrets = 2

// secrets returns the secrets of the request's sessions.
func (e *exchange) secrets() []webhook.Secret { return e.secretsIn(e.cookie) }

// secretsIn returns the secrets in the cookies that are made by cookie.
func (e *exchange) secretsIn(cookie func(webhook.Secret, time.Time) *http.Cookie) (found []webhook.Secret) {
	for _, c := range e.CookiesNamed(cookie(webhook.Secret{}, time.Time{}).Name) {
		if c.Value != "" && len(found) < mostSecrets {
			found = append(found, webhook.NewSecret(c.Value))
		}
	}
	return found
}

// enterSession finds the session of a request, at each request anew.
func (e *exchange) enterSession() error {
	for _, secret := range e.secrets() {
		s, err := e.access.Session(e.Context(), secret)
		switch {
		case err == nil && e.now.Before(s.Expires):
			e.session = s
			return e.admit(e)
		case err != nil && !errors.Is(err, access.ErrNoSession):
			return err
		}
	}
	return access.ErrNoSession
}

// checkForm checks that a form is one of this session's pages, and that the
// session may make changes.
func (e *exchange) checkForm() error {
	if err := e.checkToken(); err != nil {
		return err
	}
	if !e.session.Rights.Has(webhook.Write) {
		return errReadOnly
	}
	return nil
}

// checkToken checks that a form is one of this session's pages.
func (e *exchange) checkToken() error {
	if err := e.parseForm(); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(e.PostForm.Get("form_token")), []byte(e.session.FormToken)) != 1 || e.session.FormToken == "" {
		return errForeign
	}
	return nil
}

func (e *exchange) parseForm() error {
	err := e.ParseForm()
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return errTooLarge
	}
	if err != nil {
		return errBadForm
	}
	return nil
}

// enterView is the page that a link leads to.
type enterView struct {
	Account, Rights, Link string
	Expires               moment
}

// plainView is a page without a session.
type plainView struct {
	outline
	Text         string
	Enter        *enterView
	Link, Action string
	Main         bool
}

// showEnter serves GET …/enter. It changes nothing: scanners of mail and previews
// follow links too.
func (s *site) showEnter(e *exchange) error {
	text := e.URL.Query().Get("link")
	link, err := s.access.Look(e.Context(), webhook.NewSecret(text))
	if err != nil {
		return err
	}
	view := plainView{outline: e.outline("Enter the portal"), Text: s.welcome, Enter: &enterView{
		Account: link.Account.String(), Rights: "see and change", Link: text, Expires: e.at(link.Expires),
	}}
	if link.Operator() {
		view.Enter.Account = "all, as the operator"
	}
	if !link.Rights.Has(webhook.Write) {
		view.Enter.Rights = "see"
	}
	return e.page(http.StatusOK, plainName, view)
}

// enter serves POST …/enter. It uses the link up, and ends the session that the
// browser has, with what was entered from that.
func (s *site) enter(e *exchange) error {
	if err := e.parseForm(); err != nil {
		return err
	}
	secret, session, err := s.access.Enter(e.Context(), webhook.NewSecret(e.PostForm.Get("link")))
	if err != nil {
		return err
	}
	for _, former := range e.secrets() {
		e.endFormer(s.access.Leave, former)
	}
	if s.leaving != nil {
		s.leaving(e)
	}
	e.account = session.Account // for the log
	http.SetCookie(e.w, s.cookie(secret, session.Expires))
	return e.redirect(s.home)
}

// endFormer ends a session that the browser no longer has. It would end by itself
// as well: what goes wrong is only logged.
func (e *exchange) endFormer(leave func(context.Context, webhook.Secret) error, former webhook.Secret) {
	if err := leave(e.Context(), former); err != nil {
		e.log.LogAttrs(e.Context(), slog.LevelWarn, "former session kept", slog.String("error", err.Error()))
	}
}

// leave serves POST …/leave. A session may be left without its token: who can
// send its cookie from this origin can do as much.
func (s *site) leave(e *exchange) error {
	for _, secret := range e.secrets() {
		if err := s.access.Leave(e.Context(), secret); err != nil {
			return err
		}
	}
	http.SetCookie(e.w, s.cookie(webhook.Secret{}, time.Unix(1, 0)))
	if s.leaving != nil {
		s.leaving(e)
	}
	view := plainView{outline: e.outline("You have left"), Text: s.left}
	if s.refreshURL != "" {
		view.Link, view.Action = s.refreshURL, "Get a new link"
	}
	return e.page(http.StatusOK, plainName, view)
}
