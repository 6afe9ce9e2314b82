package portal

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// OperatorPrefix is what all paths of the operator's pages begin with.
	OperatorPrefix = Prefix + "/operator"
	// operatorHome is their first page.
	operatorHome = OperatorPrefix + "/accounts"
)

// OperatorStore is the part of store.Store that the operator's pages use.
type OperatorStore interface {
	Account(context.Context, webhook.Account) (webhook.AccountInfo, error)
	AccountsAfter(ctx context.Context, d webhook.API, after string, limit int) (list []webhook.AccountInfo, next string, err error)
	CreateAccount(context.Context, webhook.AccountInfo) error
	CreateToken(context.Context, webhook.Token) error
	Tokens(context.Context, webhook.Account) ([]webhook.Token, error)
	RevokeToken(ctx context.Context, a webhook.Account, id string) error
	Failing(ctx context.Context, d webhook.API, after string, limit int) (list []webhook.Webhook, next string, err error)
}

// OperatorConfig is what the operator's pages are made of. All fields are needed
// but Deadline and Observer.
type OperatorConfig struct {
	Access access.Operator
	Store  OperatorStore
	// APIs are those whose accounts there are.
	APIs []api.API
	// Settings are those of the pages of accounts.
	Settings Settings
	// URL returns where browsers reach the pages of accounts, such as
	// "https://hooks.example.com", for links. The request is one to the
	// operator's pages.
	URL  func(*http.Request) string
	Keys *keygen.Generator
	Now  func() time.Time
	Log  *slog.Logger
	// Deadline bounds the work on a request; zero for 10 s.
	Deadline time.Duration
	// Observer sees the requests.
	Observer api.Observer
}

// operatorPages serves the operator's pages.
type operatorPages struct {
	OperatorConfig
	*site
}

// NewOperator returns the handler of all paths under OperatorPrefix. It panics if
// a field is missing.
func NewOperator(cfg OperatorConfig) api.Handler {
	if cfg.Access == nil || cfg.Store == nil || len(cfg.APIs) == 0 || cfg.URL == nil || cfg.Keys == nil || cfg.Now == nil || cfg.Log == nil {
		panic("portal: a field of OperatorConfig is missing")
	}
	o := &operatorPages{OperatorConfig: cfg}
	o.site = newSite(siteConfig{
		access: cfg.Access, settings: cfg.Settings, keys: cfg.Keys, now: cfg.Now, log: cfg.Log, observer: cfg.Observer, deadline: cfg.Deadline,
		root: OperatorPrefix, home: operatorHome, homeAction: "See the accounts", ancestors: "'none'", cookie: cfg.Settings.operatorCookie,
		welcome: "Here the operator looks after accounts and their tokens, and enters the pages of each.",
		left:    "This browser can no longer see the accounts. To come back, open a new link.",
		ask:     "Make a new link with the operator’s API or by: hookline portal open --operator",
		tabs:    []tab{{Name: "Accounts", Path: operatorHome}, {Name: "Failing", Path: OperatorPrefix + "/failing"}},
		admit:   func(*exchange) error { return nil },
		leaving: o.leaving,
	})
	const account = "/portal/operator/accounts/{account}"
	o.routes(map[string]func(*exchange) error{
		"GET /portal/operator/accounts":              o.listAccounts,
		"GET /portal/operator/accounts/new":          o.newAccount,
		"POST /portal/operator/accounts":             o.createAccount,
		"GET /portal/operator/failing":               o.listFailing,
		"GET " + account:                             o.of(o.showAccount),
		"GET " + account + "/links/new":              o.of(o.newLink),
		"POST " + account + "/links":                 o.of(o.createLink),
		"GET " + account + "/links/end":              o.of(o.confirmEnd),
		"POST " + account + "/links/end":             o.of(o.endLinks),
		"GET " + account + "/tokens/new":             o.of(o.newToken),
		"POST " + account + "/tokens":                o.of(o.createToken),
		"GET " + account + "/tokens/{token}/revoke":  o.of(o.confirmRevoke),
		"POST " + account + "/tokens/{token}/revoke": o.of(o.revokeToken),
	})
	o.mux.HandleFunc("POST "+account+"/enter", o.outside(func(e *exchange) error {
		if err := e.enterSession(); err != nil {
			return err
		}
		if err := e.checkToken(); err != nil { // who may only see enters to see
			return err
		}
		return o.of(o.enterAccount)(e)
	}))
	return o.site
}

// accountPath returns the path of an account's page.
func accountPath(a webhook.Account) string { return operatorHome + "/" + a.String() }

// of serves a request for the account that the path names, which its API could
// have.
func (o *operatorPages) of(handle func(*exchange) error) func(*exchange) error {
	return func(e *exchange) error {
		a, err := webhook.ParseAccount(e.PathValue("account"))
		if err != nil || o.checkAccount(a) != "" {
			return errNoPage
		}
		e.account = a
		return handle(e)
	}
}

// api returns an API. ok is false if there is none of that name.
func (o *operatorPages) api(name webhook.API) (found api.API, ok bool) {
	i := slices.IndexFunc(o.APIs, func(a api.API) bool { return a.Name == name })
	if i < 0 {
		return api.API{}, false
	}
	return o.APIs[i], true
}

// checkAccount says what is wrong with the name of an account, empty if its API
// could have it.
func (o *operatorPages) checkAccount(a webhook.Account) string {
	found, ok := o.api(a.API)
	if !ok {
		return "There is no such API."
	}
	if err := found.CheckAccountID(a.ID); err != nil {
		return "For " + string(a.API) + ", " + err.Error() + "."
	}
	return ""
}

// enterAccount serves POST …/accounts/{account}/enter: it begins a session of the
// account in this browser, in place of the one that it has.
func (o *operatorPages) enterAccount(e *exchange) error {
	secret, session, err := o.Access.EnterAccount(e.Context(), e.session, e.account)
	if err != nil {
		return err
	}
	for _, former := range e.secretsIn(e.settings.accountCookie) {
		e.endFormer(o.Access.LeaveAccount, former)
	}
	http.SetCookie(e.w, e.settings.accountCookie(secret, session.Expires))
	return e.redirect(Prefix + "/webhooks")
}

// leaving ends, with the operator's session, that of the account that was entered
// from it in this browser. A session that began by a link of the account goes on.
func (o *operatorPages) leaving(e *exchange) {
	former := slices.DeleteFunc(e.secretsIn(e.settings.accountCookie), func(s webhook.Secret) bool { return !access.IsByOperator(s) })
	for _, secret := range former {
		e.endFormer(o.Access.LeaveAccount, secret)
	}
	if len(former) > 0 {
		http.SetCookie(e.w, e.settings.accountCookie(webhook.Secret{}, time.Unix(1, 0)))
	}
}

// errNotOpen is answered for accounts that get nothing new.
func (e *exchange) errNotOpen() error {
	return &Error{http.StatusConflict, "Nothing was done", "There is no account " + e.account.String() + ", or it is being deleted.", home, ""}
}

// isGone reports whether an error says that an account is not there or closing.
func isGone(err error) bool { return errors.Is(err, webhook.ErrNotFound) }
