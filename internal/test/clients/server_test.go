package clients_test

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/queue/local"
	"github.com/hookline/hookline/pkg/webhook"
)

// serve starts every API with nothing registered, and gives the environment
// that says where each is and which token it takes: <API>_URL, <API>_TOKEN.
func serve(t *testing.T) []string {
	t.Helper()
	var env []string
	for _, a := range all.APIs() {
		fixture := apitest.NewFixture(t, a, nil, nil)
		server := httptest.NewServer(fixture.Handler(t, a))
		t.Cleanup(server.Close)
		name := strings.ToUpper(string(a.Name))
		env = append(env, name+"_URL="+server.URL, name+"_TOKEN="+fixture.Tokens["token"])
	}
	return append(env, serveOperator(t)...)
}

// serveOperator starts the operator's API over a store of its own.
func serveOperator(t *testing.T) []string {
	t.Helper()
	store, log := memory.Open(t), slog.New(slog.DiscardHandler)
	keys := keygen.New(rand.Reader, time.Now)
	token, err := keys.Token()
	if err != nil {
		t.Fatal(err)
	}
	account := webhook.Account{API: operator.Name, ID: "local"}
	record := webhook.Token{ID: "1", Account: account, Hash: webhook.HashToken(token.Reveal()), Rights: webhook.OperatorRights}
	if err := store.CreateAccount(t.Context(), webhook.AccountInfo{Account: account, CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := store.CreateToken(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	sendings, err := api.Sendings(all.APIs(), api.Setup{Keys: keys, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	queue := local.New(local.Config{Now: time.Now})
	mux := http.NewServeMux()
	mux.Handle(operator.Path, operator.New(operator.Config{
		Publisher: delivery.NewPublisher(delivery.PublisherConfig{
			Store: store, Queue: queue, Sendings: sendings, NewID: keys.UUID, Now: time.Now, Log: log,
		}),
		Tokens: store, Keys: keys, Now: time.Now, Log: log,
	}))
	mux.Handle(operator.Prefix+"/", operator.NewManage(operator.ManageConfig{
		Store: store, Queue: queue, APIs: all.APIs(), Sendings: sendings, Tokens: store, Keys: keys, Now: time.Now, Log: log,
	}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return []string{"OPERATOR_URL=" + server.URL, "OPERATOR_TOKEN=" + token.Reveal()}
}
