package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/functions/internal/worker"
	"github.com/hookline/hookline/internal/test/workertest"
	"github.com/hookline/hookline/pkg/webhook"
)

// complete is an environment that lacks nothing.
func complete() map[string]string {
	return workertest.Environment(map[string]string{"AWS_SESSION_TOKEN": "hush hush", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:2"})
}

func TestOpen(t *testing.T) {
	c, err := start.Read[worker.Config](complete())
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(shown, "hush") {
		t.Errorf("the configuration shows a secret: %s", shown)
	}
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusBadRequest)
	}))
	defer server.Close()
	c.SQSEndpoint = server.URL
	store, queue, err := c.Open(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil || store == nil {
		t.Fatalf("open: %v, %v", store, err)
	}
	now := time.Now()
	first := webhook.Delivery{Account: webhook.Account{API: "squake", ID: "acme"}, Event: "order", EventID: "1", Time: now, Next: now}
	for fast, variable := range map[bool]string{true: "HOOKLINE_QUEUE_URL", false: "HOOKLINE_SLOW_QUEUE_URL"} {
		m := first.Message()
		m.Fast = fast
		if err := queue.Send(t.Context(), []webhook.Message{m}); err == nil {
			t.Error("a refused message is no error")
		}
		if !bytes.Contains(body, []byte(`"`+complete()[variable]+`"`)) {
			t.Errorf("SQS is sent %s, want a message to %s", body, variable)
		}
	}
}

func TestWithin(t *testing.T) {
	end := time.Now().Add(time.Hour)
	function, stop := context.WithDeadline(t.Context(), end)
	defer stop()
	ctx, cancel := worker.Within(function, 5*time.Second)
	defer cancel()
	if got, ok := ctx.Deadline(); !ok || !got.Equal(end.Add(-5*time.Second)) {
		t.Errorf("deadline %v, %v; want 5 s before %v", got, ok, end)
	}
	endless, cancel := worker.Within(t.Context(), 5*time.Second)
	if got, ok := endless.Deadline(); ok {
		t.Errorf("a context without a deadline gets %v", got)
	}
	cancel()
	if endless.Err() == nil {
		t.Error("it cannot be cancelled")
	}
}
