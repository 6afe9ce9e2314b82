package functions_test

import (
	"context"
	"crypto/md5" // SQS has it of each message
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/hookline/hookline/pkg/queue/sqs"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	queueURL     = "https://sqs.eu-central-1.amazonaws.com/123456789012/attempts"
	slowQueueURL = "https://sqs.eu-central-1.amazonaws.com/123456789012/slow-attempts"
)

// fakeSQS takes messages as SendMessageBatch of SQS's JSON protocol does, and
// keeps them.
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

type sendBatch struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []struct {
		ID             string `json:"Id"`
		MessageBody    string
		MessageGroupID string `json:"MessageGroupId"`
		DelaySeconds   int
	}
}

type sentEntry struct {
	ID        string `json:"Id"`
	MessageID string `json:"MessageId"`
	MD5       string `json:"MD5OfMessageBody"`
}

func startSQS(t *testing.T) *fakeSQS {
	t.Helper()
	q := &fakeSQS{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in sendBatch
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "AmazonSQS.SendMessageBatch" {
			t.Errorf("SQS is asked for %s: %v", r.Header.Get("X-Amz-Target"), err)
		}
		if in.QueueURL != queueURL && in.QueueURL != slowQueueURL || len(in.Entries) < 1 || len(in.Entries) > 10 {
			t.Errorf("%d messages to %s", len(in.Entries), in.QueueURL)
		}
		var out struct{ Successful []sentEntry }
		for _, entry := range in.Entries {
			digest := md5.Sum([]byte(entry.MessageBody))
			out.Successful = append(out.Successful, sentEntry{entry.ID, "id-" + entry.ID, hex.EncodeToString(digest[:])})
			m, err := sqs.Decode(entry.MessageBody)
			if err != nil || entry.MessageGroupID != m.Account.String() || entry.DelaySeconds < 0 || entry.DelaySeconds > 900 {
				t.Errorf("message %s of group %s, delayed by %d s: %v", entry.MessageBody, entry.MessageGroupID, entry.DelaySeconds, err)
			}
			q.mu.Lock()
			q.sent = append(q.sent, sentMessage{entry.MessageBody, entry.DelaySeconds, in.QueueURL, m})
			q.mu.Unlock()
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if err := json.NewEncoder(w).Encode(out); err != nil {
			t.Errorf("SQS: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	q.url = server.URL
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
