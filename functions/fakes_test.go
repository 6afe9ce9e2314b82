package functions_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/mapping"
	"github.com/hookline/hookline/pkg/queue/sqs"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	queueURL     = "https://sqs.eu-central-1.amazonaws.com/123456789012/attempts"
	slowQueueURL = "https://sqs.eu-central-1.amazonaws.com/123456789012/slow-attempts"
)

// fakeSQS keeps what is sent to it.
type fakeSQS struct {
	url string

	mu   sync.Mutex
	sent []sentMessage
}

// sentMessage is a message as it was sent, and what it says.
type sentMessage struct {
	body  string
	delay int
	queue string
	webhook.Message
}

func startSQS(t *testing.T) *fakeSQS {
	t.Helper()
	q := &fakeSQS{}
	q.url = mapping.StartSQS(t, func(queue string, list []mapping.Sent) {
		if queue != queueURL && queue != slowQueueURL {
			t.Errorf("messages are sent to %s", queue)
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, s := range list {
			m, err := sqs.Decode(s.Body)
			if err != nil || s.Group != m.Account.String() {
				t.Errorf("message %s of group %s: %v", s.Body, s.Group, err)
			}
			q.sent = append(q.sent, sentMessage{s.Body, int(s.Delay / time.Second), queue, m})
		}
	})
	return q
}

// to lists the messages that were sent for an account.
func (q *fakeSQS) to(a webhook.Account) []sentMessage {
	q.mu.Lock()
	defer q.mu.Unlock()
	var own []sentMessage
	for _, m := range q.sent {
		if m.Account == a {
			own = append(own, m)
		}
	}
	return own
}

// endpoint is where customers receive, over TLS.
type endpoint struct {
	url string
	// certificate is the file of what its callers have to trust.
	certificate string

	mu       sync.Mutex
	status   int
	received []received
	wait     func(context.Context) // before a response
}

// received is a request that arrived.
type received struct {
	header http.Header
	body   []byte
}

func startEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{status: http.StatusOK}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost {
			t.Errorf("%s %s arrives: %v", r.Method, r.URL, err)
		}
		if r.ProtoMajor != 1 {
			t.Errorf("%s arrives: the functions are built without it (Makefile), as docs/limits.md says", r.Proto)
		}
		e.mu.Lock()
		e.received = append(e.received, received{r.Header.Clone(), body})
		status, wait := e.status, e.wait
		e.mu.Unlock()
		if wait != nil {
			wait(r.Context())
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	server.EnableHTTP2 = true // as receivers have it; the functions have not, and must not say so
	server.StartTLS()
	t.Cleanup(server.Close)
	e.url = server.URL
	e.certificate = certificateFile(t, server)
	return e
}

// response has every request from now on answered with status.
func (e *endpoint) response(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = status
}

// before has wait return before any request from now on is answered; nil has
// none wait.
func (e *endpoint) before(wait func(called context.Context)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wait = wait
}

// take returns the requests that arrived since it was called last.
func (e *endpoint) take() []received {
	e.mu.Lock()
	defer e.mu.Unlock()
	taken := e.received
	e.received = nil
	return taken
}
