package dynamo_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	delivering "github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	account   = webhook.Account{API: "squake", ID: "acme"}
	createdAt = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)
)

// record makes a webhook such as the registry makes: a UUID, a URL of 100
// characters, and a key sealed with a data key of its own envelope.
func record(a webhook.Account, event string) webhook.Webhook {
	const prefix = "https://receiver.example.com/hooks/"
	id := rand.Text()
	return webhook.Webhook{
		Account: a, Event: event, ID: "01985d5e-7c3a-7d2e-9b7a-" + id[:12], RequestID: "01985d5e-7c3a-7d2e-9b7b-" + id[12:24],
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
func counted(t *testing.T) (*dynamo.Store, *faultproxy.Proxy) {
	t.Helper()
	server := dynamolocal.Start(t)
	proxy := faultproxy.Start(t, server.URL)
	s := open(t, proxy.URL, server.NewTables(t), timeout)
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

// changed gives w as a change leaves it, at an event.
func changed(w webhook.Webhook, event string) webhook.Webhook {
	w.Event, w.Version, w.UpdatedAt = event, w.Version+1, createdAt.Add(time.Hour)
	return w
}

// A change, a move, an exchange and a deletion are one transaction each and
// read nothing; finding by event is one read.
func TestCostOfLifecycle(t *testing.T) {
	s, proxy := counted(t)
	ctx := t.Context()
	pair := batch(account, 2)
	if _, err := s.Create(ctx, webhook.Creation{Webhooks: pair}); err != nil {
		t.Fatal(err)
	}
	proxy.Reset()
	one := map[string]int{"TransactWriteItems": 1}
	change := func(was, now []webhook.Webhook) {
		t.Helper()
		if err := s.Change(ctx, webhook.Change{Was: was, Now: now}); err != nil {
			t.Fatal(err)
		}
		mustCost(t, proxy, one, 0, 0)
	}

	if _, err := s.Webhook(ctx, account, pair[0].Event); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"GetItem": 1}, 1, 0)

	stored := []webhook.Webhook{changed(pair[0], pair[0].Event), changed(pair[1], pair[1].Event)}
	change(pair, stored)
	swapped := []webhook.Webhook{changed(stored[0], stored[1].Event), changed(stored[1], stored[0].Event)}
	change(stored, swapped)
	moved := changed(swapped[0], "moved")
	change(swapped[:1], []webhook.Webhook{moved})
	if err := s.Change(ctx, webhook.Change{Was: pair, Now: stored}); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Change of what has moved: error = %v, want ErrNotFound", err)
	}
	mustCost(t, proxy, one, 0, 0)

	if err := s.Delete(ctx, []webhook.Webhook{moved, swapped[1]}); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, one, 0, 0)
	if list, err := s.Webhooks(ctx, account); err != nil || len(list) != 0 {
		t.Errorf("%v are left, %v", list, err)
	}
}

// The key and the end of an account are one transaction each; the list of 150
// accounts is one query and two batches.
func TestCostOfAccounts(t *testing.T) {
	s, proxy := counted(t)
	ctx := t.Context()
	const accounts = 150
	for i := range accounts {
		a := webhook.Account{API: account.API, ID: fmt.Sprintf("a-%03d", i)}
		if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: a, CreatedAt: createdAt}); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Reset()
	last := webhook.Account{API: account.API, ID: "a-149"}
	calls := []func() error{
		func() error { return s.SetAccountKey(ctx, last, []byte("sealed")) },
		func() error { return s.CloseAccount(ctx, last, createdAt) },
	}
	for _, call := range calls {
		if err := call(); err != nil {
			t.Fatal(err)
		}
		mustCost(t, proxy, map[string]int{"TransactWriteItems": 1}, 0, 0)
	}
	list, err := s.Accounts(ctx, account.API)
	if err != nil || len(list) != accounts || !list[accounts-1].Closing || string(list[accounts-1].SealedKey) != "sealed" {
		t.Errorf("Accounts = %d of them, %v; want %d, the last closing with its key", len(list), err, accounts)
	}
	if c := proxy.Counts(); c.Requests["Query"] != 1 || c.Requests["BatchGetItem"] != 2 || c.Total() != 3 {
		t.Errorf("listing cost %v, want one query and two batches", c.Requests)
	}
	proxy.Reset()
	if err := s.DeleteAccount(ctx, last); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"TransactWriteItems": 1}, 0, 0)
}

// delivery makes the n-th delivery of an account.
func delivery(a webhook.Account, n int) webhook.Delivery {
	w := record(a, "offer-created")
	return webhook.Delivery{
		Account: a, Event: w.Event, EventID: fmt.Sprintf("event-%03d", n), Time: createdAt.Add(time.Duration(n) * time.Millisecond),
		Number: int64(n), WebhookID: w.ID, URL: w.URL, AcceptedAt: createdAt.Add(time.Minute),
	}
}

// path is an event's way from its publisher to a receiver, over a store whose
// requests are counted. It is the queue, the sender and the opener of keys.
type path struct {
	proxy     *faultproxy.Proxy
	publisher *delivering.Publisher
	worker    *delivering.Worker
	now       time.Time

	mu       sync.Mutex
	messages []webhook.Message
	received []delivering.Request
}

func (*path) Lease(webhook.EventKey) (time.Duration, bool) { return 2 * time.Minute, true }
func (*path) Full() bool                                   { return false }

func (p *path) Send(_ context.Context, messages []webhook.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, messages...)
	return nil
}

// receiver is a path's other end.
type receiver struct{ *path }

func (r receiver) Send(_ context.Context, q delivering.Request) delivering.Response {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.received = append(r.received, q)
	return delivering.Response{Status: 204}
}

// Open gives the same key for all: a sealing key is read once a process, and
// that is not what is counted here.
func (*path) Open(context.Context, seal.Owner, []byte) (webhook.Secret, error) {
	return webhook.NewSecret(strings.Repeat("a", 44)), nil
}

func newPath(t *testing.T, s *dynamo.Store, proxy *faultproxy.Proxy, spoken api.API) *path {
	t.Helper()
	p := &path{proxy: proxy, now: createdAt.Add(time.Hour)}
	sendings := map[webhook.API]webhook.Sending{spoken.Name: apitest.Sending(t, spoken, nil)}
	ids := 0
	now, log := func() time.Time { return p.now }, slog.New(slog.DiscardHandler)
	p.publisher = delivering.NewPublisher(delivering.PublisherConfig{
		Store: s, Queue: p, Sendings: sendings, Now: now, Log: log,
		NewID: func() (string, error) { ids++; return fmt.Sprint("event-", ids), nil },
	})
	p.worker = delivering.NewWorker(delivering.WorkerConfig{
		Store: s, Queue: p, Sender: receiver{p}, Opener: p, Sendings: sendings, Now: now, Log: log,
		Jitter: func(time.Duration) time.Duration { return 0 },
	})
	return p
}

// deliver publishes an event, has it attempted at once, and gives the requests
// to DynamoDB that this took.
func (p *path) deliver(t *testing.T, e webhook.Event) (counts faultproxy.Counts) {
	t.Helper()
	p.proxy.Reset()
	p.messages, p.received = nil, nil
	if got := p.publisher.Publish(t.Context(), []webhook.Event{e}); got[0].Status != delivering.Accepted {
		t.Fatalf("published: %+v", got)
	}
	if len(p.messages) != 1 {
		t.Fatalf("%d messages, want 1", len(p.messages))
	}
	if outcome, err := p.worker.Attempt(t.Context(), p.messages[0]); outcome != delivering.Delivered || err != nil {
		t.Fatalf("attempted: %v, %v", outcome, err)
	}
	if len(p.received) != 1 || len(p.received[0].Body) < len(e.Payload) {
		t.Fatalf("received %+v", p.received)
	}
	return p.proxy.Counts()
}

// TestCostOfADelivery: what is published and received at once takes two read
// requests, one when it is published and one when it is attempted, and two
// writes of one unit beside the index's two. A payload over 1 KB is a third
// write, Squake's statistics are one more, unless the last update is fresh; of
// the other APIs that is so for an hour. None of it scans, or queries.
func TestCostOfADelivery(t *testing.T) {
	s, proxy := counted(t)
	for _, spoken := range all.APIs() {
		p := newPath(t, s, proxy, spoken)
		a := webhook.Account{API: spoken.Name, ID: "1001"}
		w := record(a, spoken.Example.Event)
		if err := s.CreateAccount(t.Context(), webhook.AccountInfo{Account: a, CreatedAt: createdAt, SealedKey: w.SealedKey}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
			t.Fatal(err)
		}
		statistics := 0
		if apitest.Sending(t, spoken, nil).Statistics {
			statistics = 1
		}
		for _, tt := range []struct {
			name        string
			after       time.Duration // the latest delivery
			size        int
			puts, stats int
			units       float64 // of the puts
		}{
			{"first", 0, 200, 1, 1, 1},
			{"within a second", 500 * time.Millisecond, 200, 1, 0, 1},
			{"later", time.Minute, 200, 1, statistics, 1},
			{"large", time.Minute, 2700, 2, statistics, 1 + 3},
			{"largest", time.Minute, 200_000, 2, statistics, 1 + 196},
			{"after an hour", time.Hour, 200, 1, 1, 1},
		} {
			t.Run(fmt.Sprint(spoken.Name, " ", tt.name), func(t *testing.T) {
				p.now = p.now.Add(tt.after)
				got := p.deliver(t, webhook.Event{
					Account: a, Name: w.Event, Instance: spoken.Example.Instance,
					Payload: []byte(`"` + strings.Repeat("x", tt.size-2) + `"`),
				})
				want := map[string]int{"BatchGetItem": 2, "PutItem": tt.puts, "UpdateItem": 1 + tt.stats}
				if !maps.Equal(got.Requests, want) {
					t.Errorf("requests %v, want %v", got.Requests, want)
				}
				if units := tt.units + 1 + float64(tt.stats); got.WriteUnits != units || got.IndexUnits != 2 {
					t.Errorf("%v write units and %v of the index, want %v and 2", got.WriteUnits, got.IndexUnits, units)
				}
			})
		}
	}
}
