package dynamo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/internal/test/storetest"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// published makes the n-th delivery of an account as a publisher does, with a
// payload of so many bytes.
func published(w webhook.Webhook, n, size int) webhook.Delivery {
	d := delivery(w.Account, n)
	d.Event, d.WebhookID, d.URL = w.Event, w.ID, w.URL
	d.Payload = []byte(`"` + strings.Repeat("x", size-2) + `"`)
	d.Content = webhook.Event{Instance: d.Instance, Payload: d.Payload}.Content()
	d.Next, d.Due = d.AcceptedAt, d.AcceptedAt.Add(2*time.Minute)
	return d
}

// attempted gives d as it is after one more attempt that failed.
func attempted(d webhook.Delivery) webhook.Delivery {
	d.Attempts++
	d.AttemptedAt = d.AcceptedAt.Add(time.Duration(d.Attempts) * time.Minute)
	d.Status, d.StatusCode, d.Reason = webhook.StatusRetrying, 503, "certificate has expired or is not valid yet"
	d.Next, d.Due, d.Sends = d.AttemptedAt.Add(time.Hour), d.AttemptedAt.Add(2*time.Hour), 0
	return d
}

// delivered gives d as it is after one more attempt that succeeded.
func delivered(d webhook.Delivery) webhook.Delivery {
	d = attempted(d)
	d.Status, d.StatusCode, d.Reason = webhook.StatusDelivered, 204, ""
	d.Next, d.Due = time.Time{}, time.Time{}
	return d
}

// registered creates an account and a webhook in it.
func registered(ctx context.Context, s *dynamo.Store, a webhook.Account) (webhook.Webhook, error) {
	w := record(a, "offer-created")
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: a, CreatedAt: createdAt, SealedKey: w.SealedKey}); err != nil {
		return w, err
	}
	_, err := s.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}})
	return w, err
}

// mustIndex compares the write units of the index, and then the rest.
func mustIndex(t *testing.T, p *faultproxy.Proxy, requests map[string]int, reads, writes, index float64) {
	t.Helper()
	if c := p.Counts(); c.IndexUnits != index {
		t.Errorf("%v cost %v write units of the index, want %v", requests, c.IndexUnits, index)
	}
	mustCost(t, p, requests, reads, writes)
}

// A delivery that succeeds at once is two reads and two writes of one unit
// each; with a payload apart three, and one more with statistics. The index of
// what is due adds one when the delivery becomes due and one when it no longer
// is, that of what fails one when the webhook begins and ends to fail.
func TestCostOfSending(t *testing.T) {
	s, proxy := counted(t)
	ctx := t.Context()
	w, err := registered(ctx, s, account)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Reset()
	for n, tt := range []struct {
		size        int
		stats       webhook.StatsUpdate
		puts        int
		reads       float64
		updates     int
		put, record float64
		changes     float64 // of the index of what fails
	}{
		{size: 200, stats: webhook.NoStats, puts: 1, reads: 3, updates: 1, put: 1, record: 1},
		{size: 200, stats: webhook.StatsSent, puts: 1, reads: 3, updates: 2, put: 1, record: 2},
		{size: 200, stats: webhook.StatsFailed, puts: 1, reads: 3, updates: 2, put: 1, record: 2, changes: 1},
		// The payload and its key have 3 KB.
		{size: 2700, stats: webhook.NoStats, puts: 2, reads: 4, updates: 1, put: 1 + 3, record: 1},
		{size: 2700, stats: webhook.StatsSent, puts: 2, reads: 4, updates: 2, put: 1 + 3, record: 2, changes: 1},
	} {
		t.Run(fmt.Sprint(tt.size, " ", tt.stats), func(t *testing.T) {
			if _, err := s.Recipients(ctx, []webhook.EventKey{{Account: account, Event: w.Event}}); err != nil {
				t.Fatal(err)
			}
			mustCost(t, proxy, map[string]int{"BatchGetItem": 1}, 2, 0)
			event := published(w, n, tt.size)
			d, err := s.AddDelivery(ctx, event)
			if err != nil {
				t.Fatal(err)
			}
			mustIndex(t, proxy, map[string]int{"PutItem": tt.puts}, 0, tt.put, 1)
			if _, err := s.AddDelivery(ctx, event); !errors.Is(err, webhook.ErrExists) {
				t.Errorf("AddDelivery again: error = %v, want ErrExists", err)
			}
			mustIndex(t, proxy, map[string]int{"PutItem": tt.puts}, 0, tt.put-1, 0)
			input, err := s.AttemptInput(ctx, d.Message())
			if err != nil || len(input.Delivery.Payload) != tt.size || input.Webhook.ID != w.ID {
				t.Fatalf("AttemptInput = %+v, %v", input, err)
			}
			mustCost(t, proxy, map[string]int{"BatchGetItem": 1}, tt.reads, 0)
			if _, err := s.RecordAttempt(ctx, webhook.AttemptResult{Was: input.Delivery, Now: delivered(input.Delivery), Stats: tt.stats}); err != nil {
				t.Fatal(err)
			}
			mustIndex(t, proxy, map[string]int{"UpdateItem": tt.updates}, 0, tt.record, 1+tt.changes)
		})
	}
}

// A lease and a refusal are one request each, whatever the payload. A failed
// attempt is two: what is kept of it takes one unit, however much that is. A
// delivery is read in one request, or two with its payload apart, and its
// attempts in another.
func TestCostOfRetries(t *testing.T) {
	s, proxy := counted(t)
	ctx := t.Context()
	w := record(account, "offer-created")
	for n, size := range []int{200, 150_000} {
		d, err := s.AddDelivery(ctx, published(w, n, size))
		if err != nil {
			t.Fatal(err)
		}
		proxy.Reset()
		update := map[string]int{"UpdateItem": 1}
		pending := webhook.Pending{Message: d.Message(), Due: d.Due, Sends: d.Sends}
		if err := s.Lease(ctx, pending, d.Due.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		// The index takes an entry out and puts another in.
		mustIndex(t, proxy, update, 0, 1, 2)
		if err := s.Lease(ctx, pending, d.Due.Add(time.Minute)); !errors.Is(err, webhook.ErrChanged) {
			t.Errorf("Lease again: error = %v, want ErrChanged", err)
		}
		mustIndex(t, proxy, update, 0, 0, 0)
		now := attempted(d)
		now.Reason, now.Duration = strings.Repeat("r", 120), time.Minute
		result := webhook.AttemptResult{Was: d, Now: now, Response: bytes.Repeat([]byte{0}, 4<<10)}
		twice := map[string]int{"UpdateItem": 2}
		if _, err := s.RecordAttempt(ctx, result); err != nil {
			t.Fatal(err)
		}
		mustIndex(t, proxy, twice, 0, 1+1, 2)
		if _, err := s.RecordAttempt(ctx, result); !errors.Is(err, webhook.ErrChanged) {
			t.Errorf("RecordAttempt again: error = %v, want ErrChanged", err)
		}
		mustIndex(t, proxy, twice, 0, 1, 0)
		if got, err := s.Attempts(ctx, now); err != nil || len(got) != 1 || len(got[0].Response) != webhook.MaxKeptResponse {
			t.Errorf("Attempts = %+v, %v", got, err)
		}
		mustCost(t, proxy, map[string]int{"Query": 1}, 1, 0)
		if got, err := s.Delivery(ctx, d.Account, d.ID()); err != nil || len(got.Payload) != size {
			t.Errorf("Delivery = %d bytes, %v", len(got.Payload), err)
		}
		if c := proxy.Counts(); c.Requests["GetItem"] != 1+n || c.Total() != 1+n {
			t.Errorf("reading a payload of %d bytes cost %v", size, c.Requests)
		}
		proxy.Reset()
	}
}

// 100 event keys of one account are 101 items and of as many accounts 200: two
// requests. Those that are asked for twice cost nothing more.
func TestCostOfRecipients(t *testing.T) {
	s, proxy := counted(t)
	for name, tt := range map[string]struct {
		eventKey func(n int) webhook.EventKey
		want     int
	}{
		"one event":   {func(int) webhook.EventKey { return webhook.EventKey{Account: account, Event: "e"} }, 1},
		"99 events":   {func(n int) webhook.EventKey { return webhook.EventKey{Account: account, Event: fmt.Sprint(n % 99)} }, 1},
		"100 events":  {func(n int) webhook.EventKey { return webhook.EventKey{Account: account, Event: fmt.Sprint(n)} }, 2},
		"50 accounts": {func(n int) webhook.EventKey { return webhook.EventKey{Account: numbered(n % 50), Event: "e"} }, 1},
		"all apart":   {func(n int) webhook.EventKey { return webhook.EventKey{Account: numbered(n), Event: "e"} }, 2},
	} {
		eventKeys := make([]webhook.EventKey, 100)
		for n := range eventKeys {
			eventKeys[n] = tt.eventKey(n)
		}
		if _, err := s.Recipients(t.Context(), eventKeys); err != nil {
			t.Fatal(err)
		}
		if c := proxy.Counts(); !maps.Equal(c.Requests, map[string]int{"BatchGetItem": tt.want}) {
			t.Errorf("%s: %v, want %d batches", name, c.Requests, tt.want)
		}
		proxy.Reset()
	}
}

// What is due is found by one query of each shard, however much is not.
func TestCostOfDue(t *testing.T) {
	s, proxy := counted(t)
	ctx := t.Context()
	w := record(account, "offer-created")
	const later = 200
	for n := range later {
		d := published(w, n, 300)
		d.Due = d.Due.Add(time.Hour)
		if n%2 == 0 {
			d = d.Attempted(d.AcceptedAt, 204, "", time.Time{})
		}
		if _, err := s.AddDelivery(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	d, err := s.AddDelivery(ctx, published(w, later, 300))
	if err != nil {
		t.Fatal(err)
	}
	proxy.Reset()
	found := 0
	err = s.Due(ctx, time.Time{}, d.Due, func(p webhook.Pending) bool { found++; return p.ID == d.ID() })
	if err != nil || found != 1 {
		t.Fatalf("Due gave %d, %v", found, err)
	}
	// Half a unit for a query, not strongly consistent. On AWS those that find
	// nothing cost as much; DynamoDB Local counts none for them.
	mustCost(t, proxy, map[string]int{"Query": 64}, 0.5, 0)
	if err := s.Due(ctx, d.Due, d.Due, func(webhook.Pending) bool { return true }); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{}, 0, 0)
}

// timeout is the time-out of a try where a lost answer is not what is tested:
// the emulator may be slow on a busy machine.
const timeout = 30 * time.Second

// open gives a store on the tables at endpoint, to which nothing has expired.
func open(t testing.TB, endpoint string, tables dynamolocal.Tables, tryTimeout time.Duration) *dynamo.Store {
	t.Helper()
	s, err := dynamo.New(dynamo.Config{
		Client: dynamolocal.Client(t, endpoint), Table: tables.Webhooks, Deliveries: tables.Deliveries,
		Now:        func() time.Time { return time.Unix(0, 0) },
		TryTimeout: tryTimeout, CallTimeout: hanging,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	server := dynamolocal.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, server.URL, server.NewTables(t), timeout)
	}, storetest.Options{Rounds: long.Pick(10, 200)})
}
