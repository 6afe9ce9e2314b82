package dynamostore_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	delivering "github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/dialect"
	"github.com/hookline/hookline/pkg/dialect/abbeycross"
	"github.com/hookline/hookline/pkg/dialect/dialecttest"
	"github.com/hookline/hookline/pkg/dialect/shoptet"
	"github.com/hookline/hookline/pkg/dialect/squake"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/store/dynamostore"
	"github.com/hookline/hookline/pkg/store/dynamostore/faultproxy"
	"github.com/hookline/hookline/pkg/webhook"
)

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

func (*path) Lease(webhook.Subject) (time.Duration, bool) { return 2 * time.Minute, true }
func (*path) Full() bool                                  { return false }

func (p *path) Send(_ context.Context, messages []webhook.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, messages...)
	return nil
}

// receiver is a path's other end.
type receiver struct{ *path }

func (r receiver) Send(_ context.Context, q delivering.Request) delivering.Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.received = append(r.received, q)
	return delivering.Answer{Status: 204}
}

// Open gives the same key for all: a sealing key is read once a process, and
// that is not what is counted here.
func (*path) Open(context.Context, seal.Owner, []byte) (webhook.Secret, error) {
	return webhook.NewSecret(strings.Repeat("a", 44)), nil
}

func newPath(t *testing.T, s *dynamostore.Store, proxy *faultproxy.Proxy, api dialect.API) *path {
	t.Helper()
	p := &path{proxy: proxy, now: createdAt.Add(time.Hour)}
	sendings := map[webhook.Dialect]webhook.Sending{api.Name: dialecttest.Sending(t, api, nil)}
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
	if got := p.publisher.Publish(t.Context(), []webhook.Event{e}); got[0].Verdict != delivering.Accepted {
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
// write, Squake's statistics are one more, unless the last mark is fresh. None
// of it scans, or queries.
func TestCostOfADelivery(t *testing.T) {
	s, proxy := counted(t)
	for _, api := range []dialect.API{squake.API(), shoptet.API(), abbeycross.API()} {
		p := newPath(t, s, proxy, api)
		a := webhook.Account{Dialect: api.Name, ID: "1001"}
		w := record(a, api.Example.Event)
		if err := s.CreateAccount(t.Context(), webhook.AccountInfo{Account: a, CreatedAt: createdAt, SealedKey: w.SealedKey}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
			t.Fatal(err)
		}
		statistics := 0
		if api.Name == "squake" {
			statistics = 1
		}
		for _, tt := range []struct {
			name       string
			after      time.Duration // the latest delivery
			size       int
			puts, mark int
			units      float64 // of the puts
		}{
			{"first", 0, 200, 1, statistics, 1},
			{"within a second", 500 * time.Millisecond, 200, 1, 0, 1},
			{"later", time.Minute, 200, 1, statistics, 1},
			{"large", time.Minute, 2700, 2, statistics, 1 + 3},
			{"largest", time.Minute, 200_000, 2, statistics, 1 + 196},
		} {
			t.Run(fmt.Sprint(api.Name, " ", tt.name), func(t *testing.T) {
				p.now = p.now.Add(tt.after)
				got := p.deliver(t, webhook.Event{
					Account: a, Name: w.Event, Instance: api.Example.Instance,
					Payload: []byte(`"` + strings.Repeat("x", tt.size-2) + `"`),
				})
				want := map[string]int{"BatchGetItem": 2, "PutItem": tt.puts, "UpdateItem": 1 + tt.mark}
				if !maps.Equal(got.Requests, want) {
					t.Errorf("requests %v, want %v", got.Requests, want)
				}
				if units := tt.units + 1 + float64(tt.mark); got.WriteUnits != units || got.IndexUnits != 2 {
					t.Errorf("%v write units and %v of the index, want %v and 2", got.WriteUnits, got.IndexUnits, units)
				}
			})
		}
	}
}
