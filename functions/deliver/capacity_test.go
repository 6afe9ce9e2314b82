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

// mix is what is simulated and run. Receivers' times dominate, so that a busy
// machine hardly counts.
type mix struct {
	name string
	fleet.Settings
	fleet.Load
}

// mixes are one lane of which no attempt is repeated, and in the long run both
// lanes, where receivers hang for longer than makes their webhooks slow, and once
// more.
func mixes() []mix {
	one := mix{"one lane", fleet.Settings{Fast: lane(long.PickAlone(8, 20), 10, 0)}, load(2000, long.PickAlone(600, 6000))}
	one.Sending = webhook.Sending{Timeout: 1500 * time.Millisecond, Delays: []time.Duration{time.Hour}}
	two := mix{"two lanes", fleet.Settings{Lanes: true, Fast: lane(12, 10, 0), Slow: lane(3, 100, time.Second)}, load(300, 6000)}
	two.Sending = webhook.Sending{Timeout: 3 * time.Second, Delays: []time.Duration{time.Second}}
	return []mix{one, two}[:long.PickAlone(1, 2)]
}

// lane has so many batches at once, of so many attempts, all made at once.
func lane(pollers, batch int, window time.Duration) fleet.LaneSettings {
	return fleet.LaneSettings{Concurrency: pollers, Batch: batch, Window: window, Pollers: pollers, Memory: 1769, Parallel: batch}
}

// load is so many events, at a rate, of which a twentieth are for receivers that
// hang.
func load(rate float64, count int) fleet.Load {
	return fleet.Load{
		Rate: rate, Events: 10, Webhooks: 200, Skew: 1, Hanging: 0.05, Fresh: true,
		Until:     time.Duration(float64(count) / rate * float64(time.Second)),
		Receivers: fleet.Receivers{QuickMedian: 60 * time.Millisecond, Spread: 0.5},
	}
}

// What docs/capacity.md says comes from a simulation. So the same mixes are run for
// real, through this function's handler, and must agree: on how many attempts a
// second the batches make while receivers hang, on how long healthy receivers
// wait for them, and on what is left to the slow lane. Beside other tests only the
// numbers of attempts are compared.
func TestSimulatedFleetIsLikeTheReal(t *testing.T) {
	const seed, tries = 7, 3
	for _, tt := range mixes() {
		t.Run(tt.name, func(t *testing.T) {
			set := tt.Settings
			set.Account, set.PublishMemory, set.SweepMemory = 1000, 1769, 1769
			set.Platform = fleet.Platform{Receive: time.Millisecond, Table: time.Millisecond}
			want := fleet.Simulate(set, tt.Load, fleet.Work{Attempt: time.Millisecond}, seed, 0, 10*time.Minute)
			for try := 1; ; try++ {
				got := runFleet(t, set, tt.Load, seed, want)
				if len(got.first) != want.Accepted || got.attempts != want.Attempts() {
					t.Fatalf("%d attempts of %d events, want %d of %d", got.attempts, len(got.first), want.Attempts(), want.Accepted)
				}
				differ := compare(t, got, want)
				if len(differ) == 0 || long.PickAlone(true, false) {
					return
				}
				if try == tries { // what else the machine does may slow one down
					t.Fatalf("%d runs are not as simulated, the last: %s", tries, strings.Join(differ, "; "))
				}
			}
		})
	}
}

// compare returns in what a real run and its simulation differ by more than a
// fifth.
func compare(t *testing.T, got *realFleet, want fleet.Result) (differ []string) {
	t.Helper()
	const tolerance = 0.2
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"first attempts a second", float64(len(got.first)) / got.last.Seconds(), float64(want.Accepted) / want.Last.Seconds()},
		{"p99 of healthy receivers, in seconds", got.healthy(99), want.Healthy(99).Seconds()},
		{"attempts of the last lane", float64(got.queue.handed[len(want.Lanes)-1]), float64(want.Lanes[len(want.Lanes)-1].Attempts)},
	} {
		text := fmt.Sprintf("%s: %.3g, simulated %.3g", c.what, c.got, c.want)
		t.Log(text)
		if c.got < c.want*(1-tolerance) || c.got > c.want*(1+tolerance) {
			differ = append(differ, text)
		}
	}
	return differ
}

// realFleet is what deliver, with the mappings of its queues, does to receivers.
type realFleet struct {
	mix   fleet.Load
	queue *fakeMapping
	began time.Time

	mu       sync.Mutex
	random   *rand.Rand
	waits    *hdrhistogram.Histogram // of healthy receivers, in microseconds
	attempts int
	first    map[string]bool // the events that were attempted
	last     time.Duration   // when the last first attempt began
	all      chan struct{}   // closed when as many attempts were made as are awaited
	awaited  int
}

func (f *realFleet) healthy(percent float64) float64 {
	return float64(f.waits.ValueAtQuantile(percent)) / 1e6
}

// runFleet publishes the events of a simulation and returns what came of them.
func runFleet(t *testing.T, set fleet.Settings, mix fleet.Load, seed uint64, want fleet.Result) *realFleet {
	f := &realFleet{
		mix: mix, random: rand.New(rand.NewPCG(seed, 3)), waits: hdrhistogram.New(1, int64(time.Hour/time.Microsecond), 3),
		first: map[string]bool{}, all: make(chan struct{}), awaited: want.Attempts(), queue: newMapping(set, want.Attempts()),
	}
	receivers := httptest.NewServer(f)
	t.Cleanup(receivers.Close)
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "hookline.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	webhooks, kinds := mix.Sequence(seed, want.Accepted)
	for i, w := range webhooks {
		f.register(t, store, w, fmt.Sprintf("%s/%d/", receivers.URL, kinds[i]))
	}
	log := slog.New(slog.DiscardHandler)
	sending := mix.Sending
	sending.CheckEvent = func(webhook.Event) error { return nil }
	sending.Body = func(d webhook.Delivery, _ webhook.Webhook) ([]byte, error) { return d.Payload, nil }
	sending.Header = func(webhook.Secret, time.Time, []byte) map[string]string { return nil }
	sendings := map[webhook.API]webhook.Sending{"squake": sending}
	worker := delivery.NewWorker(delivery.WorkerConfig{
		Store: store, Queue: f.queue, Sender: sender.New(sender.Config{AllowHTTP: true, AllowPrivate: true}), Opener: noKeys{},
		Sendings: sendings, Now: time.Now, Jitter: rand.N[time.Duration], Log: log,
	})
	publisher := delivery.NewPublisher(delivery.PublisherConfig{
		Store: store, Queue: f.queue, Sendings: sendings, NewID: func() (string, error) { return strconv.FormatUint(rand.Uint64(), 36), nil },
		Now: time.Now, Log: log,
	})
	stop := f.queue.start(t, &handler{attempt: worker.Attempt, log: log})
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
// Its payload is when that was, in nanoseconds, and no two are the same.
func (f *realFleet) publish(t *testing.T, p *delivery.Publisher, webhooks []int) {
	t.Helper()
	pace := time.NewTicker(time.Duration(float64(f.mix.Events) / f.mix.Rate * float64(time.Second)))
	defer pace.Stop()
	var latest int64
	for begin := 0; begin < len(webhooks); begin += f.mix.Events {
		<-pace.C
		var list []webhook.Event
		for _, w := range webhooks[begin:min(begin+f.mix.Events, len(webhooks))] {
			latest = max(latest+1, time.Since(f.began).Nanoseconds())
			list = append(list, webhook.Event{Account: accountOf(w), Name: "order", Payload: strconv.AppendInt(nil, latest, 10)})
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
	if !f.first[string(body)] {
		f.first[string(body)] = true
		f.last = max(f.last, now)
		if fleet.Kind(kind) == fleet.Quick {
			_ = f.waits.RecordValue((now.Nanoseconds() - published) / 1000)
		}
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

// fakeMapping is the queues of SQS with their mappings to the function.
type fakeMapping struct {
	lanes    []fleet.LaneSettings
	messages []chan webhook.Message // of each lane

	mu     sync.Mutex
	handed []int // how many messages of each lane the function was given
}

// newMapping returns the queues of a stack, with room for so many messages.
func newMapping(set fleet.Settings, room int) *fakeMapping {
	q := &fakeMapping{lanes: []fleet.LaneSettings{set.Fast}}
	if set.Lanes {
		q.lanes = append(q.lanes, set.Slow)
	}
	for range q.lanes {
		q.messages, q.handed = append(q.messages, make(chan webhook.Message, room)), append(q.handed, 0)
	}
	return q
}

func (*fakeMapping) Lease(webhook.EventKey) (time.Duration, bool) { return 2 * time.Minute, true }
func (*fakeMapping) Full() bool                                   { return false }

// Send puts messages into their lanes, delayed ones when their time has come.
func (q *fakeMapping) Send(_ context.Context, list []webhook.Message) error {
	for _, m := range list {
		lane := q.messages[len(q.messages)-1]
		if m.Fast {
			lane = q.messages[0]
		}
		switch wait := time.Until(m.At); {
		case wait <= 0:
			lane <- m
		case wait < time.Minute: // later ones come when all is over
			time.AfterFunc(wait, func() { lane <- m })
		}
	}
	return nil
}

// start begins to hand batches to h, as many at once as each lane has pollers.
// stop ends that.
func (q *fakeMapping) start(t *testing.T, h *handler) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i, lane := range q.lanes {
		for range lane.Pollers {
			all.Go(func() {
				for batch := q.receive(ctx, i); batch != nil; batch = q.receive(ctx, i) {
					if response, err := h.Deliver(ctx, events.SQSEvent{Records: batch}); err != nil || ctx.Err() == nil && len(response.BatchItemFailures) > 0 {
						t.Errorf("answer %+v, %v", response, err)
					}
				}
			})
		}
	}
	return func() { cancel(); all.Wait() }
}

// receive waits for a message of a lane, and takes with it what comes until the
// window closes, as many as a batch has. It returns nil when ctx ends.
func (q *fakeMapping) receive(ctx context.Context, number int) (batch []events.SQSMessage) {
	lane, messages := q.lanes[number], q.messages[number]
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.handed[number] += len(batch)
	}()
	var closes <-chan time.Time
	open := make(chan struct{})
	close(open)
	for len(batch) < lane.Batch {
		// Before the first message there is nothing that ends the wait, and
		// without a window each further one is there or is not waited for.
		var none <-chan struct{}
		if len(batch) > 0 && lane.Window == 0 && len(messages) == 0 {
			none = open
		}
		select {
		case m := <-messages:
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
