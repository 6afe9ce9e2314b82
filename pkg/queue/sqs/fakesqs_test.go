package sqs

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	queueURL  = "https://sqs.eu-central-1.amazonaws.com/111122223333/attempts"
	slowURL   = "https://sqs.eu-central-1.amazonaws.com/111122223333/attempts-slow"
	secretKey = "do-not-show-this-secret-key"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// batchRequest is SendMessageBatch as it is on the wire.
type batchRequest struct {
	QueueURL string         `json:"QueueUrl"`
	Entries  []entryRequest `json:"Entries"`
}

type entryRequest struct {
	ID           string `json:"Id"`
	MessageBody  string
	DelaySeconds int
	// MessageGroupID is spelled as on the wire by its tag.
	MessageGroupID string `json:"MessageGroupId"`
	// queue is the URL of the queue that it was sent to.
	queue string
}

type entryResponse struct {
	ID               string `json:"Id"`
	MessageID        string `json:"MessageId"`
	MD5OfMessageBody string `json:"MD5OfMessageBody"`
}

type entryError struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

// fakeSQS speaks SendMessageBatch of SQS's JSON protocol. It checks each
// request as AWS does.
type fakeSQS struct {
	config Config // of queues that send to it

	// before answers in its place when it gives true, with the number of the
	// request from 1.
	before func(w http.ResponseWriter, n int) bool
	// refuse gives the fault of an entry; nil for none.
	refuse func(entryRequest) *entryError

	mu         sync.Mutex
	requests   int
	got        []entryRequest
	violations []string
}

func startSQS(t *testing.T) (*fakeSQS, *Queue) {
	t.Helper()
	fake := &fakeSQS{}
	server := httptest.NewServer(fake)
	t.Cleanup(func() {
		server.Close()
		fake.mu.Lock()
		defer fake.mu.Unlock()
		for _, err := range fake.violations {
			t.Error("request:", err)
		}
	})
	fake.config = Config{
		Client: NewClient(ClientConfig{
			Region: "eu-central-1",
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: secretKey}, nil
			}),
			Endpoint: server.URL,
		}),
		QueueURL: queueURL, SlowQueueURL: slowURL,
		Now: func() time.Time { return start },
	}
	q, err := New(fake.config)
	if err != nil {
		t.Fatal(err)
	}
	return fake, q
}

// count is how many requests came, and arrived what was taken of them.
func (f *fakeSQS) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

func (f *fakeSQS) arrived() []entryRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got
}

func (f *fakeSQS) faultf(format string, args ...any) {
	f.violations = append(f.violations, fmt.Sprintf(format, args...))
}

func (f *fakeSQS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests++
	n := f.requests
	f.mu.Unlock()
	if f.before != nil && f.before(w, n) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if target := r.Header.Get("X-Amz-Target"); r.Method != http.MethodPost || target != "AmazonSQS.SendMessageBatch" {
		f.faultf("%s %s", r.Method, target)
	}
	if auth := r.Header.Get("Authorization"); !strings.Contains(auth, "/eu-central-1/sqs/aws4_request") {
		f.faultf("signed by %q", auth)
	}
	var in batchRequest
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		f.faultf("body: %v", err)
	}
	f.response(w, in)
}

func (f *fakeSQS) response(w http.ResponseWriter, in batchRequest) {
	if in.QueueURL != queueURL && in.QueueURL != slowURL || len(in.Entries) == 0 || len(in.Entries) > 10 {
		f.faultf("%d entries to %q", len(in.Entries), in.QueueURL)
	}
	var out struct {
		Successful []entryResponse `json:",omitempty"`
		Failed     []entryError    `json:",omitempty"`
	}
	ids := map[string]bool{}
	for _, e := range in.Entries {
		if ids[e.ID] || e.DelaySeconds < 0 || e.DelaySeconds > 900 || e.MessageGroupID == "" || len(e.MessageGroupID) > 128 {
			f.faultf("entry %+v", e)
		}
		ids[e.ID] = true
		if f.refuse != nil {
			if err := f.refuse(e); err != nil {
				err.ID = e.ID
				out.Failed = append(out.Failed, *err)
				continue
			}
		}
		e.queue = in.QueueURL
		f.got = append(f.got, e)
		sum := md5.Sum([]byte(e.MessageBody))
		out.Successful = append(out.Successful, entryResponse{ID: e.ID, MessageID: "m-" + e.ID, MD5OfMessageBody: hex.EncodeToString(sum[:])})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(out)
}

// decline answers with an error of SQS's.
func decline(w http.ResponseWriter, status int, code string) bool {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.sqs#%s","message":"no"}`, code)
	return true
}

// drop ends the connection without an answer.
func drop(http.ResponseWriter, int) bool { panic(http.ErrAbortHandler) }

func message(n int) webhook.Message {
	return webhook.Message{
		Account: webhook.Account{API: "squake", ID: fmt.Sprint("acme-", n%3)},
		ID:      fmt.Sprintf("%044x", n), Event: "order.created", Attempt: int64(n + 1),
		At: start.Add(time.Duration(n) * time.Millisecond), PayloadRef: "5f",
	}
}

func messages(count int) []webhook.Message {
	list := make([]webhook.Message, count)
	for i := range list {
		list[i] = message(i)
	}
	return list
}
