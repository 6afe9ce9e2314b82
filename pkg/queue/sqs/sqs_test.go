package sqs

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/hookline/hookline/pkg/webhook"
)

func TestNewNeedsItsParts(t *testing.T) {
	_, err := New(Config{})
	if !errors.Is(err, webhook.ErrInvalid) {
		t.Fatalf("New = %v", err)
	}
	for _, part := range []string{"client", "queue URL", "clock"} {
		if !strings.Contains(err.Error(), "no "+part) {
			t.Errorf("%v does not name the %s", err, part)
		}
	}
}

// Everything sent arrives once and whole, ten a request.
func TestTenARequest(t *testing.T) {
	for _, count := range []int{0, 1, 9, 10, 11, 20, 95, 100, 301} {
		fake, q := startSQS(t)
		if err := q.Send(t.Context(), messages(count)); err != nil {
			t.Fatal(err)
		}
		if want := (count + 9) / 10; fake.count() != want {
			t.Errorf("%d messages: %d requests, want %d", count, fake.count(), want)
		}
		arrived := map[string]bool{}
		for _, e := range fake.arrived() {
			m, err := Decode(e.MessageBody)
			if err != nil {
				t.Fatal(err)
			}
			if want := message(int(m.Attempt) - 1); m != want || arrived[m.ID] {
				t.Errorf("arrived: %+v, want %+v once", m, want)
			}
			if e.MessageGroupID != m.Account.String() {
				t.Errorf("message of %v in the group %q", m.Account, e.MessageGroupID)
			}
			arrived[m.ID] = true
		}
		if len(arrived) != count {
			t.Errorf("%d of %d messages arrived", len(arrived), count)
		}
	}
}

// Only messages that say that they are fast are sent to the fast queue. A stack
// with one queue has them all in it.
func TestLanes(t *testing.T) {
	fake, two := startSQS(t)
	alone := fake.config
	alone.SlowQueueURL = ""
	one, err := New(alone)
	if err != nil {
		t.Fatal(err)
	}
	list := messages(24)
	for i := range list {
		list[i].Fast = i < 11
	}
	for q, want := range map[*Queue]map[string]int{
		two: {queueURL: 11, slowURL: 13},
		one: {queueURL: 24},
	} {
		before := len(fake.arrived())
		if err := q.Send(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, e := range fake.arrived()[before:] {
			got[e.queue]++
			if m, err := Decode(e.MessageBody); err != nil || q == two && (m.Attempt <= 11) != (e.queue == queueURL) {
				t.Errorf("%+v, %v is sent to %s", m, err, e.queue)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("sent %v, want %v", got, want)
		}
	}
}

// The delay is rounded up to the second, so that no message comes early.
func TestDelays(t *testing.T) {
	for ahead, want := range map[time.Duration]int{
		-time.Hour: 0, 0: 0, 1: 1, time.Millisecond: 1, time.Second: 1, time.Second + 1: 2, 90 * time.Second: 90,
		899*time.Second + 1: 900, maxDelay: 900,
	} {
		fake, q := startSQS(t)
		m := message(0)
		m.At = start.Add(ahead)
		if err := q.Send(t.Context(), []webhook.Message{m}); err != nil {
			t.Fatal(err)
		}
		if got := fake.arrived()[0].DelaySeconds; got != want {
			t.Errorf("%v ahead: DelaySeconds %d, want %d", ahead, got, want)
		}
	}
}

// Messages that are wrong do not keep the others from being sent.
func TestWrongMessages(t *testing.T) {
	fake, q := startSQS(t)
	list := messages(4)
	list[1].At = start.Add(maxDelay + 1)
	list[2].Event = ""
	err := q.Send(t.Context(), list)
	if !errors.Is(err, webhook.ErrInvalid) || !strings.Contains(err.Error(), "2 of 4 messages not taken") {
		t.Errorf("Send = %v", err)
	}
	if len(fake.arrived()) != 2 {
		t.Errorf("%d messages arrived, want 2", len(fake.arrived()))
	}
}

// What SQS refuses of a batch is counted, with its reason and whose error it
// is, and without SQS's words.
func TestPartialFailure(t *testing.T) {
	fake, q := startSQS(t)
	fake.refuse = func(e entryRequest) *entryError {
		switch e.ID {
		case "3":
			return &entryError{Code: "InternalError", Message: "body was " + e.MessageBody}
		case "7":
			return &entryError{Code: "InvalidMessageContents", Message: "body was " + e.MessageBody, SenderFault: true}
		}
		return nil
	}
	err := q.Send(t.Context(), messages(25))
	if err == nil {
		t.Fatal("Send hides what was refused")
	}
	for _, want := range []string{"5 of 25 messages not taken", "InternalError, an error of SQS", "InvalidMessageContents, an error of Hookline"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "order.created") {
		t.Errorf("%v shows a message", err)
	}
	if fake.count() != 3 {
		t.Errorf("%d requests, want 3", fake.count())
	}
}

// An answer that says nothing of some messages does not pass for success.
func TestSilenceIsNoSuccess(t *testing.T) {
	fake, q := startSQS(t)
	fake.before = func(w http.ResponseWriter, _ int) bool {
		_, _ = w.Write([]byte(`{}`))
		return true
	}
	if err := q.Send(t.Context(), messages(3)); err == nil || !strings.Contains(err.Error(), "3 of 3") {
		t.Errorf("Send = %v", err)
	}
}

// Throttling, errors of SQS and lost answers are tried again, three times in
// all; refusals are not.
func TestTries(t *testing.T) {
	say := func(status int, code string) func(http.ResponseWriter, int) bool {
		return func(w http.ResponseWriter, _ int) bool { return decline(w, status, code) }
	}
	for name, tt := range map[string]struct {
		response func(http.ResponseWriter, int) bool
		failures int // how often it answers so
		requests int
		ok       bool
	}{
		"throttled":          {say(400, "RequestThrottled"), 2, 3, true},
		"throttled for ever": {say(400, "ThrottlingException"), 9, 3, false},
		"an error of SQS":    {say(503, "ServiceUnavailable"), 1, 2, true},
		"a lost answer":      {drop, 2, 3, true},
		"no answer":          {drop, 9, 3, false},
		"refused":            {say(403, "AccessDenied"), 9, 1, false},
		"no such queue":      {say(400, "QueueDoesNotExist"), 9, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the SDK pauses between tries
			fake, q := startSQS(t)
			fake.before = func(w http.ResponseWriter, n int) bool { return n <= tt.failures && tt.response(w, n) }
			err := q.Send(t.Context(), messages(10))
			if (err == nil) != tt.ok || fake.count() != tt.requests {
				t.Errorf("Send = %v after %d requests, want success %t after %d", err, fake.count(), tt.ok, tt.requests)
			}
			if err != nil && (!strings.Contains(err.Error(), "10 of 10 messages not taken") || strings.Contains(err.Error(), secretKey)) {
				t.Errorf("error: %v", err)
			}
		})
	}
}

// A connection on which nothing comes, such as one that died while the
// function was frozen, is given up in time for another try.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	fake, q := startSQS(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) }) // before the server closes
	fake.before = func(_ http.ResponseWriter, n int) bool {
		if n == 1 {
			<-release
		}
		return n == 1
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // what a publisher waits
	defer cancel()
	if err := q.Send(ctx, messages(3)); err != nil || len(fake.arrived()) != 3 {
		t.Errorf("Send = %v, %d messages arrived", err, len(fake.arrived()))
	}
}

// One batch's failure does not keep the others from being sent.
func TestBatchesFailAlone(t *testing.T) {
	fake, q := startSQS(t)
	fake.before = func(w http.ResponseWriter, n int) bool { return n == 2 && decline(w, 403, "AccessDenied") }
	err := q.Send(t.Context(), messages(45))
	if err == nil || !(strings.Contains(err.Error(), "10 of 45") || strings.Contains(err.Error(), "5 of 45")) {
		t.Errorf("Send = %v", err)
	}
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "AccessDenied" {
		t.Errorf("%v does not wrap SQS's error", err)
	}
	if fake.count() != 5 {
		t.Errorf("%d requests, want 5", fake.count())
	}
}

// The end of the caller's context ends the sending, tries that hang included.
func TestContextEnds(t *testing.T) {
	fake, q := startSQS(t)
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	var once sync.Once
	fake.before = func(http.ResponseWriter, int) bool {
		once.Do(cancel)
		<-release
		return true
	}
	if err := q.Send(ctx, messages(30)); !errors.Is(err, context.Canceled) {
		t.Errorf("Send = %v", err)
	}
}

// At most so many batches are on their way at once, and that many are.
func TestBatchesAtOnce(t *testing.T) {
	fake, q := startSQS(t)
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	fake.before = func(http.ResponseWriter, int) bool {
		arrived <- struct{}{}
		<-release
		return false
	}
	sent := make(chan error)
	go func() { sent <- q.Send(t.Context(), messages(300)) }()
	for range atOnce {
		<-arrived
	}
	if n := len(arrived); n != 0 {
		t.Errorf("%d batches at once", atOnce+n)
	}
	close(release)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if len(fake.arrived()) != 300 {
		t.Errorf("%d messages arrived", len(fake.arrived()))
	}
}

func TestLeaseIsForAll(t *testing.T) {
	_, q := startSQS(t)
	if got, ok := q.Lease(message(0).EventKey()); got != 2*time.Minute || !ok || q.Full() {
		t.Errorf("Lease = %v", got)
	}
}

// A Lambda function that uses the queue links none of what makes it large or
// slow to start.
func TestStaysSmall(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	deps := string(out)
	if !strings.Contains(deps, "github.com/aws/aws-sdk-go-v2/service/sqs\n") {
		t.Fatalf("go list does not show the SQS client:\n%s", deps)
	}
	for _, unwanted := range []string{
		"aws-sdk-go-v2/config", "aws-sdk-go-v2/credentials", "feature/ec2/imds", "service/sso", "service/sts",
		"service/dynamodb", "service/kms", "modernc.org", "\ntesting\n",
	} {
		if strings.Contains(deps, unwanted) {
			t.Errorf("the queue depends on %q", strings.TrimSpace(unwanted))
		}
	}
}
