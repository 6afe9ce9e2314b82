package functions_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookline/hookline/functions/internal/emulator"
	"github.com/hookline/hookline/pkg/webhook"
)

// sample is a delivery of events/deliveries.json.
type sample struct {
	Event, ID, Instance string
	// Age is how long ago the event happened.
	Age string
	// Number is the delivery's own id. WebhookID is given where the webhook is
	// gone; otherwise it is the one registered for the event.
	Number    int64
	WebhookID string
	URL       string
	Status    string
	Attempts  int64
}

// addDeliveries gives an account the deliveries of events/deliveries.json.
func (s *stack) addDeliveries(t *testing.T, a webhook.Account) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(emulator.Root(t), "events", "deliveries.json"))
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	if err := json.Unmarshal(text, &samples); err != nil {
		t.Fatalf("events/deliveries.json: %v", err)
	}
	registered := map[string]string{}
	for _, w := range s.webhooks(t, a) {
		registered[w.Event] = w.ID
	}
	for _, sample := range samples {
		if _, err := s.store.AddDelivery(t.Context(), sample.delivery(t, a, registered)); err != nil {
			t.Fatal(err)
		}
	}
}

func (d sample) delivery(t *testing.T, a webhook.Account, registered map[string]string) webhook.Delivery {
	t.Helper()
	age, err := time.ParseDuration(d.Age)
	if err != nil {
		t.Fatal(err)
	}
	status, err := webhook.ParseStatus(d.Status)
	if err != nil {
		t.Fatalf("delivery %d: %v", d.Number, err)
	}
	id := d.WebhookID
	if id == "" {
		id = registered[d.Event]
	}
	if id == "" {
		t.Fatalf("delivery %d: no webhook is registered for %s", d.Number, d.Event)
	}
	happened := time.Now().Add(-age).Truncate(time.Millisecond)
	made := webhook.Delivery{
		Account: a, Event: d.Event, EventID: d.ID, Time: happened, Number: d.Number, Instance: d.Instance,
		WebhookID: id, URL: d.URL, AcceptedAt: happened.Add(time.Second),
		Attempts: d.Attempts, Status: status,
	}
	if d.Attempts > 0 {
		made.AttemptedAt = happened.Add(2 * time.Second)
	}
	return made
}
