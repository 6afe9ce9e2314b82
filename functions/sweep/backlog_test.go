package main

import (
	"crypto/md5" // SQS has it of each message
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/queue/sqs"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	fastQueue = "https://sqs.eu-central-1.amazonaws.com/111122223333/attempts"
	slowQueue = "https://sqs.eu-central-1.amazonaws.com/111122223333/slow-attempts"
)

// fakeSQS takes messages as SendMessageBatch of SQS's JSON protocol does.
type fakeSQS struct {
	mu       sync.Mutex
	requests int
	sent     map[string]int // by the delivery's id
	fast     int            // messages to the fast lane
}

func startSQS(tb testing.TB) (*fakeSQS, string) {
	tb.Helper()
	q := &fakeSQS{sent: map[string]int{}}
	server := httptest.NewServer(q)
	tb.Cleanup(server.Close)
	return q, server.URL
}

func (q *fakeSQS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	type entry struct {
		ID          string `json:"Id"`
		MessageID   string `json:"MessageId"`
		MD5         string `json:"MD5OfMessageBody"`
		MessageBody string `json:",omitempty"`
	}
	var in struct {
		QueueURL string `json:"QueueUrl"`
		Entries  []entry
	}
	body, _ := io.ReadAll(r.Body)
	if json.Unmarshal(body, &in) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.requests++
	var out struct{ Successful []entry }
	for _, e := range in.Entries {
		if m, err := sqs.Decode(e.MessageBody); err == nil {
			q.sent[m.ID]++
		}
		if in.QueueURL != slowQueue {
			q.fast++
		}
		digest := md5.Sum([]byte(e.MessageBody))
		out.Successful = append(out.Successful, entry{ID: e.ID, MessageID: "m" + e.ID, MD5: hex.EncodeToString(digest[:])})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(out)
}

// newSweep returns the function on tables of DynamoDB Local, with timeouts that
// a busy machine keeps.
func newSweep(tb testing.TB, dynamodb, endpoint string, tables dynamolocal.Tables) *handler {
	tb.Helper()
	queue, err := sqs.New(sqs.Config{
		Client: sqs.NewClient(sqs.ClientConfig{
			Region: dynamolocal.Region, Credentials: dynamolocal.Credentials(), Endpoint: endpoint, HTTPClient: &http.Client{
				Transport: &http.Transport{MaxIdleConnsPerHost: 64},
			},
		}),
		QueueURL: fastQueue, SlowQueueURL: slowQueue, Now: time.Now,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return newHandler(dynamolocal.Store(tb, dynamodb, tables), queue, slog.New(slog.DiscardHandler))
}

// storeBacklog stores deliveries that were to be attempted ten minutes ago.
func storeBacklog(tb testing.TB, s *dynamo.Store, from, count int) {
	tb.Helper()
	var group errgroup.Group
	group.SetLimit(32)
	then := time.Now().Add(-10 * time.Minute).Truncate(time.Millisecond)
	for n := from; n < from+count; n++ {
		group.Go(func() error {
			d := webhook.Delivery{
				Account: webhook.Account{API: "squake", ID: fmt.Sprint("account-", n%50)}, Event: "order", EventID: fmt.Sprint(n), Time: then,
				Payload: []byte(`{"n":1}`), WebhookID: "w", URL: "https://receiver.example/", Status: webhook.StatusPending,
				AcceptedAt: then, Next: then, Due: then.Add(2 * time.Minute),
			}
			_, err := s.AddDelivery(tb.Context(), d)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		tb.Fatal(err)
	}
}

// A backlog is swept by several invocations, each of a part, and by others of
// the same parts at the same time: every delivery is sent for once, to the slow
// lane, at the cost of one conditional write each and a tenth of a request to
// SQS. Reading them costs a request for 500.
func TestBacklogInParts(t *testing.T) {
	const parts, shards = 4, 64
	count := long.PickAlone(2000, 20_000)
	server := dynamolocal.Start(t)
	tables := server.NewTables(t)
	storeBacklog(t, dynamolocal.Store(t, server.URL, tables), 0, count)
	queue, queueURL := startSQS(t)

	proxy := faultproxy.Start(t, server.URL)
	sweep := func(rivals int) faultproxy.Counts {
		t.Helper()
		proxy.Reset()
		var group errgroup.Group
		for n := range parts {
			for range rivals {
				group.Go(func() error { return newSweep(t, proxy.URL, queueURL, tables).Sweep(t.Context(), part{n, parts}) })
			}
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		return proxy.Counts()
	}
	counts := sweep(1)
	if leases := counts.Requests["UpdateItem"]; leases != count {
		t.Errorf("%d leases for %d deliveries; two invocations did the same work, or one was left out", leases, count)
	}
	if queries, most := counts.Requests["Query"], 2*shards+count/500; queries > most {
		t.Errorf("%d queries, want %d at most", queries, most)
	}
	if most := count/10 + count/50 + parts*10; queue.requests > most {
		t.Errorf("%d requests to SQS for %d messages, want %d at most", queue.requests, count, most)
	}
	if again := sweep(1).Requests["UpdateItem"]; again != 0 {
		t.Errorf("%d leases while all are leased", again)
	}
	storeBacklog(t, dynamolocal.Store(t, server.URL, tables), count, count/4)
	sweep(2)
	if len(queue.sent) != count+count/4 || queue.fast > 0 {
		t.Errorf("%d deliveries are sent for, want %d; %d messages to the fast lane, want none", len(queue.sent), count+count/4, queue.fast)
	}
	for id, times := range queue.sent {
		if times != 1 {
			t.Fatalf("delivery %s is sent for %d times, want once", id, times)
		}
	}
}

// BenchmarkSweep reports the CPU of a lease, the message included, that sizes
// the function. An hour's backlog of 1,000 deliveries a second is 3.6 million.
func BenchmarkSweep(b *testing.B) {
	const backlog = 5000
	server := dynamolocal.Start(b)
	tables := server.NewTables(b)
	_, queueURL := startSQS(b)
	h := newSweep(b, server.URL, queueURL, tables)
	store := dynamolocal.Store(b, server.URL, tables)
	swept, used := 0, time.Duration(0)
	for b.Loop() {
		b.StopTimer()
		storeBacklog(b, store, swept, backlog)
		swept += backlog
		before := processorTime(b)
		b.StartTimer()
		if err := h.Sweep(b.Context(), part{}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		used += processorTime(b) - before
		b.StartTimer()
	}
	b.ReportMetric(float64(used.Microseconds())/float64(swept), "cpu-us/lease")
	b.ReportMetric(float64(swept)/b.Elapsed().Seconds(), "leases/s")
}

// processorTime returns what this process has used of processors. DynamoDB
// Local is another; SQS's fake is not, so that it is a little too high.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
