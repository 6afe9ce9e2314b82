package delivery_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// BenchmarkDelivery measures an event from its publication to the result of its
// attempt, over a store in memory and with a receiver that costs nothing: what
// our own work costs, the signing included. Events are published one by one and
// a hundred at once.
func BenchmarkDelivery(b *testing.B) {
	for i, s := range eventKeys {
		for _, batch := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/batch=%d", s.Account.API, batch), func(b *testing.B) { benchDelivery(b, eventKeys[i], batch) })
		}
	}
}

// takingAll has a worker send to receivers that take everything.
func takingAll(c *delivery.WorkerConfig) { c.Sender = taking{} }

func benchDelivery(b *testing.B, s webhook.EventKey, batch int) {
	w := newEnv(b)
	publisher, worker := w.publisher(), w.worker(takingAll)
	list := events(s, batch)
	ctx := context.Background()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for i := range list {
			n++
			list[i].ID = fmt.Sprint(n)
		}
		publisher.Publish(ctx, list)
		for _, m := range w.queue.take() {
			if outcome, err := worker.Attempt(ctx, m); err != nil || outcome != delivery.Delivered {
				b.Fatal(outcome, err)
			}
		}
		if n%50_000 < batch { // the store and the queue's memory stay small
			b.StopTimer()
			w = w.anew(b)
			publisher, worker = w.publisher(), w.worker(takingAll)
			b.StartTimer()
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "deliveries/s")
}

// taking takes everything.
type taking struct{}

func (taking) Send(context.Context, delivery.Request) delivery.Response {
	return delivery.Response{Status: 200}
}
