package client_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/queue/local"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// server is the operator's API over a store in memory, which delivers nothing.
type server struct {
	*httptest.Server
	store *sqlite.Store
	token string
}

// newServer serves the API: with tokens, or for requests that wrap lets through.
func newServer(tb testing.TB, wrap func(http.Handler) http.Handler) *server {
	tb.Helper()
	s, err := serve(tb.Context(), memory.Dir(tb), wrap)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.stop)
	return s
}

// serve is newServer with its store in dir. stop ends it.
func serve(ctx context.Context, dir string, wrap func(http.Handler) http.Handler) (*server, error) {
	opened, err := sqlite.Open(filepath.Join(dir, "hookline.db"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	s := &server{store: opened}
	keys, log := keygen.New(rand.Reader, time.Now), slog.New(slog.DiscardHandler)
	sendings, err := api.Sendings(all.APIs(), api.Setup{Keys: keys, Getenv: func(string) string { return "" }})
	token, tokenErr := keys.Token()
	account := webhook.Account{API: operator.Name, ID: "local"}
	err = errors.Join(err, tokenErr,
		s.store.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: time.Now()}),
		s.store.CreateToken(ctx, webhook.Token{ID: "1", Account: account, Hash: webhook.HashToken(token.Reveal()), Rights: webhook.OperatorRights}))
	if err != nil {
		return nil, err
	}
	s.token = token.Reveal()
	var tokens auth.Tokens
	if wrap == nil {
		tokens, wrap = s.store, func(h http.Handler) http.Handler { return h }
	}
	queue := local.New(local.Config{Now: time.Now})
	mux := http.NewServeMux()
	mux.Handle(operator.Path, operator.New(operator.Config{
		Publisher: delivery.NewPublisher(delivery.PublisherConfig{
			Store: s.store, Queue: queue, Sendings: sendings, NewID: keys.UUID, Now: time.Now, Log: log,
		}),
		Tokens: tokens, Keys: keys, Now: time.Now, Log: log,
	}))
	mux.Handle(operator.Prefix+"/", operator.NewManage(operator.ManageConfig{
		Store: s.store, Queue: queue, APIs: all.APIs(), Sendings: sendings, Tokens: tokens, Keys: keys, Now: time.Now, Log: log,
	}))
	s.Server = httptest.NewServer(wrap(mux))
	return s, nil
}

func (s *server) stop() {
	s.Close()
	_ = s.store.Close() // what it holds is thrown away
}

// register registers a webhook for orders, as its customer does, which may be
// disabled at once.
func (s *server) register(tb testing.TB, a webhook.Account, id string, disabled bool) {
	tb.Helper()
	w := webhook.Webhook{
		Account: a, Event: "order", ID: id, RequestID: id, URL: "https://example.com/order", Version: 1, CreatedAt: time.Now(),
	}
	if disabled {
		w.Disabled, w.DisabledAt = true, time.Now()
	}
	if _, err := s.store.Create(tb.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
		tb.Fatal(err)
	}
}

var acme = webhook.Account{API: "squake", ID: "acme"}

// newClient makes a client with a token.
func newClient(tb testing.TB, s *server, transport http.RoundTripper) *client.Client {
	tb.Helper()
	c, err := client.New(client.Config{URL: s.URL, Token: s.token, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		tb.Fatal(err)
	}
	c.Hurry()
	return c
}
