package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/aws/aws-lambda-go/events"

	"github.com/hookline/hookline/infra/capacity/fleet"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/queue/sqs"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// What docs/capacity.md says comes from a simulation. So the same mix is run for
// real, through this function's handler, and must agree: on how many attempts a
// second the batches make while receivers hang, and on how long healthy receivers
// wait for them. Receivers' times dominate, so that a busy machine hardly counts.
func TestSimulatedFleetIsLikeTheReal(t *testing.T) {
	const seed, tolerance = 7, 0.2
	pollers := long.Pick(8, 20)
	count := long.Pick(600, 6000)
	mix := fleet.Load{
		Rate: 2000, Events: 10, Webhooks: 200, Skew: 1, Hanging: 0.05, Fresh: true,
		Until:     time.Duration(count) * time.Second / 2000,
		Receivers: fleet.Receivers{QuickMedian: 60 * time.Millisecond, Spread: 0.5},
		// No attempt is repeated while this runs.
		Sending: webhook.Sending{Timeout: 1500 * time.Millisecond, Delays: []time.Duration{time.Hour}},
	}
	lane := fleet.LaneSettings{Concurrency: pollers, Batch: 10, Pollers: pollers, Memory: 1769, Parallel: 10}
	want := fleet.Simulate(
		fleet.Settings{Fast: lane, Account: 1000, PublishMemory: 1769, SweepMemory: 1769,
			Platform: fleet.Platform{Receive: time.Millisecond, Table: time.Millisecond}},
		mix, fleet.Work{Attempt: time.Millisecond}, seed, 0, 10*time.Minute)
	got := runFleet(t, lane, mix, seed, want.Accepted)
	for _, tt := range []struct {
		what      string
		got, want float64
	}{
		{"first attempts a second", float64(got.attempts) / got.last.Seconds(), float64(want.Accepted) / want.Last.Seconds()},
		{"p99 of healthy receivers, in seconds", got.healthy(99), want.Healthy(99).Seconds()},
	} {
		t.Logf("%s: %.3g, simulated %.3g", tt.what, tt.got, tt.want)
		if tt.got < tt.want*(1-tolerance) || tt.got > tt.want*(1+tolerance) {
			t.Errorf("%s: %.3g, but the simulation has %.3g", tt.what, tt.got, tt.want)
		}
	}
	if got.attempts != want.Accepted {
		t.Errorf("%d first attempts of %d events", got.attempts, want.Accepted)
	}
}

// realFleet is what deliver, with the mapping of its queue, does to receivers.
type realFleet struct {
	mix   fleet.Load
	began time.Time

	mu       sync.Mutex
	random   *rand.Rand
	waits    *hdrhistogram.Histogram // of healthy receivers, in microseconds
	attempts int
	last     time.Duration
	all      chan struct{} // closed when as many attempts were made as are awaited
	awaited  int
}

func (f *realFleet) healthy(percent float64) float64 {
	return float64(f.waits.ValueAtQuantile(percent)) / 1e6
}

// runFleet publishes the events of a simulation and returns what came of them.
func runFleet(t *testing.T, lane fleet.LaneSettings, mix fleet.Load, seed uint64, count int) *realFleet {
	f := &realFleet{
		mix: mix, random: rand.New(rand.NewPCG(seed, 3)), waits: hdrhistogram.New(1, int64(time.Hour/time.Microsecond), 3),
		all: make(chan struct{}), awaited: count,
	}
	receivers := httptest.NewServer(f)
	t.Cleanup(receivers.Close)
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "hookline.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	webhooks, kinds := mix.Sequence(seed, count)
	for i, w := range webhooks {
		f.register(t, store, w, fmt.Sprintf("%s/%d/", receivers.URL, kinds[i]))
	}
	log := slog.New(slog.DiscardHandler)
	queue := &fakeMapping{messages: make(chan webhook.Message, count)}
	sending := mix.Sending
	sending.CheckEvent = func(webhook.Event) error { return nil }
	sending.Body = func(d webhook.Delivery, _ webhook.Webhook) ([]byte, error) { return d.Payload, nil }
	sending.Header = func(webhook.Secret, time.Time, []byte) map[string]string { return nil }
	sendings := map[webhook.API]webhook.Sending{"squake": sending}
	worker := delivery.NewWorker(delivery.WorkerConfig{
		Store: store, Queue: queue, Sender: sender.New(sender.Config{AllowHTTP: true, AllowPrivate: true}), Opener: noKeys{},
		Sendings: sendings, Now: time.Now, Jitter: rand.N[time.Duration], Log: log,
	})
	publisher := delivery.NewPublisher(delivery.PublisherConfig{
		Store: store, Queue: queue, Sendings: sendings, NewID: func() (string, error) { return strconv.FormatUint(rand.Uint64(), 36), nil },
		Now: time.Now, Log: log,
	})
	stop := queue.start(t, lane, &handler{attempt: worker.Attempt, log: log})
	defer stop()
	f.began = time.Now()
	f.publish(t, publisher, webhooks)
	select {
	case <-f.all:
	case <-t.Context().Done():
	}
	return f
}

// register makes webhook w, whose URL tells what its receiver is, unless there is
// one.
func (f *realFleet) register(t *testing.T, store *sqlite.Store, w int, url string) {
	t.Helper()
	account := accountOf(w)
	now := time.Now().UTC().Truncate(time.Millisecond)
	if store.CreateAccount(t.Context(), webhook.AccountInfo{Account: account, CreatedAt: now}) != nil {
		return
	}
	if _, err := store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{{
		Account: account, Event: "order", ID: "w", RequestID: "r", URL: url, Version: 1, CreatedAt: now, SendPayload: true,
	}}}); err != nil {
		t.Fatal(err)
	}
}

func accountOf(w int) webhook.Account {
	return webhook.Account{API: "squake", ID: fmt.Sprint("acme-", w)}
}

// publish publishes one event for each of the webhooks, as fast as the mix has it.
// Its payload is when that was.
func (f *realFleet) publish(t *testing.T, p *delivery.Publisher, webhooks []int) {
	t.Helper()
	pace := time.NewTicker(time.Duration(float64(f.mix.Events) / f.mix.Rate * float64(time.Second)))
	defer pace.Stop()
	for begin := 0; begin < len(webhooks); begin += f.mix.Events {
		<-pace.C
		var list []webhook.Event
		for _, w := range webhooks[begin:min(begin+f.mix.Events, len(webhooks))] {
			now := strconv.FormatInt(time.Since(f.began).Microseconds(), 10)
			list = append(list, webhook.Event{Account: accountOf(w), Name: "order", Payload: []byte(now)})
		}
		for _, r := range p.Publish(t.Context(), list) {
			if r.Status != delivery.Accepted {
				t.Fatalf("publish: %+v", r)
			}
		}
	}
}

// ServeHTTP is all receivers.
func (f *realFleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Since(f.began)
	body, _ := io.ReadAll(r.Body) // what is cut off has no number
	published, err := strconv.ParseInt(string(body), 10, 64)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	kind, _ := strconv.Atoi(strings.Trim(r.URL.Path, "/"))
	f.mu.Lock()
	d, _ := f.mix.Receivers.Response(f.random, fleet.Kind(kind), f.mix.Sending.Timeout)
	f.attempts++
	f.last = max(f.last, now)
	if fleet.Kind(kind) == fleet.Quick {
		_ = f.waits.RecordValue(now.Microseconds() - published)
	}
	if f.attempts == f.awaited {
		close(f.all)
	}
	f.mu.Unlock()
	if fleet.Kind(kind) == fleet.Hanging {
		<-r.Context().Done() // until the attempt's time is over
		return
	}
	response := time.NewTimer(d)
	defer response.Stop()
	<-response.C
	w.WriteHeader(http.StatusNoContent)
}

// noKeys opens no key; there are none.
type noKeys struct{}

func (noKeys) Open(context.Context, seal.Owner, []byte) (webhook.Secret, error) {
	return webhook.Secret{}, webhook.ErrNotFound
}

// fakeMapping is a queue of SQS with its mapping to the function.
type fakeMapping struct{ messages chan webhook.Message }

func (*fakeMapping) Lease(webhook.EventKey) (time.Duration, bool) { return 2 * time.Minute, true }
func (*fakeMapping) Full() bool                                   { return false }

func (q *fakeMapping) Send(_ context.Context, list []webhook.Message) error {
	for _, m := range list {
		if time.Until(m.At) <= 0 {
			q.messages <- m
		}
	}
	return nil
}

// start begins to hand batches to h, as many at once as the lane has pollers.
// stop ends that.
func (q *fakeMapping) start(t *testing.T, lane fleet.LaneSettings, h *handler) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range lane.Pollers {
		all.Go(func() {
			for batch := q.receive(ctx, lane); batch != nil; batch = q.receive(ctx, lane) {
				if response, err := h.Deliver(ctx, events.SQSEvent{Records: batch}); err != nil {
					t.Errorf("answer %+v, %v", response, err)
				}
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// receive waits for a message, and takes with it what comes until the window
// closes, as many as a batch has. It returns nil when ctx ends.
func (q *fakeMapping) receive(ctx context.Context, lane fleet.LaneSettings) (batch []events.SQSMessage) {
	var closes <-chan time.Time
	open := make(chan struct{})
	close(open)
	for len(batch) < lane.Batch {
		// Before the first message there is nothing that ends the wait, and
		// without a window each further one is there or is not waited for.
		var none <-chan struct{}
		if len(batch) > 0 && lane.Window == 0 && len(q.messages) == 0 {
			none = open
		}
		select {
		case m := <-q.messages:
			body, err := sqs.Encode(m)
			if err != nil {
				return nil
			}
			if len(batch) == 0 && lane.Window > 0 {
				closes = time.After(lane.Window)
			}
			batch = append(batch, events.SQSMessage{MessageId: m.ID, Body: body})
		case <-closes:
			return batch
		case <-none:
			return batch
		case <-ctx.Done():
			return nil
		}
	}
	return batch
}
