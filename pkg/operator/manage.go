package operator

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

// Prefix is the first segment of all paths but Path.
const Prefix = "/operator"

// Store is the part of store.Store that managing uses.
type Store interface {
	registry.Store
	registry.AccountStore
	delivery.RetrierStore
	delivery.TesterStore
	CreateAccount(context.Context, webhook.AccountInfo) error
	Failing(ctx context.Context, d webhook.API, after string, limit int) (list []webhook.Webhook, next string, err error)
	Attempts(context.Context, webhook.Delivery) ([]webhook.Attempt, error)
	AccountsAfter(ctx context.Context, d webhook.API, after string, limit int) (list []webhook.AccountInfo, next string, err error)
	CreateToken(context.Context, webhook.Token) error
}

// ManageConfig configures the handler of the paths under Prefix.
type ManageConfig struct {
	Store Store
	// Queue is where attempts are queued that the operator asks for.
	Queue delivery.Queue
	// APIs are those whose accounts there are, and Sendings what is taken samples
	// of events from.
	APIs     []api.API
	Sendings map[webhook.API]webhook.Sending
	// Tokens holds the operator's tokens. It is nil if callers are authorised
	// elsewhere, as IAM does before API Gateway passes a request on.
	Tokens auth.Tokens
	// Links makes links into the portal. It is nil where there is no portal; the
	// paths of links are unknown then.
	Links *access.Links
	// PortalURL returns where the portal is, as people reach it, such as
	// "https://hooks.example.com". The request is the one that asks.
	PortalURL func(*http.Request) string
	Keys      *keygen.Generator
	Now       func() time.Time
	Log       *slog.Logger
	// Deadline bounds the work on a request; zero for 10 s.
	Deadline time.Duration
	// Observer sees the requests.
	Observer api.Observer
}

// NewManage returns the handler of the paths under Prefix. All responses are
// JSON, including those for unknown paths and internal errors.
func NewManage(cfg ManageConfig) api.Handler {
	if cfg.Store == nil || cfg.Queue == nil || len(cfg.APIs) == 0 || cfg.Sendings == nil || (cfg.Links == nil) != (cfg.PortalURL == nil) {
		panic("operator: a field of ManageConfig is missing")
	}
	m := manager{
		store:    cfg.Store,
		registry: registry.New(registry.Config{Store: cfg.Store, Now: cfg.Now}),
		retrier:  delivery.NewRetrier(cfg.Store, cfg.Queue, cfg.Now),
		tester: delivery.NewTester(delivery.TesterConfig{
			Store: cfg.Store, Queue: cfg.Queue, Sendings: cfg.Sendings, NewID: cfg.Keys.UUID, Now: cfg.Now,
		}),
		apis: map[webhook.API]api.API{},
		keys: cfg.Keys,
		now:  cfg.Now,

		links: cfg.Links, portalURL: cfg.PortalURL,
	}
	for _, a := range cfg.APIs {
		m.apis[a.Name] = a
	}
	return api.Server{
		API:         Name,
		Routes:      m.routes(),
		Refuse:      refuse,
		Credentials: auth.Bearer,
		MediaTypes:  []string{"application/json"},
		ContentType: "application/json",
		Open:        cfg.Tokens == nil,
	}.Handler(api.Setup{Store: tokens{Tokens: cfg.Tokens}, Keys: cfg.Keys, Now: cfg.Now, Log: cfg.Log, Deadline: cfg.Deadline, Observer: cfg.Observer})
}

// manager serves the routes under Prefix.
type manager struct {
	store    Store
	registry *registry.Registry
	retrier  *delivery.Retrier
	tester   *delivery.Tester
	apis     map[webhook.API]api.API
	keys     *keygen.Generator
	now      func() time.Time

	links     *access.Links // nil without a portal
	portalURL func(*http.Request) string
}

func (m manager) routes() []api.Route {
	const (
		accounts   = Prefix + "/accounts"
		account    = accounts + "/{account}"
		webhooks   = account + "/webhooks"
		deliveries = account + "/deliveries"
	)
	read := func(path string, handle func(context.Context, *api.Request) (api.Response, error)) api.Route {
		return api.Route{Method: http.MethodGet, Path: path, Right: webhook.Read, Handle: handle}
	}
	write := func(method, path string, handle func(context.Context, *api.Request) (api.Response, error)) api.Route {
		return api.Route{Method: method, Path: path, Right: webhook.Write, Handle: handle}
	}
	createToken := write(http.MethodPost, account+"/tokens", m.createToken)
	createToken.Body = true
	recoverDeliveries := write(http.MethodPost, account+"/recover", m.recoverDeliveries)
	recoverDeliveries.Body = true
	testWebhook := write(http.MethodPost, webhooks+"/{id}/test", m.testWebhook)
	testWebhook.Body = true
	routes := []api.Route{
		read(accounts, m.listAccounts),
		read(account, m.getAccount),
		write(http.MethodPut, account, m.createAccount),
		write(http.MethodDelete, account, m.deleteAccount),
		createToken,
		read(account+"/tokens", m.listTokens),
		write(http.MethodDelete, account+"/tokens/{id}", m.revokeToken),
		read(Prefix+"/webhooks", m.listFailing),
		read(webhooks, m.listWebhooks),
		write(http.MethodPost, webhooks+"/{id}/enable", m.enableWebhook),
		write(http.MethodPost, webhooks+"/{id}/disable", m.disableWebhook),
		write(http.MethodDelete, webhooks+"/{id}", m.deleteWebhook),
		testWebhook,
		read(deliveries, m.listDeliveries),
		read(deliveries+"/{id}", m.getDelivery),
		write(http.MethodPost, deliveries+"/{id}/retry", m.retryDelivery),
		recoverDeliveries,
	}
	if m.links == nil {
		return routes
	}
	createLink := write(http.MethodPost, account+"/portal-links", m.createLink)
	createLink.Body = true
	createOwnLink := write(http.MethodPost, Prefix+"/portal-links", m.createOwnLink)
	createOwnLink.Body = true
	return append(routes,
		createLink, write(http.MethodDelete, account+"/portal-links", m.endLinks),
		createOwnLink, write(http.MethodDelete, Prefix+"/portal-links", m.endOwnLinks))
}
