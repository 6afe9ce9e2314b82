package dynamostore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	secretKey = "do-not-show-this-secret-key"
	sealedKey = "do-not-show-this-sealed-key"
)

// step plays DynamoDB, and the network before it, for one request.
type step func(r *http.Request) (*http.Response, error)

// script answers each request with its next step, and the last step for ever.
type script struct {
	steps  []step
	bodies []string
	pauses []time.Duration
}

func (s *script) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.bodies = append(s.bodies, string(body))
	return s.steps[min(len(s.bodies), len(s.steps))-1](r)
}

// newScripted gives a store to which the steps answer. It pauses as long as it
// may between tries, and notes how long.
func newScripted(t *testing.T, steps ...step) (*Store, *script) {
	t.Helper()
	sc := &script{steps: steps}
	client, err := NewClient(ClientConfig{
		Region:      "eu-central-1",
		Credentials: StaticCredentials{AccessKeyID: "AKID", SecretAccessKey: webhook.NewSecret(secretKey)},
		HTTPClient:  sc,
	})
	if err != nil {
		t.Fatal(err)
	}
	tokens := 0
	s, err := New(Config{
		Client: client, Table: "webhooks", Deliveries: "deliveries",
		Jitter: func(below time.Duration) time.Duration {
			sc.pauses = append(sc.pauses, below)
			return below
		},
		RequestToken: func() string { tokens++; return fmt.Sprintf("token-%d", tokens) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, sc
}

// connect tells the request's trace that a connection was asked for, and got.
func connect(r *http.Request) {
	trace := httptrace.ContextClientTrace(r.Context())
	trace.GetConn(r.URL.Host)
	trace.GotConn(httptrace.GotConnInfo{})
}

// says answers with the status and body.
func says(status int, body string) step {
	return func(r *http.Request) (*http.Response, error) {
		connect(r)
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
		}, nil
	}
}

// refuses answers 400 with an error code.
func refuses(code string) step {
	return says(http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#`+code+`","message":"m"}`)
}

// cancels answers that a transaction was cancelled, with these reasons.
func cancels(reasons ...string) step {
	return says(http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
		`"Message":"m","CancellationReasons":[`+strings.Join(reasons, ",")+`]}`)
}

func reason(code string) string { return `{"Code":"` + code + `"}` }

// holds is the reason that the event is held by a webhook of that id.
func holds(event, id string) string {
	return `{"Code":"ConditionalCheckFailed","Item":` + oldItem(event, id) + `}`
}

func oldItem(event, id string) string {
	return fmt.Sprintf(`{"pk":{"S":"A#abbeycross#fleet-7"},"sk":{"S":"E#%[1]s"},"i":{"S":"%[2]s"},"q":{"S":"claim-%[2]s"},`+
		`"u":{"S":"https://old.example"},"v":{"N":"4"},"c":{"N":"1000"},"m":{"N":"2000"}}`, event, id)
}

// fails breaks the connection after the request was sent.
func fails(err error) step {
	return func(r *http.Request) (*http.Response, error) {
		connect(r)
		return nil, err
	}
}

// unreachable never gets a connection.
func unreachable(r *http.Request) (*http.Response, error) {
	httptrace.ContextClientTrace(r.Context()).GetConn(r.URL.Host)
	return nil, errors.New("tls: handshake failure")
}

// undialled is the same with a transport that has no trace.
func undialled(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
}

// silent takes the request and never answers.
func silent(r *http.Request) (*http.Response, error) {
	connect(r)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// after runs do, then plays next.
func after(do func(), next step) step {
	return func(r *http.Request) (*http.Response, error) {
		do()
		return next(r)
	}
}

func testWebhook(event, id string) webhook.Webhook {
	return webhook.Webhook{
		Account: testAccount, Event: event, ID: id, Claim: "new-claim", URL: "https://new.example/do-not-show", SealedKey: []byte(sealedKey),
		Version: 1, CreatedAt: testTime,
	}
}

func single() webhook.Creation {
	return webhook.Creation{Webhooks: []webhook.Webhook{testWebhook("a", "new-a")}}
}

func pair() webhook.Creation {
	return webhook.Creation{Webhooks: []webhook.Webhook{testWebhook("a", "new-a"), testWebhook("b", "new-b")}}
}

// kinds are all errors that an outcome may be.
var kinds = []error{
	webhook.ErrTaken, webhook.ErrExcluded, webhook.ErrChanged, webhook.ErrUnavailable, webhook.ErrUnknownOutcome,
	webhook.ErrInvalid, webhook.ErrNotFound, webhook.ErrExists, ErrNoTable, context.Canceled, context.DeadlineExceeded,
}

// mustBe fails the test unless err is of exactly the wanted kinds, and shows
// nothing secret.
func mustBe(t *testing.T, err error, want ...error) {
	t.Helper()
	for _, kind := range kinds {
		wanted := false
		for _, w := range want {
			wanted = wanted || w == kind //nolint:errorlint // the sentinels themselves
		}
		if errors.Is(err, kind) != wanted {
			t.Errorf("error %q: is %q = %t, want %t", err, kind, !wanted, wanted)
		}
	}
	if err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, err), "do-not-show") {
		t.Errorf("error shows a secret: %v", err)
	}
}

// requestToken reads the ClientRequestToken of a request's body, and gives the
// rest in a form that can be compared.
func requestToken(t *testing.T, body string) (token, rest string) {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	token, _ = fields["ClientRequestToken"].(string)
	sorted, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return token, string(sorted)
}
