package sqlite_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// BenchmarkCreate measures durable creations of one webhook each, from 16
// clients at once, and how long the slowest hundredth waits at least.
func BenchmarkCreate(b *testing.B) {
	const clients = 16
	s := open(b, newPath(b))
	var count atomic.Int64
	var mu sync.Mutex
	var waits []time.Duration
	sealed := make([]byte, 250)
	b.SetParallelism((clients + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var own []time.Duration
		for pb.Next() {
			n := count.Add(1)
			account := webhook.Account{API: "squake", ID: fmt.Sprintf("account-%d", n*7919%10007)}
			start := time.Now()
			_, err := s.Create(b.Context(), webhook.Creation{Webhooks: []webhook.Webhook{{
				Account: account, Event: fmt.Sprintf("event-%d", n), ID: fmt.Sprintf("0197b2f0-0000-7000-8000-%012d", n),
				URL: "https://receiver.example/hooks/in/0123456789", SealedKey: sealed, Version: 1, CreatedAt: start,
			}}})
			if err != nil {
				b.Error(err)
				return
			}
			own = append(own, time.Since(start))
		}
		mu.Lock()
		defer mu.Unlock()
		waits = append(waits, own...)
	})
	b.StopTimer()
	slices.Sort(waits)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creations/s")
	b.ReportMetric(float64(b.N)/float64(s.Commits()), "creations/commit")
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(waits[len(waits)-1].Microseconds())/1000, "max-ms")
}

// BenchmarkAttempt measures what a delivery costs the store from its
// acceptance to its success, one after the other, and of that the reads.
func BenchmarkAttempt(b *testing.B) {
	s := open(b, newPath(b))
	w := webhook.Webhook{
		Account: webhook.Account{API: "squake", ID: "acme"}, Event: "order", ID: "0197b2f0-0000-7000-8000-000000000000",
		URL: "https://receiver.example/hooks/in/0123456789", SealedKey: make([]byte, 250), Version: 1, CreatedAt: time.Now(),
	}
	if err := s.CreateAccount(b.Context(), webhook.AccountInfo{Account: w.Account, CreatedAt: time.Now()}); err != nil {
		b.Fatal(err)
	}
	if _, err := s.Create(b.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
		b.Fatal(err)
	}
	eventKeys := []webhook.EventKey{{Account: w.Account, Event: w.Event}}
	var reads time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		now := time.Now()
		d := webhook.Delivery{
			Account: w.Account, Event: w.Event, EventID: fmt.Sprint(i), Time: now, Payload: []byte(`{"hello":"world"}`),
			WebhookID: w.ID, URL: w.URL, AcceptedAt: now, Next: now, Due: now.Add(2 * time.Minute),
		}
		if _, err := s.Recipients(b.Context(), eventKeys); err != nil {
			b.Fatal(err)
		}
		reads += time.Since(now)
		if _, err := s.AddDelivery(b.Context(), d); err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		input, err := s.AttemptInput(b.Context(), d.Message())
		reads += time.Since(begin)
		if err != nil {
			b.Fatal(err)
		}
		done := input.Delivery.Attempted(now, 200, "", time.Time{})
		if _, err := s.RecordAttempt(b.Context(), webhook.AttemptResult{Was: input.Delivery, Now: done, Stats: webhook.StatsSent}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(reads.Nanoseconds())/float64(b.N)/1000, "µs-read/op")
}
