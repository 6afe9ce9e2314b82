package dynamostore_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/store/dynamostore"
	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
	"github.com/hookline/hookline/pkg/store/dynamostore/faultproxy"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	account   = webhook.Account{Dialect: "squake", ID: "acme"}
	createdAt = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)
)

// record makes a webhook such as the registry makes: a UUID, a URL of 100
// characters, and a key sealed with a data key of its own envelope.
func record(a webhook.Account, event string) webhook.Webhook {
	const prefix = "https://receiver.example.com/hooks/"
	id := rand.Text()
	return webhook.Webhook{
		Account: a, Event: event, ID: "01985d5e-7c3a-7d2e-9b7a-" + id[:12], Claim: "01985d5e-7c3a-7d2e-9b7b-" + id[12:24],
		URL:       prefix + fmt.Sprintf("%0*d", 100-len(prefix), 7),
		SealedKey: fmt.Appendf(nil, "%0400d", 1), Version: 1, CreatedAt: createdAt, SendPayload: true,
	}
}

func batch(a webhook.Account, n int) []webhook.Webhook {
	list := make([]webhook.Webhook, n)
	for i := range list {
		list[i] = record(a, fmt.Sprintf("event-%02d", i))
		list[i].Position = i
	}
	return list
}

// counted gives a warm store behind a counting proxy.
func counted(t *testing.T) (*dynamostore.Store, *faultproxy.Proxy) {
	t.Helper()
	server := dynamolocal.Start(t)
	proxy := faultproxy.Start(t, server.URL)
	s := open(t, proxy.URL, server.NewTables(t), patience)
	if err := s.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	proxy.Reset()
	return s, proxy
}

// mustCost compares what the proxy counted, and starts counting anew. The proxy
// counts no units of transactions.
func mustCost(t *testing.T, p *faultproxy.Proxy, requests map[string]int, reads, writes float64) {
	t.Helper()
	c := p.Counts()
	if !maps.Equal(c.Requests, requests) || c.ReadUnits != reads || c.WriteUnits != writes {
		t.Errorf("cost %v, %v read and %v write units; want %v, %v and %v",
			c.Requests, c.ReadUnits, c.WriteUnits, requests, reads, writes)
	}
	p.Reset()
}

// A registration is one request and one write unit, and never a read.
func TestCostOfCreate(t *testing.T) {
	s, proxy := counted(t)
	create := func(c webhook.Creation) error {
		_, err := s.Create(t.Context(), c)
		return err
	}

	first := record(account, "offer-created")
	if err := create(webhook.Creation{Webhooks: []webhook.Webhook{first}}); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"PutItem": 1}, 0, 1)

	err := create(webhook.Creation{Webhooks: []webhook.Webhook{record(account, first.Event)}})
	var taken *webhook.TakenError
	if !errors.As(err, &taken) || taken.IDs[first.Event] != first.ID {
		t.Errorf("conflict: error = %v, want taken by %s", err, first.ID)
	}
	mustCost(t, proxy, map[string]int{"PutItem": 1}, 0, 0)

	if err := create(webhook.Creation{Webhooks: batch(account, 50)}); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"TransactWriteItems": 1}, 0, 0)

	if err := create(webhook.Creation{Webhooks: batch(account, 50)}); !errors.Is(err, webhook.ErrTaken) {
		t.Errorf("conflict of a batch: error = %v, want ErrTaken", err)
	}
	mustCost(t, proxy, map[string]int{"TransactWriteItems": 1}, 0, 0)

	excluding := webhook.Creation{
		Webhooks:   []webhook.Webhook{record(account, "order:*")},
		Exclusions: []webhook.Exclusion{{Event: "order:*", By: first.Event}},
	}
	if err := create(excluding); !errors.Is(err, webhook.ErrExcluded) {
		t.Errorf("excluded: error = %v, want ErrExcluded", err)
	}
	mustCost(t, proxy, map[string]int{"TransactWriteItems": 1}, 0, 0)
}

func TestCostOfRest(t *testing.T) {
	s, proxy := counted(t)
	ctx := t.Context()
	if err := s.Warm(ctx); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"GetItem": 1}, 1, 0)

	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: createdAt}); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"TransactWriteItems": 1}, 0, 0)

	token := webhook.Token{
		ID: "t1", Account: account, Hash: webhook.HashToken("secret"),
		Rights: webhook.AllRights, CreatedAt: createdAt,
	}
	if err := s.CreateToken(ctx, token); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"TransactWriteItems": 1}, 0, 0)

	if _, err := s.Token(ctx, token.Hash); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"GetItem": 1}, 1, 0)

	if err := s.RevokeToken(ctx, account, token.ID); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"GetItem": 1, "TransactWriteItems": 1}, 1, 0)
}

// A listing follows the pages of an answer, which end at 1 MB.
func TestCostOfLargeListing(t *testing.T) {
	s, proxy := counted(t)
	ctx := t.Context()
	const batches, size, sealed = 3, 50, 10_000
	for b := range batches {
		list := batch(account, size)
		for i := range list {
			list[i].Event = fmt.Sprintf("%d-%s", b, list[i].Event)
			list[i].SealedKey = make([]byte, sealed)
		}
		if _, err := s.Create(ctx, webhook.Creation{Webhooks: list}); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Reset()
	list, err := s.Webhooks(ctx, account)
	if err != nil || len(list) != batches*size {
		t.Fatalf("Webhooks = %d of them, %v; want %d", len(list), err, batches*size)
	}
	// A strongly consistent read costs one unit for 4 KB, another kind half.
	c := proxy.Counts()
	if want := float64(batches * size * sealed / 4096); c.Requests["Query"] != 2 || c.ReadUnits < want {
		t.Errorf("%v and %v units for 1.5 MB, want 2 and at least %v", c.Requests, c.ReadUnits, want)
	}
}
