// Package portal implements the pages where a customer's developer sees and
// mends their webhooks, and those where the operator looks after accounts and
// their tokens (docs/contracts/portal.md). [New] returns the handler of the
// former, [NewOperator] of the latter. Pages are made on the server and work
// without scripts; their one stylesheet and one script are embedded.
//
// A customer's session sees one account. Whatever it asks for of another is
// answered as what does not exist. The operator's session is another one: of no
// use on a customer's pages, as a customer's is on the operator's. Changes are
// made only by POSTs that come from the portal's own origin and carry a token of
// the session. Nothing here opens a signing key, or knows a store or a queue.
package portal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// Prefix is the first segment of all paths.
	Prefix = "/portal"
	// defaultDeadline bounds the work on one request.
	defaultDeadline = 10 * time.Second
	// maxForm is the maximum size of a form in bytes.
	maxForm = 256 << 10
)

// Store is the part of store.Store that the pages use.
type Store interface {
	registry.Store
	delivery.RetrierStore
	AttemptInput(context.Context, webhook.Message) (webhook.AttemptInput, error)
	Attempts(context.Context, webhook.Delivery) ([]webhook.Attempt, error)
}

// Tester sends samples.
type Tester interface {
	// Test accepts a sample of an event as a delivery to the webhook with an id.
	// The delivery's record shows what becomes of it.
	//
	//   - webhook.ErrNotFound: there is no such webhook, or its account is
	//     closing.
	//   - webhook.ErrInvalid: the webhook does not have the event.
	//   - webhook.ErrDisabled: the webhook is disabled.
	Test(ctx context.Context, a webhook.Account, id, event string) (webhook.Delivery, error)
}

// Config is what the pages of accounts are made of. All fields are needed but Deadline.
type Config struct {
	Access access.Access
	Store  Store
	// Queue is where attempts are queued that are asked for.
	Queue delivery.Queue
	// APIs are those whose accounts there are, and Setup what they are made
	// from.
	APIs     []api.API
	Setup    api.Setup
	Sendings map[webhook.API]webhook.Sending
	Tester   Tester
	Settings Settings
	// Deadline bounds the work on a request; zero for 10 s.
	Deadline time.Duration
}

// portal serves the pages of an account.
type portal struct {
	Config
	*site
	retrier *delivery.Retrier
	apis    map[webhook.API]api.Portal
}

// New returns the handler of all paths under Prefix but the operator's. The
// error names every setting that is wrong.
func New(cfg Config) (api.Handler, error) {
	if cfg.Access == nil || cfg.Store == nil || cfg.Queue == nil || len(cfg.APIs) == 0 || cfg.Sendings == nil || cfg.Tester == nil || cfg.Setup.Log == nil || cfg.Setup.Now == nil || cfg.Setup.Keys == nil {
		panic("portal: a field of Config is missing")
	}
	p := &portal{Config: cfg, retrier: delivery.NewRetrier(cfg.Store, cfg.Queue, cfg.Setup.Now), apis: map[webhook.API]api.Portal{}}
	p.site = newSite(siteConfig{
		access: cfg.Access, settings: cfg.Settings, keys: cfg.Setup.Keys, now: cfg.Setup.Now, log: cfg.Setup.Log, observer: cfg.Setup.Observer, deadline: cfg.Deadline,
		root: Prefix, home: "/portal/webhooks", homeAction: "See the webhooks", ancestors: cfg.Settings.ancestors, refreshURL: cfg.Settings.refreshURL, cookie: cfg.Settings.accountCookie,
		welcome: "Here you see and mend the webhooks of this account.",
		left:    "This browser can no longer see the account. To come back, open a new link.",
		ask:     "Ask whoever offers these webhooks for a new link.",
		tabs: []tab{
			{Name: "Webhooks", Path: "/portal/webhooks"}, {Name: "Deliveries", Path: "/portal/deliveries"}, {Name: "Recover", Path: "/portal/recover"},
			{Name: "Test", Path: "/portal/test"}, {Name: "Events", Path: "/portal/events"}, {Name: "Verify", Path: "/portal/verify", also: "/portal/key"},
		},
		admit: p.admit,
	})
	var errs []error
	for _, a := range cfg.APIs {
		if a.Portal == nil {
			continue
		}
		found, err := a.Portal(cfg.Setup)
		if err != nil {
			errs = append(errs, fmt.Errorf("set up %s: %w", a.Name, err))
		}
		p.apis[a.Name] = found
	}
	p.routes(p.pages())
	return p.site, errors.Join(errs...)
}

func (p *portal) pages() map[string]func(*exchange) error {
	return map[string]func(*exchange) error{
		"GET /portal/webhooks":                   p.listWebhooks,
		"GET /portal/webhooks/new":               p.newWebhook,
		"POST /portal/webhooks":                  p.register,
		"GET /portal/webhooks/{id}":              p.showWebhook,
		"POST /portal/webhooks/{id}":             p.changeWebhook,
		"GET /portal/webhooks/{id}/{change}":     p.confirmChange,
		"POST /portal/webhooks/{id}/{change}":    p.makeChange,
		"GET /portal/key":                        p.confirmAccountKey,
		"POST /portal/key":                       p.renewAccountKey,
		"GET /portal/deliveries":                 p.listDeliveries,
		"GET /portal/deliveries/{delivery}":      p.showDelivery,
		"GET /portal/deliveries/{delivery}/body": p.downloadBody,
		"POST /portal/deliveries/{delivery}":     p.sendAgain,
		"GET /portal/recover":                    p.showRecover,
		"POST /portal/recover":                   p.recover,
		"GET /portal/test":                       p.showTest,
		"POST /portal/test":                      p.sendTest,
		"GET /portal/events":                     p.showEvents,
		"GET /portal/verify":                     p.showVerify,
	}
}

// admit finds the API of a session's account.
func (p *portal) admit(e *exchange) error {
	found, known := p.apis[e.session.Account.API]
	if !known {
		return errNoPages
	}
	e.account, e.api = e.session.Account, found
	return nil
}
