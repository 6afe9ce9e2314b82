package mapping

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	gocmp "github.com/google/go-cmp/cmp"
)

// asFunction makes TestMain play a function that fails messages of "bad".
const asFunction = "MAPPING_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(asFunction) != "" {
		lambda.Start(func(batch events.SQSEvent) (response events.SQSEventResponse, _ error) {
			for _, r := range batch.Records {
				if r.Body == "bad" {
					response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
				}
			}
			return response, nil
		})
	}
	os.Exit(m.Run())
}

// Batches go to processes, which say what failed.
func TestRun(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	q := NewQueue(Config{Batch: 2, Visibility: time.Hour, Timeout: time.Minute})
	stop := q.Run(t, 2, program, map[string]string{asFunction: "1"})
	q.Send([]Sent{{Body: "good"}, {Body: "bad"}, {Body: "good"}})
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for received, failed := q.Counts(); received != 3 || failed != 1 || q.waiting() < 2; received, failed = q.Counts() {
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatalf("%d messages were handed over, %d failed", received, failed)
		}
	}
	stop()
}

// handed is a batch that a poller got.
type handed struct {
	After  time.Duration
	Bodies string
}

func TestQueue(t *testing.T) {
	const window, visibility, delay = time.Second, time.Minute, 5 * time.Second
	for _, tt := range []struct {
		name    string
		cfg     Config
		pollers int
		send    []Sent
		want    []handed // by time, and then by what they hold
	}{
		{"no window", Config{Batch: 2}, 1, sent(0, 3), []handed{{0, "0 1"}, {0, "2"}}},
		{"a full batch does not wait", Config{Batch: 2, Window: window}, 1, sent(0, 3), []handed{{0, "0 1"}, {window, "2"}}},
		{"pollers share what comes", Config{Batch: 9, Window: window}, 2, sent(0, 5), []handed{{window, "0 3"}, {window, "1 2 4"}}},
		{"a delay", Config{Batch: 2}, 1, append(sent(0, 1), sent(delay, 1)...), []handed{{0, "0"}, {delay, "0"}}},
		{"what is not deleted", Config{Batch: 1}, 1, []Sent{{Body: "kept"}}, []handed{{0, "kept"}, {visibility, "kept"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.cfg.Visibility = visibility
				q, began := NewQueue(tt.cfg), time.Now()
				batches := make(chan handed, len(tt.want))
				ctx, cancel := context.WithCancel(t.Context())
				for range tt.pollers {
					go func() {
						for batch := q.receive(ctx); batch != nil; batch = q.receive(ctx) {
							batches <- handed{time.Since(began), q.process(batch)}
						}
					}()
				}
				synctest.Wait()
				q.Send(tt.send)
				var got []handed
				for range tt.want {
					got = append(got, <-batches)
				}
				cancel()
				slices.SortFunc(got, func(a, b handed) int {
					return cmp.Or(cmp.Compare(a.After, b.After), strings.Compare(a.Bodies, b.Bodies))
				})
				if diff := gocmp.Diff(tt.want, got); diff != "" {
					t.Errorf("batches (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// sent are n messages, delayed by so much.
func sent(delay time.Duration, n int) []Sent {
	var list []Sent
	for i := range n {
		list = append(list, Sent{Body: fmt.Sprint(i), Delay: delay})
	}
	return list
}

// process fails "kept" of a batch, and returns its bodies.
func (q *Queue) process(batch []*message) string {
	var bodies []string
	var failures []events.SQSBatchItemFailure
	for _, m := range batch {
		bodies = append(bodies, m.body)
		if m.body == "kept" {
			failures = append(failures, events.SQSBatchItemFailure{ItemIdentifier: m.id})
		}
	}
	q.end(q.begin(batch), failures)
	return strings.Join(bodies, " ")
}
