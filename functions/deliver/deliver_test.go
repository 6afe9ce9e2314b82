package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/internal/test/workertest"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/queue/sqs"
	"github.com/hookline/hookline/pkg/webhook"
)

// environment is a whole one, with changes; an empty value takes one away.
func environment(changes map[string]string) map[string]string {
	return workertest.Environment(map[string]string{"HOOKLINE_SEALING_KEY_ARN": "arn:aws:kms:eu-central-1:111122223333:key/1"}, changes)
}

func TestStart(t *testing.T) {
	h, err := build(t.Context(), environment(map[string]string{"HOOKLINE_ALLOW_HTTP": "true"}), slog.New(slog.DiscardHandler))
	if err != nil || h.attempt == nil {
		t.Errorf("start: %v, %v", h, err)
	}
}

// What the environment says of targets reaches the sender.
func TestSender(t *testing.T) {
	c, err := start.Read[config](environment(map[string]string{"HOOKLINE_ALLOW_HTTP": "true", "HOOKLINE_ALLOW_NETWORK": "10.20.0.0/16"}))
	if got := c.sender(); err != nil || !got.AllowHTTP || got.AllowPrivate || len(got.AllowNetworks) != 1 || got.AllowNetworks[0].String() != "10.20.0.0/16" {
		t.Errorf("sender of %+v, %v", got, err)
	}
}

// Everything that is wrong is named at once, and no secret is shown.
func TestStartNamesEveryFault(t *testing.T) {
	workertest.NamesFaults(t, build, environment(map[string]string{
		"HOOKLINE_DELIVERIES_TABLE": "", "HOOKLINE_QUEUE_URL": "", "HOOKLINE_SLOW_QUEUE_URL": "", "HOOKLINE_SEALING_KEY_ARN": "",
		"HOOKLINE_ALLOW_HTTP": "perhaps", "HOOKLINE_ALLOW_PRIVATE": "2", "HOOKLINE_ALLOW_NETWORK": "hush",
	}),
		"HOOKLINE_DELIVERIES_TABLE: must be set", "HOOKLINE_QUEUE_URL: must be set", "HOOKLINE_SLOW_QUEUE_URL: must be set", "HOOKLINE_SEALING_KEY_ARN: must be set",
		"HOOKLINE_ALLOW_HTTP: must be true or false", "HOOKLINE_ALLOW_PRIVATE: must be true or false", "HOOKLINE_ALLOW_NETWORK: must be networks")
}

// message is one of the queue's, for attempt n of some delivery.
func message(t *testing.T, id string, n int64) events.SQSMessage {
	t.Helper()
	event := webhook.Event{Account: webhook.Account{API: "squake", ID: "acme"}, Name: "order", ID: id, Time: time.Unix(1_700_000_000, 0)}
	body, err := sqs.Encode(webhook.Message{
		Account: event.Account, ID: event.DeliveryID(), Event: event.Name, Attempt: n, At: event.Time,
	})
	if err != nil {
		t.Fatal(err)
	}
	return events.SQSMessage{MessageId: id, Body: body}
}

// A batch goes back in part: what could not be read, what failed by a fault of
// our own, and what panicked, each alone. What there was nothing to do for, and
// attempts that failed, do not.
func TestDeliverSendsBackWhatFailedAlone(t *testing.T) {
	var logged bytes.Buffer
	h := &handler{log: slog.New(slog.NewJSONHandler(&logged, nil)), attempt: func(_ context.Context, m webhook.Message) (delivery.Outcome, error) {
		switch m.Attempt {
		case 2:
			return delivery.Failed, nil
		case 3:
			return delivery.Dropped, fmt.Errorf("table: %w", webhook.ErrUnavailable)
		case 4:
			panic("torn")
		}
		return delivery.Delivered, nil
	}}
	batch := events.SQSEvent{Records: []events.SQSMessage{
		message(t, "taken", 1), {MessageId: "unreadable", Body: `{"v":1,"account":"squake:acme hunter2"}`},
		message(t, "missed", 2), message(t, "fault", 3), message(t, "panic", 4), message(t, "taken too", 1),
	}}
	response, err := h.Deliver(t.Context(), batch)
	if err != nil {
		t.Fatalf("the whole batch goes back: %v", err)
	}
	want := []events.SQSBatchItemFailure{{ItemIdentifier: "unreadable"}, {ItemIdentifier: "fault"}, {ItemIdentifier: "panic"}}
	if diff := cmp.Diff(want, response.BatchItemFailures); diff != "" {
		t.Errorf("what goes back (-want +got):\n%s", diff)
	}
	lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("logged %d lines, want one for each that goes back:\n%s", len(lines), &logged)
	}
	for i, text := range []string{"decode message", webhook.ErrUnavailable.Error(), "panic: torn"} {
		if !strings.Contains(lines[i], `"level":"ERROR","msg":"message returned to queue"`) || !strings.Contains(lines[i], text) || !strings.Contains(lines[i], want[i].ItemIdentifier) {
			t.Errorf("line %d is %s, want %q of %s", i, lines[i], text, want[i].ItemIdentifier)
		}
	}
	if strings.Contains(logged.String(), "hunter2") {
		t.Errorf("the log shows what a message holds: %s", &logged)
	}
}

// An empty list, not null: Lambda takes anything else for a failed batch.
func TestDeliverResponsesAnEmptyList(t *testing.T) {
	h := &handler{log: slog.New(slog.DiscardHandler), attempt: func(context.Context, webhook.Message) (delivery.Outcome, error) {
		return delivery.Dropped, nil
	}}
	response, err := h.Deliver(t.Context(), events.SQSEvent{Records: []events.SQSMessage{message(t, "a", 1)}})
	if err != nil || response.BatchItemFailures == nil || len(response.BatchItemFailures) > 0 {
		t.Errorf("answer %+v, %v", response, err)
	}
}

// The attempts of a batch are made side by side: in turn, or some at a time,
// they would wait for each other for ever, which the bubble takes for a failure.
func TestDeliverMakesAttemptsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 100 // of the slow lane
		var all sync.WaitGroup
		all.Add(size)
		h := &handler{log: slog.New(slog.DiscardHandler), attempt: func(context.Context, webhook.Message) (delivery.Outcome, error) {
			all.Done()
			all.Wait()
			return delivery.Delivered, nil
		}}
		var batch events.SQSEvent
		for i := range size {
			batch.Records = append(batch.Records, message(t, fmt.Sprint(i), 1))
		}
		if response, err := h.Deliver(t.Context(), batch); err != nil || len(response.BatchItemFailures) > 0 {
			t.Errorf("answer %+v, %v", response, err)
		}
	})
}

// An attempt that outlasts the function's time is cut off before it, and goes
// back alone.
func TestDeliverEndsBeforeTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lifetime = time.Minute
		h := &handler{log: slog.New(slog.DiscardHandler), attempt: func(ctx context.Context, m webhook.Message) (delivery.Outcome, error) {
			if m.Attempt == 1 {
				return delivery.Delivered, nil
			}
			<-ctx.Done()
			return delivery.Dropped, ctx.Err()
		}}
		ctx, cancel := context.WithTimeout(t.Context(), lifetime)
		defer cancel()
		began := time.Now()
		response, err := h.Deliver(ctx, events.SQSEvent{Records: []events.SQSMessage{message(t, "quick", 1), message(t, "hangs", 2)}})
		if err != nil || len(response.BatchItemFailures) != 1 || response.BatchItemFailures[0].ItemIdentifier != "hangs" {
			t.Errorf("answer %+v, %v; want that just one goes back", response, err)
		}
		if took := time.Since(began); took != lifetime-reserve {
			t.Errorf("took %v, want %v", took, lifetime-reserve)
		}
	})
}
