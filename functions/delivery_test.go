package functions_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/abbeycross"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/api/shoptet"
	"github.com/hookline/hookline/pkg/api/squake"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

// TestDelivery registers webhooks, publishes events, delivers and sweeps with
// the built functions. Each function takes exactly the rights that its role
// has, and neither the tables nor the logs hold a secret or what customers send.
func TestDelivery(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *pipeline)
	}{
		{"attempts", testAttempts},
		{"signed with the keys that were shown", testSigned},
		{"a large payload", testLargePayload},
		{"a message that comes twice", testMessageTwice},
		{"a message that comes early", testMessageEarly},
		{"a webhook deleted meanwhile", testWebhookDeleted},
		{"a batch with messages of no use", testBatch},
		{"a receiver that is gone", testGone},
		{"a receiver that is slow", testSlow},
		{"publishing", testPublish},
		{"refused as a whole", testPublishRefused},
		{"sweeping", testSweep},
		{"notices", testNotices},
		{"deleting", testFinish},
		{"operating", testOperate},
		{"the portal", testPortal},
		{"the operator's pages", testPortalOperator},
		{"requests of pages", testPageRequests},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, p) })
	}
	sought := needles(p.secrets)
	p.stack.checkTables(t, sought)
	p.checkLogs(t, append(sought, needle{"a payload", []byte("2026000123")}, needle{"a payload", []byte("späť")}, needle{"a URL's query", []byte("shop=7")}))
	for function, w := range p.watches {
		w.check(t, function, slices.Contains(dispatchers, function))
	}
}

// A first attempt ends with what the receiver answers: success at 2xx, the next
// attempt otherwise. One that is due after SQS's longest delay is left to the
// sweeper.
func testAttempts(t *testing.T, p *pipeline) {
	for _, tt := range []struct {
		name   string
		api    api.API
		status int
		sent   int
	}{
		{"success", squake.API(), http.StatusNoContent, 0},
		{"success", shoptet.API(), http.StatusOK, 0},
		{"success", abbeycross.API(), http.StatusOK, 0},
		{"failure", squake.API(), http.StatusInternalServerError, 1},
		{"failure, next attempt in over 15 minutes", shoptet.API(), http.StatusInternalServerError, 0},
		{"redirect", squake.API(), http.StatusFound, 1},
		{"overloaded", squake.API(), http.StatusServiceUnavailable, 1},
	} {
		t.Run(string(tt.api.Name)+" "+tt.name, func(t *testing.T) {
			c := p.register(t, tt.api)
			c.attempt(t, c.publishOne(t, c.occurrence("1")), tt.status, 1, tt.sent)
		})
	}
}

// Deliveries are signed with keys that were changed, renewed or rotated.
func testSigned(t *testing.T, p *pipeline) {
	for _, tt := range []struct {
		name          string
		api           api.API
		request, body string
		event         string
	}{
		{"changed", squake.API(), "PUT /v2/webhooks/{id}", `{"kind":"certificate_document_available"}`, "certificate_document_available"},
		{"renewed", shoptet.API(), "POST /api/webhooks/renew-signature-key", "", "order:create"},
		{"rotated", abbeycross.API(), "POST /v1/webhooks/{id}/rotate-secret", "", "shipment.created"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := p.register(t, tt.api)
			c.send(t, tt.request, tt.body)
			c.event = tt.event
			c.attempt(t, c.publishOne(t, c.occurrence("1")), http.StatusOK, 1, 0)
			if len(c.keys) == 0 {
				t.Error("no key was shown")
			}
		})
	}
}

// A payload of its own item.
func testLargePayload(t *testing.T, p *pipeline) {
	c := p.register(t, squake.API())
	event := c.occurrence("large")
	event["payload"] = map[string]string{"text": strings.Repeat("0123456789abcdef", 1000)}
	c.attempt(t, c.publishOne(t, event), http.StatusOK, 1, 0)
}

// SQS may hand over a message again.
func testMessageTwice(t *testing.T, p *pipeline) {
	c := p.register(t, squake.API())
	message := c.publishOne(t, c.occurrence("1"))
	c.attempt(t, message, http.StatusOK, 1, 0)
	c.attempt(t, message, http.StatusOK, 0, 0)
}

// The message for the next attempt is delayed; before its time it is dropped.
func testMessageEarly(t *testing.T, p *pipeline) {
	c := p.register(t, squake.API())
	c.attempt(t, c.publishOne(t, c.occurrence("1")), http.StatusServiceUnavailable, 1, 1)
	next := c.messages()[1]
	if next.Attempt != 2 || next.delay < 1 {
		t.Errorf("the next message is for attempt %d, delayed by %d s", next.Attempt, next.delay)
	}
	c.attempt(t, next.body, http.StatusOK, 0, 0)
}

func testWebhookDeleted(t *testing.T, p *pipeline) {
	c := p.register(t, squake.API())
	message := c.publishOne(t, c.occurrence("1"))
	c.send(t, "DELETE /v2/webhooks/{id}", "")
	c.attempt(t, message, http.StatusOK, 0, 0)
	if got := p.publish(t, c.occurrence("2")); !slices.Equal(got, []string{"no_webhook"}) {
		t.Errorf("publish: %q, want no_webhook", got)
	}
}

// Only what cannot be read is returned to the queue. A message of no delivery
// is dropped, and keeps none from being delivered.
func testBatch(t *testing.T, p *pipeline) {
	c := p.register(t, squake.API())
	message := c.publishOne(t, c.occurrence("1"))
	const nobodys = `{"v":1,"account":"squake:acme","id":"019a0000000000000000000000000000000000000000","event":"order","n":1,"at":1763774101000}`
	c.endpoint.response(http.StatusOK)
	if returned := p.deliver(t, "not JSON", message, nobodys); !slices.Equal(returned, []string{"0"}) {
		t.Errorf("messages %q are returned to the queue, want the first", returned)
	}
	c.expect(t, 1)
}

// 410 disables the webhook of each API.
func testGone(t *testing.T, p *pipeline) {
	for _, api := range all.APIs() {
		c := p.register(t, api)
		c.attempt(t, c.publishOne(t, c.occurrence("1")), http.StatusGone, 1, 0)
		event := c.occurrence("2")
		if got := p.publish(t, event); !slices.Equal(got, []string{"held"}) {
			t.Errorf("%s: publish: %q, want held", api.Name, got)
		}
		if api.Name == "squake" { // any change enables it
			c.send(t, "PUT /v2/webhooks/{id}", `{"kind":"`+c.event+`"}`)
			c.attempt(t, c.publishOne(t, event), http.StatusOK, 1, 0)
		}
	}
}

// A receiver that takes longer than two seconds is known to be slow while it is
// called. What is published from then on goes to the slow lane, until it answers
// quickly.
func testSlow(t *testing.T, p *pipeline) {
	c := p.register(t, squake.API())
	slow := func() bool {
		list, err := p.stack.store.Webhooks(t.Context(), c.account)
		return err == nil && !list[0].SlowSince.IsZero()
	}
	first, second := c.publishOne(t, c.occurrence("1")), c.publishOne(t, c.occurrence("2"))
	p.endpoint.before(func(called context.Context) {
		for called.Err() == nil && !slow() { // it answers when it is known to be slow
			<-time.After(20 * time.Millisecond)
		}
	})
	c.attempt(t, first, http.StatusOK, 1, 0)
	p.endpoint.before(nil)
	third := c.publishOne(t, c.occurrence("3"))
	c.attempt(t, second, http.StatusServiceUnavailable, 1, 1) // quick, but no success
	if !slow() {
		t.Error("a failure makes the webhook quick")
	}
	c.attempt(t, third, http.StatusOK, 1, 0)
	c.publishOne(t, c.occurrence("4"))
	var queues []string
	for _, m := range c.messages() {
		queues = append(queues, fmt.Sprint(m.Attempt, " ", path.Base(m.queue)))
	}
	want := []string{"1 attempts", "1 attempts", "1 slow-attempts", "2 slow-attempts", "1 attempts"}
	if diff := cmp.Diff(want, queues); diff != "" {
		t.Errorf("attempts by their queues (-want +got):\n%s", diff)
	}
}

// Each event has an answer of its own.
func testPublish(t *testing.T, p *pipeline) {
	c, other := p.register(t, squake.API()), p.register(t, abbeycross.API())
	event, unknown, another, nobodys, unnamed := c.occurrence("1"), c.occurrence("2"), c.occurrence("1"), c.occurrence("3"), other.occurrence("4")
	unknown["event"] = "confirmation_document_available"
	another["time"], another["payload"] = event["time"], map[string]int{}
	nobodys["account"] = "squake:nobody"
	unnamed["event"] = "shipment.lost" // the operator did not name it
	want := []string{"accepted", "duplicate", "no_webhook", "unknown_account", "rejected is not an event of this API"}
	got := p.publish(t, event, event, unknown, nobodys, unnamed)
	got[4] = strings.Replace(got[4], "event: ", "", 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("publish (-want +got):\n%s", diff)
	}
	want = []string{"duplicate", "rejected id reused with other content"}
	if diff := cmp.Diff(want, p.publish(t, event, another)); diff != "" {
		t.Errorf("publish again (-want +got):\n%s", diff)
	}
	if got := len(c.messages()); got != 1 {
		t.Errorf("%d messages are sent, want 1", got)
	}
}

func testPublishRefused(t *testing.T, p *pipeline) {
	for _, tt := range []struct {
		contentType, body string
		want              int
	}{
		{"application/json", `{"events":[`, http.StatusBadRequest},
		{"application/json", `{"events":[]}`, http.StatusBadRequest},
		{"application/x-www-form-urlencoded", "events=1", http.StatusUnsupportedMediaType},
	} {
		response, _ := p.request(t, "POST /events HTTP/1.1\nContent-Type: "+tt.contentType, tt.body)
		if response.StatusCode != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.body, response.StatusCode, response.Body, tt.want)
		}
	}
}

// The sweeper sends again what was lost, once, and leaves alone what waits for
// its next attempt.
func testSweep(t *testing.T, p *pipeline) {
	waiting, c := p.register(t, squake.API()), p.register(t, squake.API())
	waiting.attempt(t, waiting.publishOne(t, waiting.occurrence("1")), http.StatusInternalServerError, 1, 1)
	p.addOverdue(t, c, 0)
	p.sweep(t)
	p.sweep(t) // it is leased now
	if lost, others := len(c.messages()), len(waiting.messages()); lost != 1 || others != 2 {
		t.Fatalf("%d messages for what was lost, %d for what waits; want 1 and no more than 2", lost, others)
	}
	c.attempt(t, c.messages()[0].body, http.StatusOK, 1, 0)
}

// addOverdue gives a client a delivery that was attempted so often and was to be
// attempted ten minutes ago, and whose message was lost.
func (p *pipeline) addOverdue(t *testing.T, c *client, attempts int64) {
	t.Helper()
	w, then := p.stack.webhooks(t, c.account)[0], time.Now().Add(-10*time.Minute).Truncate(time.Millisecond)
	event := webhook.Event{Account: c.account, Name: w.Event, ID: "lost", Time: then}
	_, err := p.stack.store.AddDelivery(t.Context(), webhook.Delivery{
		Account: c.account, Event: w.Event, EventID: event.ID, Time: then, Content: event.Content(),
		WebhookID: w.ID, URL: w.URL, AcceptedAt: then, Next: then, Due: then.Add(2 * time.Minute), Attempts: attempts,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The sweeper completes the deletion of an account that was closed, of one
// whose closing was cut off before its tokens were deleted too.
func testFinish(t *testing.T, p *pipeline) {
	closed, cutOff := p.register(t, all.APIs()[0]), p.register(t, all.APIs()[0])
	closed.publishOne(t, closed.occurrence("to be cancelled"))
	ago := time.Now().Add(-time.Hour)
	if err := registry.CloseAccount(t.Context(), p.stack.store, closed.account, ago); err != nil {
		t.Fatal(err)
	}
	if err := p.stack.store.PostponeClosing(t.Context(), closed.account, time.Now().Add(-10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := p.stack.store.CloseAccount(t.Context(), cutOff.account, ago); err != nil {
		t.Fatal(err)
	}
	p.sweep(t)
	_, err := p.stack.store.Account(t.Context(), closed.account)
	_, cutErr := p.stack.store.Account(t.Context(), cutOff.account)
	tokens, tokensErr := p.stack.store.Tokens(t.Context(), cutOff.account)
	if !errors.Is(err, webhook.ErrNotFound) || cutErr != nil || len(tokens) > 0 || tokensErr != nil {
		t.Errorf("after a sweep: account closed long ago %v, account with tokens %v, %d of them, %v", err, cutErr, len(tokens), tokensErr)
	}
}
