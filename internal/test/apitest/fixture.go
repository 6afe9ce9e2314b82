// Package apitest holds the tests that every API passes: golden exchanges
// recorded from the wire, and what their tests are set up with.
package apitest

import (
	"context"
	"crypto/ecdh"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

// Start is the time at which every fixture's clock stands: a Thursday.
var Start = time.Date(2026, time.January, 15, 10, 30, 0, 123_000_000, time.UTC)

// Fixture is an API over a store in memory, with two accounts and their
// tokens. Everything random in it comes from a fixed seed, and its clock
// stands still.
type Fixture struct {
	Store *sqlite.Store
	Setup api.Setup
	// Account is whose token the requests bring, Other is another one.
	Account, Other webhook.Account
	// Tokens are in the clear, by name: "token" (all rights), "other" (of the
	// other account), "read", "write", "expired", "foreign" (of another API)
	// and "unknown".
	Tokens map[string]string
}

// NewFixture sets up an API. env are its settings. Logs go to log, nil for
// nowhere.
func NewFixture(tb testing.TB, a api.API, env map[string]string, log io.Writer) *Fixture {
	tb.Helper()
	if log == nil {
		log = io.Discard
	}
	clock := func() time.Time { return Start }
	random := rand.NewChaCha8([32]byte{})
	f := &Fixture{
		Store:   memory.Open(tb),
		Account: webhook.Account{API: a.Name, ID: "1001"},
		Other:   webhook.Account{API: a.Name, ID: "1002"},
		Tokens:  map[string]string{},
	}
	f.Setup = api.Setup{
		Store:  f.Store,
		Sealer: newSealer(tb, clock),
		Keys:   keygen.New(random, clock),
		Now:    clock,
		Log:    slog.New(slog.NewJSONHandler(log, nil)),
		URLs:   validate.URLPolicy{},
		Getenv: func(name string) string { return env[name] },
	}
	f.addTokens(tb)
	return f
}

// Handler builds the API's handler.
func (f *Fixture) Handler(tb testing.TB, a api.API) api.Handler {
	tb.Helper()
	h, err := a.New(f.Setup)
	if err != nil {
		tb.Fatalf("set up %s: %v", a.Name, err)
	}
	return h
}

func (f *Fixture) addTokens(tb testing.TB) {
	tb.Helper()
	foreign := webhook.Account{API: "elsewhere", ID: "1001"}
	for _, account := range []webhook.Account{f.Account, f.Other, foreign} {
		info := webhook.AccountInfo{Account: account, CreatedAt: Start.Add(-30 * 24 * time.Hour)}
		if err := f.Store.CreateAccount(context.Background(), info); err != nil {
			tb.Fatal(err)
		}
	}
	for _, t := range []struct {
		name    string
		account webhook.Account
		rights  webhook.Rights
		expires time.Time
	}{
		{"token", f.Account, webhook.AllRights, time.Time{}},
		{"other", f.Other, webhook.AllRights, time.Time{}},
		{"read", f.Account, webhook.Read, time.Time{}},
		{"write", f.Account, webhook.Write, Start.Add(time.Hour)},
		{"expired", f.Account, webhook.AllRights, Start.Add(-time.Second)},
		{"foreign", foreign, webhook.AllRights, time.Time{}},
	} {
		token, err := f.Setup.Keys.Token()
		if err != nil {
			tb.Fatal(err)
		}
		f.Tokens[t.name] = token.Reveal()
		record := webhook.Token{
			ID: t.name, Account: t.account, Hash: webhook.HashToken(token.Reveal()),
			Rights: t.rights, CreatedAt: Start.Add(-time.Hour), ExpiresAt: t.expires,
		}
		if err := f.Store.CreateToken(context.Background(), record); err != nil {
			tb.Fatal(err)
		}
	}
	unknown, err := f.Setup.Keys.Token()
	if err != nil {
		tb.Fatal(err)
	}
	f.Tokens["unknown"] = unknown.Reveal()
}

func newSealer(tb testing.TB, now func() time.Time) *seal.Sealer {
	tb.Helper()
	private, err := ecdh.P256().GenerateKey(crand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	sealer, err := seal.NewSealer("test", private.PublicKey().Bytes(), now)
	if err != nil {
		tb.Fatal(err)
	}
	return sealer
}

// deliveryStore is what AddDeliveries needs of a store.
type deliveryStore interface {
	Create(context.Context, webhook.Creation) ([]webhook.Webhook, error)
	AddDelivery(context.Context, webhook.Delivery) (webhook.Delivery, error)
}

// AddDeliveries gives an account of Shoptet two webhooks, one of them disabled,
// and deliveries of every kind to them and to one that is gone, the latest of
// an event at now.
func AddDeliveries(tb testing.TB, store deliveryStore, account webhook.Account, now time.Time) {
	tb.Helper()
	var webhooks []webhook.Webhook
	for _, w := range []webhook.Webhook{{Event: "order:create", ID: "101"}, {Event: "order:paid", ID: "102", Disabled: true}} {
		w.Account, w.URL, w.Version, w.CreatedAt, w.RequestID = account, "https://example.com/"+w.ID, 1, now.Add(-time.Hour), "sample"
		webhooks = append(webhooks, w)
	}
	if _, err := store.Create(context.Background(), webhook.Creation{Webhooks: webhooks}); err != nil {
		tb.Fatal(err)
	}
	for i, d := range []webhook.Delivery{
		{Event: "order:create", WebhookID: "101", Status: webhook.StatusPending},
		{Event: "order:create", WebhookID: "101", Status: webhook.StatusRetrying, Attempts: 1},
		{Event: "order:create", WebhookID: "101", Status: webhook.StatusFailed, Attempts: 3},
		{Event: "order:create", WebhookID: "101", Status: webhook.StatusDelivered, Attempts: 2},
		{Event: "order:paid", WebhookID: "102", Status: webhook.StatusRetrying, Attempts: 1}, // disabled
		{Event: "order:paid", WebhookID: "102", Status: webhook.StatusDelivered, Attempts: 1},
		{Event: "order:delete", WebhookID: "103", Status: webhook.StatusPending}, // gone
		{Event: "order:create", WebhookID: "101", Status: webhook.StatusDelivered, Attempts: 1, Time: now.Add(-8 * 24 * time.Hour)},
	} {
		d.Account, d.EventID, d.Number = account, fmt.Sprint("event-", i), int64(1000+i)
		d.URL, d.Instance = "https://example.com/"+d.WebhookID, fmt.Sprint("2026-", i)
		if d.Time.IsZero() {
			d.Time = now.Add(-time.Duration(i) * 10 * time.Minute)
		}
		d.AcceptedAt = d.Time.Add(time.Second)
		if d.Attempts > 0 {
			d.AttemptedAt = d.Time.Add(time.Minute)
		}
		if _, err := store.AddDelivery(context.Background(), d); err != nil {
			tb.Fatal(err)
		}
	}
}

// Broken is a store that cannot be reached but for tokens, and panics when it
// is told to.
type Broken struct {
	*sqlite.Store
	Panic bool
}

func (b Broken) fail() error {
	if b.Panic {
		panic(errors.New("a hole in the store"))
	}
	return fmt.Errorf("reach the table: %w", webhook.ErrUnavailable)
}

// Create fails.
func (b Broken) Create(context.Context, webhook.Creation) ([]webhook.Webhook, error) {
	return nil, b.fail()
}

// Webhook fails.
func (b Broken) Webhook(context.Context, webhook.Account, string) (webhook.Webhook, error) {
	return webhook.Webhook{}, b.fail()
}

// Webhooks fails.
func (b Broken) Webhooks(context.Context, webhook.Account) ([]webhook.Webhook, error) {
	return nil, b.fail()
}

// WebhooksByID fails.
func (b Broken) WebhooksByID(context.Context, webhook.Account, string) ([]webhook.Webhook, error) {
	return nil, b.fail()
}

// Account fails.
func (b Broken) Account(context.Context, webhook.Account) (webhook.AccountInfo, error) {
	return webhook.AccountInfo{}, b.fail()
}

// EndPortal fails.
func (b Broken) EndPortal(context.Context, webhook.Account) error { return b.fail() }

// SetAccountKey fails.
func (b Broken) SetAccountKey(context.Context, webhook.Account, []byte) error { return b.fail() }
