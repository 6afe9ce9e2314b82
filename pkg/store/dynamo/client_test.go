package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

func TestClientAndStoreNeedTheirParts(t *testing.T) {
	static := StaticCredentials{AccessKeyID: "AKID", SecretAccessKey: webhook.NewSecret(secretKey)}
	for name, c := range map[string]ClientConfig{
		"no region":      {Credentials: static},
		"no credentials": {Region: "eu-central-1"},
	} {
		if _, err := NewClient(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error = %v", name, err)
		} else {
			mustBe(t, err, webhook.ErrInvalid)
		}
	}
	client, err := NewClient(ClientConfig{Region: "eu-central-1", Credentials: static})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{"no client": {Table: "t"}, "no table": {Client: client}} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error = %v", name, err)
		} else {
			mustBe(t, err, webhook.ErrInvalid)
		}
	}
}

// Missing credentials are our own fault, told before anything is sent; present
// ones never show.
func TestCredentials(t *testing.T) {
	empty := StaticCredentials{AccessKeyID: "AKID"}
	sc := &script{steps: []step{says(http.StatusOK, `{}`)}}
	client, err := NewClient(ClientConfig{Region: "eu-central-1", Credentials: empty, HTTPClient: sc})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Client: client, Table: "webhooks"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Create(t.Context(), single())
	if mustBe(t, err); err == nil || len(sc.bodies) != 0 {
		t.Errorf("without a secret: error = %v after %d requests", err, len(sc.bodies))
	}
	full := StaticCredentials{AccessKeyID: "AKID", SecretAccessKey: webhook.NewSecret(secretKey)}
	if shown := fmt.Sprintf("%v %+v %#v", full, full, full); strings.Contains(shown, secretKey) {
		t.Errorf("credentials show their secret: %s", shown)
	}
}

// A clock that is wrong is set right by the answer, and the request is made
// again with that.
func TestWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dates []string
		note := func(next step) step {
			return func(r *http.Request) (*http.Response, error) {
				dates = append(dates, r.Header.Get("X-Amz-Date"))
				resp, err := next(r)
				resp.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
				return resp, err
			}
		}
		s, _ := newScripted(t, note(refuses("InvalidSignatureException")), note(says(http.StatusOK, `{}`)))
		if _, err := s.Create(t.Context(), single()); err != nil {
			t.Fatal(err)
		}
		signed, err := time.Parse("20060102T150405Z", dates[1])
		if off := signed.Sub(time.Now().Add(time.Hour)).Abs(); err != nil || off > time.Minute {
			t.Errorf("the second try is signed for %v, %v off the server's clock (%v)", signed, off, err)
		}
	})
}

// A connection is used again, unless it lay idle for long by the wall clock,
// or the clock was set back.
func TestIdleConnectionsAreDropped(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	client := newHTTPClient(func() time.Time { return now })
	t.Cleanup(client.CloseIdleConnections)
	for i, tt := range []struct {
		pass time.Duration
		want int64
	}{{0, 1}, {time.Second, 1}, {maxIdle, 1}, {maxIdle + 1, 2}, {time.Second, 2}, {-time.Minute, 3}, {0, 3}} {
		now = now.Add(tt.pass)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if got := connections.Load(); got != tt.want {
			t.Errorf("request %d, %v after the one before: %d connections, want %d", i, tt.pass, got, tt.want)
		}
	}
}

// Warming up reads under T#, where a register function may, and nowhere else.
func TestWarmReadsNoRealToken(t *testing.T) {
	s, sc := newScripted(t, says(http.StatusOK, `{}`))
	if err := s.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(sc.bodies) != 1 || !strings.Contains(sc.bodies[0], `"pk":{"S":"T#warm"}`) {
		t.Errorf("requests %q, want one read of T#warm", sc.bodies)
	}
}

func TestCreateTableWaits(t *testing.T) {
	ok := says(http.StatusOK, `{}`)
	exists, unseen := refuses("ResourceInUseException"), refuses("ResourceNotFoundException")
	described := func(status, indexes string) step {
		return says(http.StatusOK, `{"Table":{"TableStatus":"`+status+`","GlobalSecondaryIndexes":[`+indexes+`]}}`)
	}
	bare := func(status string) step { return described(status, "") }
	table := func(status string) step {
		return described(status, `{"IndexName":"failing","IndexStatus":"`+status+`"}`)
	}
	indexed := func(status, index string) step {
		return described(status, `{"IndexName":"due","IndexStatus":"`+index+`"}`)
	}
	expiry := func(status string) step {
		return says(http.StatusOK, `{"TimeToLiveDescription":{"TimeToLiveStatus":"`+status+`"}}`)
	}
	for name, tt := range map[string]struct {
		deliveries bool
		steps      []step
	}{
		"one that is made":  {false, []step{ok, table("CREATING"), unseen, table("CREATING"), table("ACTIVE")}},
		"one that is there": {false, []step{exists, table("ACTIVE")}},
		"both made": {true, []step{
			ok, table("ACTIVE"), ok, indexed("CREATING", "CREATING"), indexed("ACTIVE", "ACTIVE"), expiry("DISABLED"), ok,
		}},
		"both there": {true, []step{exists, table("ACTIVE"), exists, indexed("ACTIVE", "ACTIVE"), expiry("ENABLED")}},
		"a lost answer": {true, []step{
			exists, table("ACTIVE"), ok, indexed("ACTIVE", "ACTIVE"), expiry("DISABLED"), silent, expiry("ENABLING"),
		}},
		"without the indexes": {true, []step{
			exists, bare("ACTIVE"), ok, bare("ACTIVE"), table("ACTIVE"),
			exists, table("ACTIVE"), ok, table("ACTIVE"), indexed("UPDATING", "CREATING"),
			indexed("ACTIVE", "CREATING"), indexed("ACTIVE", "ACTIVE"), expiry("ENABLED"),
		}},
		"another adds the index": {true, []step{
			exists, table("ACTIVE"), exists, table("ACTIVE"), exists, indexed("ACTIVE", "ACTIVE"), expiry("ENABLED"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sc := newScriptedTables(t, tt.steps...)
				if !tt.deliveries {
					s.deliveries = nil
				}
				if err := s.create(t.Context()); err != nil || len(sc.bodies) != len(tt.steps) {
					t.Errorf("CreateTable = %v after %d requests, want %d", err, len(sc.bodies), len(tt.steps))
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s, _ := newScriptedTables(t, ok, table("CREATING"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		mustBe(t, s.create(ctx), webhook.ErrUnavailable, context.DeadlineExceeded)
	})
}

// A Lambda function that uses the store links none of what makes it large or
// slow to start.
func TestStaysSmall(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	deps := string(out)
	if !strings.Contains(deps, "github.com/aws/aws-sdk-go-v2/service/dynamodb\n") {
		t.Fatalf("go list does not show the DynamoDB client:\n%s", deps)
	}
	for _, unwanted := range []string{
		"aws-sdk-go-v2/config", "aws-sdk-go-v2/credentials", "feature/ec2/imds", "feature/dynamodb", "service/sso",
		"service/sts", "service/kms", "service/signin", "modernc.org", "\ntesting\n",
	} {
		if strings.Contains(deps, unwanted) {
			t.Errorf("the store depends on %q", strings.TrimSpace(unwanted))
		}
	}
}

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
	made, sc := newScriptedTables(t, steps...)
	return made.Store, sc
}

func newScriptedTables(t *testing.T, steps ...step) (tables, *script) {
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
	return tables{s, client}, sc
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
		Account: testAccount, Event: event, ID: id, RequestID: "new-claim", URL: "https://new.example/do-not-show", SealedKey: []byte(sealedKey),
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
