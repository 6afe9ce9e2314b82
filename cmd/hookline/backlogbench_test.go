package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// storeBacklog stores n deliveries to a webhook, accepted and due now, of which
// none was attempted.
func storeBacklog(b *testing.B, s store.Store, w webhook.Webhook, n int) {
	b.Helper()
	const workers = 64
	now := time.Now().Truncate(time.Millisecond)
	errs := make([]error, workers)
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for i := worker; i < n && errs[worker] == nil; i += workers {
				at := now.Add(time.Duration(i%10) * time.Millisecond)
				_, errs[worker] = s.AddDelivery(b.Context(), webhook.Delivery{
					Account: w.Account, Event: w.Event, EventID: strconv.Itoa(i), Time: at, WebhookID: w.ID, URL: w.URL,
					Payload: []byte(`"` + strconv.Itoa(i) + `"`), AcceptedAt: at, Next: at, Due: at,
				})
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
}

// endless is a queue that has room for everything and keeps nothing.
type endless struct{ messages atomic.Int64 }

func (*endless) Lease(webhook.EventKey) (time.Duration, bool) { return 2 * time.Minute, true }
func (*endless) Full() bool                                   { return false }
func (q *endless) Send(_ context.Context, messages []webhook.Message) error {
	q.messages.Add(int64(len(messages)))
	return nil
}

// BenchmarkSweep measures what the sweeper takes for a delivery that is due, in
// the file of a local server, by how many there are.
func BenchmarkSweep(b *testing.B) {
	for _, due := range []int{10_000, 100_000, 1_000_000} {
		b.Run("due="+strconv.Itoa(due), func(b *testing.B) {
			data := b.TempDir()
			cli(b, "account", "create", "squake:backlog", "--data", data)
			s := openData(b, data)
			account := webhook.Account{API: "squake", ID: "backlog"}
			storeBacklog(b, s, webhook.Webhook{Account: account, Event: "order", ID: "w", URL: "https://receiver.example/"}, due)
			q := &endless{}
			now := time.Now()
			sweeper := delivery.NewSweeper(delivery.SweeperConfig{
				Store: s, Queue: q, Log: discardLog(), Ahead: aheadHere, Parallel: 1,
				Now: func() time.Time { return now },
			})
			b.ResetTimer()
			for range b.N {
				swept, err := sweeper.Sweep(b.Context(), time.Time{})
				if err != nil || swept.Sent != due {
					b.Fatalf("%+v, %v; want %d sent", swept, err, due)
				}
				now = now.Add(24 * time.Hour) // all leases are over
			}
			b.StopTimer()
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(due), "µs/delivery")
		})
	}
}

// BenchmarkBacklog measures a server that starts with a backlog of one webhook:
// deliveries a second until b.N are made, and its memory.
func BenchmarkBacklog(b *testing.B) {
	for _, due := range []int{10_000, 1_000_000} {
		b.Run("due="+strconv.Itoa(due), func(b *testing.B) { benchBacklog(b, due) })
	}
}

func benchBacklog(b *testing.B, due int) {
	if b.N > due {
		b.Fatalf("-benchtime: at most %dx", due)
	}
	var count atomic.Int64
	enough := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if count.Add(1) == int64(b.N) {
			close(enough)
		}
	}))
	b.Cleanup(receiver.Close)
	data := b.TempDir()
	s := newBenchServer(b, data)
	s.registered(b, "squake:backlog", receiver.URL)
	if err := s.stop(); err != nil {
		b.Fatal(err)
	}
	store := openData(b, data)
	webhooks, err := store.Webhooks(b.Context(), webhook.Account{API: "squake", ID: "backlog"})
	if err != nil || len(webhooks) != 1 {
		b.Fatalf("%d webhooks, %v", len(webhooks), err)
	}
	storeBacklog(b, store, webhooks[0], due)
	b.ResetTimer()
	again := newBenchServer(b, data)
	select {
	case <-enough:
	case <-time.After(10 * timeout):
		b.Fatal(fmt.Sprint(count.Load(), " deliveries have come"))
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(again.peakMemory(b), "server-MiB")
}
