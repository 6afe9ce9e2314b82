package local

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// BenchmarkQueue measures messages through the queue: of one webhook and of
// many, one by one and a hundred a Send; and for comparison what a bare
// channel with as many readers does.
func BenchmarkQueue(b *testing.B) {
	for _, batch := range []int{1, 100} {
		for _, webhooks := range []int{1, 1000} {
			b.Run(fmt.Sprintf("batch=%d/webhooks=%d", batch, webhooks), func(b *testing.B) { benchQueue(b, batch, webhooks) })
		}
	}
	b.Run("channel", benchChannel)
}

// load gives the messages of a benchmark, which are then not part of it.
func load(webhooks, n int) []webhook.Message {
	now := time.Now()
	list := make([]webhook.Message, n)
	id := strings.Repeat("0", 44)
	for i := range list {
		list[i] = message(fmt.Sprint("s", i%webhooks), 0, now)
		list[i].ID, list[i].Attempt = id, int64(i+1)
	}
	return list
}

func benchQueue(b *testing.B, batch, webhooks int) {
	q := New(Config{Capacity: 1 << 20})
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	var left sync.WaitGroup
	go q.Run(ctx, func(context.Context, webhook.Message) { left.Done() })
	list := load(webhooks, 100_000)
	b.ReportAllocs()
	b.ResetTimer()
	for sent := 0; sent < b.N; {
		for i := 0; i < len(list) && sent < b.N; i += batch {
			part := list[i : i+min(batch, b.N-sent)]
			left.Add(len(part))
			if err := q.Send(ctx, part); err != nil {
				b.Fatal(err)
			}
			sent += len(part)
		}
		left.Wait()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func benchChannel(b *testing.B) {
	messages := make(chan webhook.Message, 1024)
	var left, readers sync.WaitGroup
	for range defaultPerWebhook {
		readers.Go(func() {
			for range messages {
				left.Done()
			}
		})
	}
	list := load(1, 100_000)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		left.Add(1)
		messages <- list[i%len(list)]
	}
	left.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	close(messages)
	readers.Wait()
}
