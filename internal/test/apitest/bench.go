package apitest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// benchAccounts is how many accounts a benchmark registers for before it
// begins anew; all of their tokens stay cached.
const benchAccounts = 500

// Benchmark measures one registration through the handler, on a store in
// memory: from the request to the answer, without a network. bodies are
// registrations that do not stand in each other's way.
func Benchmark(b *testing.B, api api.API, bodies []string) {
	b.Helper()
	b.ReportAllocs()
	var handler http.Handler
	var tokens []string
	perRound := benchAccounts * len(bodies)
	for i := range b.N {
		if i%perRound == 0 {
			b.StopTimer()
			handler, tokens = benchRound(b, api)
			b.StartTimer()
		}
		n := i % perRound
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, benchRequest(api, tokens[n/len(bodies)], bodies[n%len(bodies)]))
		if w.Code != http.StatusCreated {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}

// benchRound gives a handler over an empty store, and tokens that it has seen.
func benchRound(b *testing.B, api api.API) (http.Handler, []string) {
	b.Helper()
	f := NewFixture(b, api, nil, nil)
	handler := f.Handler(b, api)
	tokens := make([]string, benchAccounts)
	for i := range tokens {
		account := webhook.Account{API: api.Name, ID: fmt.Sprint(2000 + i)}
		token, err := f.Setup.Keys.Token()
		if err != nil {
			b.Fatal(err)
		}
		tokens[i] = token.Reveal()
		if err := f.Store.CreateAccount(context.Background(), webhook.AccountInfo{Account: account, CreatedAt: Start}); err != nil {
			b.Fatal(err)
		}
		record := webhook.Token{ID: fmt.Sprint(i), Account: account, Hash: webhook.HashToken(tokens[i]), Rights: webhook.AllRights, CreatedAt: Start}
		if err := f.Store.CreateToken(context.Background(), record); err != nil {
			b.Fatal(err)
		}
		handler.ServeHTTP(httptest.NewRecorder(), benchRequest(api, tokens[i], "{}"))
	}
	return handler, tokens
}

func benchRequest(api api.API, token, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, api.Example.Path, strings.NewReader(body))
	name, scheme, _ := strings.Cut(api.Example.TokenHeader, ": ")
	r.Header.Set(name, scheme+token)
	r.Header.Set("Content-Type", "application/json")
	return r
}
