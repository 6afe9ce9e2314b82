package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// Sent is a delivery whose body and headers stand in the contract or were made
// by other means than ours.
type Sent struct {
	// Golden is the file with the body, byte for byte, in testdata/delivery.
	Golden   string
	Delivery webhook.Delivery
	Webhook  webhook.Webhook
	// Key signs; its zero value is none.
	Key webhook.Secret
	// Header is the API's own.
	Header map[string]string
}

// Sending gives an API's way of delivering with env as its settings.
func Sending(tb testing.TB, api api.API, env map[string]string) webhook.Sending {
	tb.Helper()
	sending, err := api.Sending(NewFixture(tb, api, env, nil).Setup)
	if err != nil {
		tb.Fatal(err)
	}
	return sending
}

// CheckSending compares what an API says of its attempts with its contract. Of
// want it looks at everything but the functions.
func CheckSending(t *testing.T, a api.API, want webhook.Sending) {
	t.Helper()
	got := Sending(t, a, nil)
	if got.CheckEvent == nil || got.Body == nil || got.Header == nil || got.Sample == nil {
		t.Error("a function is missing")
	}
	got.CheckEvent, got.Body, got.Header, got.Sample, got.Number = nil, nil, nil, nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sending (-want +got):\n%s", diff)
	}
}

// Backoff returns the delays of the APIs that make ten attempts in three days.
func Backoff() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// CheckDeliveries holds deliveries to their golden bodies and headers, at the first
// attempt and at one a day later: the body stays the same to the byte.
func CheckDeliveries(t *testing.T, sending webhook.Sending, sent []Sent) {
	t.Helper()
	for _, s := range sent {
		t.Run(s.Golden, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", "delivery", s.Golden))
			if err != nil {
				t.Fatal(err)
			}
			body, err := sending.Body(s.Delivery, s.Webhook)
			if err != nil || !bytes.Equal(body, want) {
				t.Fatalf("body, %v\n got %s\nwant %s", err, body, want)
			}
			if !json.Valid(body) {
				t.Errorf("the body is not JSON: %s", body)
			}
			if header := sending.Header(s.Key, Start, body); !maps.Equal(header, s.Header) {
				t.Errorf("header %v, want %v", header, s.Header)
			}
			again := s.Delivery
			again.Attempts, again.AttemptedAt, again.Status = 3, Start.Add(24*time.Hour), webhook.StatusRetrying
			body, err = sending.Body(again, s.Webhook)
			if err != nil || !bytes.Equal(body, want) {
				t.Errorf("at a later attempt, %v\n got %s\nwant %s", err, body, want)
			}
		})
	}
}

// Checked is an event, and the text that refuses it; none if it is accepted.
type Checked struct {
	Event webhook.Event
	Want  string
}

// CheckEvents holds an API's validation of events to what is expected.
func CheckEvents(t *testing.T, sending webhook.Sending, cases map[string]Checked) {
	t.Helper()
	for name, c := range cases {
		err := sending.CheckEvent(c.Event)
		switch {
		case c.Want == "" && err != nil:
			t.Errorf("%s: refused: %v", name, err)
		case c.Want != "" && (err == nil || !errors.Is(err, webhook.ErrInvalid) || err.Error() != c.Want):
			t.Errorf("%s: error %v, want %q", name, err, c.Want)
		}
	}
}

// CheckSamples demands of each event a sample that can be published and sent: an
// instance where the API has one, and a payload that is an object, except for
// the events without.
func CheckSamples(t *testing.T, sending webhook.Sending, a webhook.Account, events []string, without func(event string) bool) {
	t.Helper()
	if len(events) == 0 {
		t.Fatal("no events")
	}
	for _, event := range events {
		payload, instance := sending.Sample(event)
		bare := without(event)
		if bare != (payload == nil) || (sending.Instance && !bare) != (instance != "") {
			t.Errorf("%s: instance %q, payload %q", event, instance, payload)
			continue
		}
		if err := sending.CheckEvent(webhook.Event{Account: a, Name: event, Instance: instance, Payload: payload}); err != nil {
			t.Errorf("%s: refused: %v", event, err)
		}
		d := webhook.Delivery{Account: a, Event: event, Time: Start, Instance: instance, Payload: payload}
		if body, err := sending.Body(d, webhook.Webhook{SendPayload: true}); err != nil || !json.Valid(body) {
			t.Errorf("%s: body %s, %v", event, body, err)
		}
		if bare {
			continue
		}
		var members map[string]json.RawMessage
		var compact bytes.Buffer
		if err := json.Unmarshal(payload, &members); err != nil || len(members) == 0 {
			t.Errorf("%s: payload %s, %v; want an object", event, payload, err)
		}
		if err := json.Compact(&compact, payload); err != nil || !bytes.Equal(compact.Bytes(), payload) {
			t.Errorf("%s: payload %s is not compact: %v", event, payload, err)
		}
	}
}
