package operator_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/abbeycross"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/api/shoptet"
	"github.com/hookline/hookline/pkg/api/squake"
	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// The accounts that events are published for: one of each API, with a webhook
// for each of two events, the second of them disabled, and one that is closing.
var (
	squakeAccount  = webhook.Account{API: "squake", ID: "acme"}
	shoptetAccount = webhook.Account{API: "shoptet", ID: "315185-myaddon"}
	abbeyAccount   = webhook.Account{API: "abbeycross", ID: "fleet-7"}
	closingAccount = webhook.Account{API: "squake", ID: "leaving"}
)

var registered = map[webhook.Account][]string{
	squakeAccount:  {"order", "confirmation_document_available"},
	shoptetAccount: {"order:create", "order:update"},
	abbeyAccount:   {"shipment.created", "shipment.delivered"},
	closingAccount: {"order", "confirmation_document_available"},
}

// queue takes every message.
type queue struct {
	mu   sync.Mutex
	sent []webhook.Message
}

func (*queue) Lease(webhook.EventKey) (time.Duration, bool) { return 2 * time.Minute, true }

func (*queue) Full() bool { return false }

func (q *queue) Send(_ context.Context, messages []webhook.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent = append(q.sent, messages...)
	return nil
}

// populate makes the accounts and their webhooks.
func populate(tb testing.TB, s *sqlite.Store) {
	tb.Helper()
	ctx, at := context.Background(), apitest.Start.Add(-time.Hour)
	for a, events := range registered {
		if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: a, CreatedAt: at}); err != nil {
			tb.Fatal(err)
		}
		var webhooks []webhook.Webhook
		for i, event := range events {
			w := webhook.Webhook{
				Account: a, Event: event, ID: fmt.Sprint("webhook-", i), RequestID: "claim", URL: "https://example.com/" + event,
				SendPayload: true, Version: 1, CreatedAt: at,
			}
			if i == 1 {
				w.Disabled, w.DisabledAt = true, at.Add(time.Minute)
			}
			webhooks = append(webhooks, w)
		}
		if _, err := s.Create(ctx, webhook.Creation{Webhooks: webhooks}); err != nil {
			tb.Fatal(err)
		}
	}
	if err := s.CloseAccount(ctx, closingAccount, at); err != nil {
		tb.Fatal(err)
	}
}

// addDeliveries adds deliveries of Squake's account of every status, the latest
// first, and one of a former account of the same id.
func addDeliveries(tb testing.TB, s *sqlite.Store) {
	tb.Helper()
	at := apitest.Start.Add(-30 * time.Minute)
	accepted := webhook.Delivery{
		Account: squakeAccount, Event: "order", WebhookID: "webhook-0", URL: "https://example.com/order", AcceptedAt: at, Payload: []byte(`{"number":1.0}`),
	}
	fallen := accepted.Attempted(at.Add(time.Second), http.StatusNotFound, "answered 404", time.Time{})
	disabled := accepted
	disabled.Event, disabled.WebhookID, disabled.URL = registered[squakeAccount][1], "webhook-1", "https://example.com/confirmation_document_available"
	former := accepted
	former.AcceptedAt = at.Add(-24 * time.Hour)
	for i, d := range []webhook.Delivery{
		accepted.Retried(at), // pending, due
		accepted.Attempted(at, 0, "no answer within 15 s", apitest.Start.Add(time.Hour)),
		fallen,
		accepted.Attempted(at, http.StatusOK, "", time.Time{}),
		disabled.Attempted(at, 0, "could not connect", time.Time{}),
		former.Attempted(at.Add(-24*time.Hour), http.StatusOK, "", time.Time{}),
	} {
		d.EventID, d.Time = deliveryNames[i], d.AcceptedAt.Add(-time.Duration(i)*time.Second)
		if _, err := s.AddDelivery(context.Background(), d); err != nil {
			tb.Fatal(err)
		}
		if d.EventID == "failed" {
			addAttempt(tb, s, d)
		}
	}
}

// addAttempt adds another failed attempt, which was answered with what a hostile
// receiver might send.
func addAttempt(tb testing.TB, s *sqlite.Store, was webhook.Delivery) {
	tb.Helper()
	now := was.Attempted(was.AttemptedAt.Add(time.Minute), http.StatusNotFound, "answered 404", time.Time{})
	now.Duration = 1500 * time.Millisecond
	response := []byte("<script>\x00\x1b[31m\xff\u202e</script>\n")
	if _, err := s.RecordAttempt(context.Background(), webhook.AttemptResult{Was: was, Now: now, Response: response}); err != nil {
		tb.Fatal(err)
	}
}

// deliveryNames are the ids of the events of addDeliveries.
var deliveryNames = []string{"due", "retrying", "failed", "delivered", "disabled", "former"}

// publisher publishes into a store, for all three APIs.
func publisher(tb testing.TB, s delivery.PublisherStore, q delivery.Queue, log *slog.Logger) *delivery.Publisher {
	tb.Helper()
	setup := apitest.NewFixture(tb, squake.API(), nil, nil).Setup
	ids := 0
	return delivery.NewPublisher(delivery.PublisherConfig{
		Store: s, Queue: q, Sendings: sendings(tb, setup), Log: log,
		Now:   func() time.Time { return apitest.Start },
		NewID: func() (string, error) { ids++; return fmt.Sprint("made-", ids), nil },
	})
}

// sendings are those of all three APIs.
func sendings(tb testing.TB, setup api.Setup) map[webhook.API]webhook.Sending {
	tb.Helper()
	setup.Keys = keygen.New(rand.Reader, setup.Now) // the fixture's serves no two events at once
	made, err := api.Sendings(all.APIs(), setup)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

// rights makes the fixture's token "token" the operator's, with all rights. The
// others of its API keep the rights of customers.
type rights struct{ auth.Tokens }

func (r rights) Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error) {
	found, err := r.Tokens.Token(ctx, h)
	if found.ID == "token" {
		found.Rights = webhook.OperatorRights
	}
	return found, err
}

// existing returns the fixture's store with what populate makes. A store that
// fails has it too.
func existing(tb testing.TB, store api.Store) *sqlite.Store {
	if broken, ok := store.(apitest.Broken); ok {
		return broken.Store
	}
	s := store.(*sqlite.Store)
	populate(tb, s)
	addDeliveries(tb, s)
	return s
}

// both serves the two handlers of the API, as the server does.
type both struct {
	api.Handler // of publishing
	manage      api.Handler
}

func (b both) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); "/"+first == operator.Prefix {
		b.manage.ServeHTTP(w, r)
		return
	}
	b.Handler.ServeHTTP(w, r)
}

func (b both) Routes() []api.Route {
	type table interface{ Routes() []api.Route }
	return append(b.Handler.(table).Routes(), b.manage.(table).Routes()...)
}

// portalURL returns where a request came to.
func portalURL(r *http.Request) string { return "http://" + r.Host }

// newAPI gives the operator's API in the form that the APIs' tests take. It has
// the APIs that the golden files name, whichever others there are.
func newAPI(tb testing.TB) api.API {
	return api.API{
		Name: operator.Name,
		New: func(setup api.Setup) (api.Handler, error) {
			s := existing(tb, setup.Store)
			return both{
				Handler: operator.New(operator.Config{
					Publisher: publisher(tb, s, &queue{}, setup.Log), Tokens: rights{s},
					Keys: setup.Keys, Now: setup.Now, Log: setup.Log,
				}),
				manage: operator.NewManage(operator.ManageConfig{
					Store: setup.Store.(operator.Store), Queue: &queue{}, Sendings: sendings(tb, setup), Tokens: rights{s},
					APIs:  []api.API{squake.API(), shoptet.API(), abbeycross.API()},
					Links: access.NewLinks(setup.Store.(access.Store), setup.Keys, setup.Now), PortalURL: portalURL,
					Keys: setup.Keys, Now: setup.Now, Log: setup.Log,
				}),
			}, nil
		},
		Example: api.Example{Path: operator.Path, TokenHeader: "Authorization: Bearer "},
	}
}

// TestGolden replays what is asked and answered.
func TestGolden(t *testing.T) { apitest.Golden(t, newAPI(t)) }
