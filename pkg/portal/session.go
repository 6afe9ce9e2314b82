package portal

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// The names of the session's cookie. With the prefix a browser takes it only
// over https, for this host alone and for all paths (RFC 6265bis, 4.1.3.2).
const (
	secureCookie   = "__Host-hookline"
	loopbackCookie = "hookline"
)

// cookie returns the session's cookie. It ends with the session, and at once if
// that is over.
func (p *portal) cookie(secret webhook.Secret, expires time.Time) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // each attribute is set, here or below
		Name: secureCookie, Value: secret.Reveal(), Path: "/", Expires: expires,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	switch {
	case !p.Settings.secure:
		c.Name, c.Secure = loopbackCookie, false
	case p.Settings.ancestors != "'none'":
		c.SameSite, c.Partitioned = http.SameSiteNoneMode, true
	}
	if secret.Reveal() == "" {
		c.MaxAge = -1
	}
	return c
}

// secret returns the secret of the request's session.
func (e *exchange) secret() (webhook.Secret, bool) {
	name := secureCookie
	if !e.Settings.secure {
		name = loopbackCookie
	}
	c, err := e.Cookie(name)
	if err != nil || c.Value == "" {
		return webhook.Secret{}, false
	}
	return webhook.NewSecret(c.Value), true
}

// enterSession finds the session of a request, at each request anew.
func (e *exchange) enterSession() error {
	secret, ok := e.secret()
	if !ok {
		return access.ErrNoSession
	}
	s, err := e.Access.Session(e.Context(), secret)
	if err != nil {
		return err
	}
	if !e.now.Before(s.Expires) {
		return access.ErrNoSession
	}
	e.session = s
	found, known := e.apis[s.Account.API]
	if !known {
		return errNoPages
	}
	e.api = found
	return nil
}

// checkForm checks that a form is one of this session's pages, and that the
// session may make changes.
func (e *exchange) checkForm() error {
	if err := e.parseForm(); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(e.PostForm.Get("form_token")), []byte(e.session.FormToken)) != 1 || e.session.FormToken == "" {
		return errForeign
	}
	if !e.session.Rights.Has(webhook.Write) {
		return errReadOnly
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

// showEnter serves GET /portal/enter. It changes nothing: scanners of mail and
// previews follow links too.
func (*portal) showEnter(e *exchange) error {
	text := e.URL.Query().Get("link")
	link, err := e.Access.Look(e.Context(), webhook.NewSecret(text))
	if err != nil {
		return err
	}
	view := plainView{outline: e.outline("Enter the portal"), Text: "Here you see and mend the webhooks of this account.", Enter: &enterView{
		Account: accountName(link.Account), Rights: "see and change", Link: text, Expires: e.at(link.Expires),
	}}
	if !link.Rights.Has(webhook.Write) {
		view.Enter.Rights = "see"
	}
	return e.page(http.StatusOK, "plain", view)
}

func accountName(a webhook.Account) string {
	if a == (webhook.Account{}) {
		return "all accounts, as the operator"
	}
	return a.String()
}

// enter serves POST /portal/enter. It uses the link up, and ends the session
// that the browser has.
func (p *portal) enter(e *exchange) error {
	if err := e.parseForm(); err != nil {
		return err
	}
	secret, session, err := p.Access.Enter(e.Context(), webhook.NewSecret(e.PostForm.Get("link")))
	if err != nil {
		return err
	}
	if former, ok := e.secret(); ok {
		if err := p.Access.Leave(e.Context(), former); err != nil { // it ends by itself; the link is used up
			p.Setup.Log.LogAttrs(e.Context(), slog.LevelWarn, "former session kept", slog.String("error", err.Error()))
		}
	}
	e.session = session // for the log
	http.SetCookie(e.w, p.cookie(secret, session.Expires))
	return e.redirect("/portal/webhooks")
}

// leave serves POST /portal/leave. A session may be left without its token: who
// can send its cookie from this origin can do as much.
func (p *portal) leave(e *exchange) error {
	if secret, ok := e.secret(); ok {
		if err := p.Access.Leave(e.Context(), secret); err != nil {
			return err
		}
	}
	http.SetCookie(e.w, p.cookie(webhook.Secret{}, time.Unix(1, 0)))
	view := plainView{outline: e.outline("You have left"), Text: "This browser can no longer see the account. To come back, open a new link."}
	if p.Settings.refreshURL != "" {
		view.Link, view.Action = p.Settings.refreshURL, "Get a new link"
	}
	return e.page(http.StatusOK, "plain", view)
}
