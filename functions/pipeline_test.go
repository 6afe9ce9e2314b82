package functions_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/internal/test/fakekms"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/receiver"
	"github.com/hookline/hookline/pkg/webhook"
)

// pipeline is a stack with all its functions, a queue, and an endpoint that
// receives. The sealing key is the keyring function's, opened by way of KMS.
type pipeline struct {
	*fleet
	queue    *fakeSQS
	bus      *fakeBus
	endpoint *endpoint
	secrets  []string
}

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	s, kms := newStack(t), fakekms.Start(t, kmsKeyARN).URL
	q, b, e := startSQS(t), startBus(t), startEndpoint(t)
	key := startKeyring(t, s, kms).send(t, "create", "SUCCESS")
	return &pipeline{queue: q, bus: b, endpoint: e, fleet: newFleet(t, s, map[string]string{
		"AWS_ENDPOINT_URL_KMS": kms, "HOOKLINE_SEALING_KEY_ARN": kmsKeyARN,
		"AWS_ENDPOINT_URL_SQS": q.url, "HOOKLINE_QUEUE_URL": queueURL, "HOOKLINE_SLOW_QUEUE_URL": slowQueueURL,
		"AWS_ENDPOINT_URL_EVENTBRIDGE": b.url, "HOOKLINE_NOTICE_BUS": noticeBus,
		"HOOKLINE_ALLOW_PRIVATE": "true", "SSL_CERT_FILE": e.certificate,
		"HOOKLINE_SEALING_KEY_ID": key.Data.KeyID, "HOOKLINE_SEALING_PUBLIC_KEY": key.Data.PublicKey,
		"HOOKLINE_ABBEYCROSS_EVENTS": "shipment.created,shipment.delivered", "HOOKLINE_PORTAL": "true",
	})}
}

// client is a customer with a webhook at the pipeline's endpoint.
type client struct {
	customer
	*pipeline
	api api.API
	// event is what the webhook is registered for.
	event string
	// keys are those that its deliveries are signed with.
	keys []string
}

// register makes a customer with a webhook for the event of the API's example.
func (p *pipeline) register(t *testing.T, api api.API) *client {
	t.Helper()
	c := &client{customer: p.stack.newCustomer(t, api.Name), pipeline: p, api: api, event: api.Example.Event}
	for _, token := range c.tokens {
		p.secrets = append(p.secrets, token)
	}
	own := fmt.Sprintf("%s/%s?shop=7", p.endpoint.url, api.Name)
	c.send(t, "POST "+api.Example.Path, strings.ReplaceAll(api.Example.Body, "https://example.com/"+string(api.Name), own))
	return c
}

// send sends a request of the customer's, which must succeed, and notes the
// key in its answer. "{id}" in it stands for the webhook's id.
func (c *client) send(t *testing.T, request, body string) {
	t.Helper()
	if strings.Contains(request, "{id}") {
		request = strings.ReplaceAll(request, "{id}", c.stack.webhooks(t, c.account)[0].ID)
	}
	head := request + " HTTP/1.1\n" + c.api.Example.TokenHeader + c.tokens["token"]
	if body != "" {
		head += "\nContent-Type: application/json"
	}
	response, routed := c.request(t, head, body)
	if !routed || response.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s is answered %d: %s", request, response.StatusCode, response.Body)
	}
	shown := keysIn(response.Body)
	c.keys, c.secrets = append(c.keys, shown...), append(c.secrets, shown...)
}

// occurrence is an event of the client's webhook that happened just now.
func (c *client) occurrence(id string) map[string]any {
	event := map[string]any{
		"account": c.account.String(), "event": c.event, "id": id, "time": time.Now().UTC().Format(time.RFC3339Nano),
		"payload": map[string]string{"number": "2026000123", "note": "späť"},
	}
	if c.api.Example.Instance != "" {
		event["instance"] = c.api.Example.Instance
		delete(event, "payload")
	}
	return event
}

// publish publishes events and returns what each is answered, as
// "<status> <error>".
func (p *pipeline) publish(t *testing.T, list ...map[string]any) []string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"events": list})
	if err != nil {
		t.Fatal(err)
	}
	response, _ := p.request(t, "POST /events HTTP/1.1\nContent-Type: application/json", string(body))
	var got struct {
		Results []struct{ Status, Error string }
	}
	if err := json.Unmarshal([]byte(response.Body), &got); err != nil || response.StatusCode != http.StatusAccepted {
		t.Fatalf("publish: %d %s, %v", response.StatusCode, response.Body, err)
	}
	results := make([]string, len(got.Results))
	for i, r := range got.Results {
		results[i] = strings.TrimSpace(r.Status + " " + r.Error)
	}
	return results
}

// publishOne publishes an event, which must be accepted, and returns the
// message that is sent for it.
func (c *client) publishOne(t *testing.T, event map[string]any) string {
	t.Helper()
	before := len(c.messages())
	if got := c.publish(t, event); !slices.Equal(got, []string{"accepted"}) {
		t.Fatalf("publish %v: %q, want accepted", event["id"], got)
	}
	sent := c.messages()
	if len(sent) != before+1 {
		t.Fatalf("%d messages are sent for one event", len(sent)-before)
	}
	return sent[before].body
}

// messages are those that were sent for the client.
func (c *client) messages() []sentMessage { return c.queue.to(c.account) }

// deliver hands over messages in one batch and returns the positions of those
// that are returned to the queue.
func (p *pipeline) deliver(t *testing.T, messages ...string) []string {
	t.Helper()
	var batch events.SQSEvent
	for i, body := range messages {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body})
	}
	payload := p.invoke(t, "Deliver", batch)
	var response struct {
		BatchItemFailures *[]events.SQSBatchItemFailure `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(payload, &response); err != nil || response.BatchItemFailures == nil {
		t.Fatalf("deliver: %s, %v", payload, err)
	}
	var returned []string
	for _, failure := range *response.BatchItemFailures {
		returned = append(returned, failure.ItemIdentifier)
	}
	return returned
}

// sweep runs the sweeper once.
func (p *pipeline) sweep(t *testing.T) {
	t.Helper()
	if payload := p.invoke(t, "Sweep", events.EventBridgeEvent{Source: "aws.events"}); string(payload) != "null" {
		t.Fatalf("sweep: %s, want null", payload)
	}
}

// attempt delivers a message while the endpoint answers status, and expects
// that so many requests are received, each signed with all the client's keys,
// and so many messages sent.
func (c *client) attempt(t *testing.T, message string, status, received, sent int) {
	t.Helper()
	before := len(c.messages())
	c.endpoint.response(status)
	if returned := c.deliver(t, message); returned != nil {
		t.Errorf("messages %q are returned to the queue", returned)
	}
	c.expect(t, received)
	if got := len(c.messages()) - before; got != sent {
		t.Errorf("%d messages are sent, want %d", got, sent)
	}
}

// expect verifies that so many requests were received.
func (c *client) expect(t *testing.T, received int) {
	t.Helper()
	requests := c.endpoint.take()
	if len(requests) != received {
		t.Errorf("%d requests are received, want %d", len(requests), received)
	}
	for _, r := range requests {
		c.verify(t, r)
	}
}

// schemes returns those that an API's deliveries are signed by: Standard Webhooks,
// and what the API's own headers hold.
func schemes(t *testing.T, a api.API) []string {
	t.Helper()
	names := []string{"Standard Webhooks"}
	for name := range apitest.Sending(t, a, nil).Header(webhook.NewSecret("key"), time.Now(), nil) {
		if strings.HasSuffix(name, "-Signature") {
			names = append(names, name)
		}
	}
	return names
}

// verify checks a request as the customer would, with the keys that were
// shown: by Hookline's receiver and by the official library.
func (c *client) verify(t *testing.T, r received) {
	t.Helper()
	if !json.Valid(r.body) || r.header.Get("Content-Type") != "application/json" || !strings.HasPrefix(r.header.Get("User-Agent"), "Hookline") {
		t.Errorf("received %v, a body of %d bytes", r.header, len(r.body))
	}
	if len(c.keys) == 0 {
		if checks := receiver.Verify(time.Now(), nil, r.header, r.body); len(checks) > 0 {
			t.Errorf("signed, without a key: %v", checks)
		}
		return
	}
	for _, key := range c.keys {
		official, err := standardwebhooks.NewWebhook(key)
		if err == nil {
			err = official.Verify(r.body, r.header)
		}
		if err != nil {
			t.Errorf("the official library says %v", err)
		}
		parsed, err := receiver.ParseKey(key)
		if err != nil {
			t.Fatal(err)
		}
		var verified []string
		for _, check := range receiver.Verify(time.Now(), []receiver.Key{parsed}, r.header, r.body) {
			if check.Error != nil {
				t.Errorf("%s: %v", check.Scheme, check.Error)
			}
			verified = append(verified, check.Scheme)
		}
		if want := schemes(t, c.api); !slices.Equal(verified, want) {
			t.Errorf("signed by %q, want %q", verified, want)
		}
	}
	id := r.header.Get("Webhook-Id")
	if !slices.ContainsFunc(c.messages(), func(m sentMessage) bool { return m.ID == id }) {
		t.Errorf("webhook-id %q is of no message", id)
	}
}
