// Package mapping is SQS's queues, and Lambda's mappings of them to built
// functions, for tests. Each process of a function asks the Lambda Runtime API of
// its queue for a batch, as it does on AWS, so that as many batches are under way
// as there are processes.
//
// What it does as AWS does: a queue delays messages, and one that was handed over
// and not deleted comes back after the visibility timeout; a mapping fills batches
// up to their size while their window is open, and deletes what the function does
// not name among its failures. Not so: its processes are warm when the first
// message comes, and none is ended at the function's timeout.
//
//   - https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
//   - https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
package mapping

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hookline/hookline/internal/test/emulator"
)

// startTimeout is how long processes may take to start on a busy machine.
const startTimeout = time.Minute

// Run starts so many processes of a program, each with env as its environment,
// and returns once all ask for a batch. They end with the test, or with stop.
// Whatever a process says went wrong fails the test.
func (q *Queue) Run(t *testing.T, processes int, program string, env map[string]string) (stop func()) {
	t.Helper()
	api := httptest.NewServer(q.runtimeAPI(t))
	t.Cleanup(api.Close) // after the processes, which wait for it
	own := map[string]string{"AWS_LAMBDA_RUNTIME_API": strings.TrimPrefix(api.URL, "http://")}
	for name, value := range env {
		own[name] = value
	}
	var started []*emulator.Process
	for range processes {
		started = append(started, emulator.Run(t, own, program))
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for q.waiting() < processes {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("%d of %d processes ask for a batch: %s", q.waiting(), processes, started[0].Output())
		}
	}
	return func() {
		for _, p := range started {
			p.Stop()
		}
	}
}

// runtimeAPI is the Lambda Runtime API of all processes of a function.
func (q *Queue) runtimeAPI(t *testing.T) http.Handler {
	const invocation = "/2018-06-01/runtime/invocation/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+invocation+"next", func(w http.ResponseWriter, r *http.Request) {
		if batch := q.receive(r.Context()); batch != nil {
			q.write(w, q.begin(batch), batch)
		}
	})
	mux.HandleFunc("POST "+invocation+"{id}/response", func(w http.ResponseWriter, r *http.Request) {
		var response events.SQSEventResponse
		if err := json.NewDecoder(r.Body).Decode(&response); err != nil {
			t.Errorf("the function's response: %v", err)
		}
		q.end(r.PathValue("id"), response.BatchItemFailures)
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body) // what came of it
		t.Errorf("%s: %s", r.URL.Path, text)
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

// begin begins an invocation with a batch, and returns its id.
func (q *Queue) begin(batch []*message) (id string) {
	id = rand.Text()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.invocations[id] = batch
	return id
}

// write answers a process with an invocation.
func (q *Queue) write(w http.ResponseWriter, id string, batch []*message) {
	var event events.SQSEvent
	for _, m := range batch {
		event.Records = append(event.Records, events.SQSMessage{MessageId: m.id, Body: m.body, EventSource: "aws:sqs"})
	}
	w.Header().Set("Lambda-Runtime-Aws-Request-Id", id)
	w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(q.cfg.Timeout).UnixMilli(), 10))
	_ = json.NewEncoder(w).Encode(event) // to a process that ended; the messages come back
}

// end is the end of an invocation: its messages are deleted, but for those that
// failed.
func (q *Queue) end(id string, failures []events.SQSBatchItemFailure) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.invocations[id] {
		if !slices.Contains(failures, events.SQSBatchItemFailure{ItemIdentifier: m.id}) {
			m.returns.Stop()
		}
	}
	q.failed += len(failures)
	delete(q.invocations, id)
}
