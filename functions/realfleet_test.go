package functions_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sync/errgroup"

	capacity "github.com/hookline/hookline/infra/capacity/fleet"
	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/internal/test/gatewaytest"
	"github.com/hookline/hookline/internal/test/mapping"
	"github.com/hookline/hookline/pkg/webhook"
)

// realFleet is the built functions, with the mappings of their queues, and the
// receivers of what they send.
type realFleet struct {
	mix
	stack     *stack
	publish   *emulator.Function
	queues    []*mapping.Queue // by lane
	receivers *httptest.Server
	began     time.Time

	mu     sync.Mutex
	held   []func() // sends what is published ahead
	random *rand.Rand
	// Microseconds: how long healthy receivers waited, and when first attempts
	// began.
	waits, begun *hdrhistogram.Histogram
	attempts     int
	first        map[time.Duration]bool // events that were attempted, by when they were published
	all          chan struct{}          // closed when as many attempts were made as are awaited
	awaited      int
}

// newRealFleet starts publish, and as many processes of deliver as each lane has
// batches at once.
func newRealFleet(t *testing.T, m mix, seed uint64) *realFleet {
	t.Helper()
	f := &realFleet{
		mix: m, stack: newStack(t), random: rand.New(rand.NewPCG(seed, 3)),
		waits: hdrhistogram.New(1, time.Hour.Microseconds(), 3), begun: hdrhistogram.New(1, time.Hour.Microseconds(), 3),
		first: map[time.Duration]bool{}, all: make(chan struct{}),
	}
	f.receivers = httptest.NewServer(f)
	t.Cleanup(f.receivers.Close)
	urls, programs, lanes := []string{queueURL, slowQueueURL}, []string{"Deliver", "DeliverSlow"}, []capacity.LaneSettings{m.Fast, m.Settings.Slow}
	if !m.Lanes {
		urls, lanes = []string{queueURL, queueURL}, lanes[:1]
	}
	settings := map[string]string{
		"HOOKLINE_QUEUE_URL": urls[0], "HOOKLINE_SLOW_QUEUE_URL": urls[1], "HOOKLINE_SEALING_KEY_ARN": kmsKeyARN,
		"HOOKLINE_ALLOW_HTTP": "true", "HOOKLINE_ALLOW_PRIVATE": "true",
	}
	settings["AWS_ENDPOINT_URL_SQS"] = mapping.StartSQS(t, func(url string, list []mapping.Sent) {
		f.send(f.queues[slices.Index(urls, url)], list)
	})
	environment := func(resource string) map[string]string {
		env := f.stack.environment(t, resource)
		maps.Copy(env, settings)
		return env
	}
	for i, l := range lanes {
		q := mapping.NewQueue(mapping.Config{Batch: l.Batch, Window: l.Window, Visibility: 6 * time.Minute, Timeout: time.Minute})
		t.Cleanup(q.Run(t, l.Concurrency, emulator.Program(t, programs[i]), environment(programs[i])))
		f.queues = append(f.queues, q)
	}
	f.publish = emulator.Start(t, emulator.Program(t, "Publish"), environment("Publish"))
	return f
}

// send sends messages to a queue, once the run has begun.
func (f *realFleet) send(q *mapping.Queue, list []mapping.Sent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ahead && f.began.IsZero() {
		f.held = append(f.held, func() { q.Send(list) })
		return
	}
	q.Send(list)
}

// begin begins the run.
func (f *realFleet) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.began = time.Now()
	for _, send := range f.held {
		send()
	}
}

// simulate returns what the run should be like. Of what it takes of the platform,
// only the database's time was measured; the others are small.
func (f *realFleet) simulate(t *testing.T, seed uint64) capacity.Result {
	set := f.Settings
	set.Account, set.PublishMemory, set.SweepMemory = 1000, 1769, 1769
	set.Platform = capacity.Platform{Receive: time.Millisecond, Table: f.tableTime(t), Send: time.Millisecond}
	return capacity.Simulate(set, f.Load, capacity.Work{Attempt: time.Millisecond, Publication: time.Millisecond}, seed, 0, f.Until+time.Minute)
}

// tableTime returns how long DynamoDB Local takes for as many requests at once as
// a batch has attempts.
func (f *realFleet) tableTime(t *testing.T) time.Duration {
	t.Helper()
	const rounds = 20
	var began time.Time
	for round := range 1 + rounds { // the first opens connections
		if round == 1 {
			began = time.Now()
		}
		var all errgroup.Group
		for i := range f.Fast.Batch {
			all.Go(func() error { _, err := f.stack.store.Webhooks(t.Context(), f.account(i)); return err })
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(began) / rounds
}

// tooLong is how long after the last event attempts are awaited at most.
const tooLong = 2 * time.Minute

// run registers webhooks, publishes as many events as were simulated, and returns
// once as many attempts were made, or after tooLong.
func (f *realFleet) run(t *testing.T, seed uint64, want capacity.Result) {
	t.Helper()
	webhooks, kinds := f.Sequence(seed, want.Accepted)
	of := map[int]capacity.Kind{}
	for i, w := range webhooks {
		of[w] = kinds[i]
	}
	for w, kind := range of {
		f.register(t, w, kind)
	}
	f.awaited = want.Attempts()
	if !f.ahead {
		f.begin()
	}
	f.publishAll(t, webhooks)
	if f.ahead {
		f.begin()
	}
	select {
	case <-f.all:
	case <-time.After(tooLong):
	}
	for _, q := range f.queues {
		if _, failed := q.Counts(); failed > 0 {
			t.Errorf("%d messages were returned to the queue", failed)
		}
	}
}

func (f *realFleet) account(w int) webhook.Account {
	return webhook.Account{API: f.api.Name, ID: strconv.Itoa(1 + w)}
}

// register makes webhook w, whose URL tells what its receiver is.
func (f *realFleet) register(t *testing.T, w int, kind capacity.Kind) {
	t.Helper()
	account, now := f.account(w), time.Now().UTC().Truncate(time.Millisecond)
	if err := f.stack.store.CreateAccount(t.Context(), webhook.AccountInfo{Account: account, CreatedAt: now}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.stack.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{{
		Account: account, Event: f.api.Example.Event, ID: "w", RequestID: "r", URL: fmt.Sprintf("%s/%d", f.receivers.URL, kind),
		Version: 1, CreatedAt: now, SendPayload: true,
	}}}); err != nil {
		t.Fatal(err)
	}
}

// publishAll publishes one event for each of the webhooks, as fast as the mix has
// it. Its payload is when that was, in nanoseconds of the run, and no two are the
// same.
func (f *realFleet) publishAll(t *testing.T, webhooks []int) {
	t.Helper()
	pace := time.NewTicker(time.Duration(float64(f.Events) / f.Rate * float64(time.Second)))
	defer pace.Stop()
	request := gatewaytest.ReadRequest(t, "POST /events HTTP/1.1\nContent-Type: application/json")
	var latest int64
	for begin := 0; begin < len(webhooks); begin += f.Events {
		<-pace.C
		var list []map[string]any
		for _, w := range webhooks[begin:min(begin+f.Events, len(webhooks))] {
			if latest++; !f.ahead {
				latest = max(latest, time.Since(f.began).Nanoseconds())
			}
			event := map[string]any{"account": f.account(w).String(), "event": f.api.Example.Event, "payload": latest}
			if f.Sending.Instance {
				event["instance"] = "1"
			}
			list = append(list, event)
		}
		body, err := json.Marshal(map[string]any{"events": list})
		if err != nil {
			t.Fatal(err)
		}
		event, err := json.Marshal(gatewaytest.Event(request, string(body)))
		if err != nil {
			t.Fatal(err)
		}
		payload, err := f.publish.Invoke(t.Context(), event)
		if response := parseResponse(t, payload, err); strings.Count(response.Body, `"accepted"`) != len(list) {
			t.Fatalf("publish: %d %s", response.StatusCode, response.Body)
		}
	}
}

// ServeHTTP is all receivers.
func (f *realFleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	kind, kindErr := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	var body struct{ Data, Payload int64 } // of which an API has one
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || kindErr != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	took := f.attempted(capacity.Kind(kind), now, time.Duration(body.Data+body.Payload))
	if capacity.Kind(kind) == capacity.Hanging {
		<-r.Context().Done() // until the attempt's time is over
		return
	}
	response := time.NewTimer(took)
	defer response.Stop()
	<-response.C
	w.WriteHeader(http.StatusNoContent)
}

// attempted notes an attempt for the event that was published at a time, and
// returns how long its receiver takes.
func (f *realFleet) attempted(kind capacity.Kind, at time.Time, published time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := at.Sub(f.began)
	if !f.first[published] {
		f.first[published] = true
		_ = f.begun.RecordValue(now.Microseconds()) // within an hour
		if kind == capacity.Quick {
			_ = f.waits.RecordValue((now - published).Microseconds())
		}
	}
	if f.attempts++; f.attempts == f.awaited {
		close(f.all)
	}
	took, _ := f.Receivers.Response(f.random, kind, f.Sending.Timeout)
	return took
}
