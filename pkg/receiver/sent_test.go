package receiver_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/abbeycross"
	"github.com/hookline/hookline/pkg/api/shoptet"
	"github.com/hookline/hookline/pkg/api/squake"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/receiver"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

// mailbag is the queue of one message, and opens keys that were never sealed.
type mailbag struct{ message webhook.Message }

func (*mailbag) Lease(webhook.EventKey) (time.Duration, bool) { return time.Minute, true }
func (*mailbag) Full() bool                                   { return false }

func (m *mailbag) Send(_ context.Context, messages []webhook.Message) error {
	m.message = messages[0]
	return nil
}

func (*mailbag) Open(_ context.Context, _ seal.Owner, sealed []byte) (webhook.Secret, error) {
	return webhook.NewSecret(string(sealed)), nil
}

// signed is an API, the keys that its customers were shown, and by what the
// receiver verifies its deliveries.
type signed struct {
	api      api.API
	key, old string
	schemes  string
}

// TestVerifiesWhatIsSent has real deliveries of each API, over HTTP, verified
// with the key as its customer was shown it: at the first attempt, which is
// answered 500, and at the one after, under the same webhook-id. Where a key was
// rotated, the old one verifies too; any other does not.
func TestVerifiesWhatIsSent(t *testing.T) {
	for _, tt := range []signed{
		{squake.API(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "", "Standard Webhooks, Squake-Signature"},
		{shoptet.API(), "00112233445566778899aabbccddeeff", "", "Standard Webhooks, Shoptet-Webhook-Signature"},
		{
			abbeycross.API(), "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=", "whsec_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=",
			"Standard Webhooks",
		},
	} {
		t.Run(string(tt.api.Name), func(t *testing.T) {
			for key, verified := range map[string]bool{tt.key: true, tt.old: true, "whsec_AAAA": false} {
				if key != "" {
					exchangeWith(t, tt, key, verified)
				}
			}
		})
	}
}

// exchangeWith makes two attempts of a delivery to a receiver that has a key.
func exchangeWith(t *testing.T, tt signed, key string, verified bool) {
	t.Helper()
	parsed, err := receiver.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var got []receiver.Delivery
	now := time.Date(2026, time.January, 15, 10, 30, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	r := receiver.New(receiver.Config{
		Keys: []receiver.Key{parsed}, Response: receiver.Response{Status: 204}, FailFirst: 1, Now: clock,
		Show:  func(d receiver.Delivery) error { got = append(got, d); return nil },
		Note:  func(line string) { t.Error(line) },
		Sleep: func(context.Context, time.Duration) error { t.Error("it sleeps"); return nil },
	})
	server := httptest.NewServer(r)
	defer server.Close()

	worker, message := accepted(t, tt, server.URL+"/hook", clock)
	for _, want := range []delivery.Outcome{delivery.Failed, delivery.Delivered} {
		if outcome, err := worker.Attempt(t.Context(), message()); outcome != want || err != nil {
			t.Fatalf("attempt: %v, %v; want %v", outcome, err, want)
		}
		now = now.Add(time.Hour)
	}
	if len(got) != 2 || got[0].Header.Get("Webhook-Id") != got[1].Header.Get("Webhook-Id") || got[1].Seen != 2 {
		t.Fatalf("received %+v", got)
	}
	for _, d := range got {
		var names []string
		for _, check := range d.Checks {
			names = append(names, check.Scheme)
		}
		if errs := d.Errors(); (len(errs) == 0) != verified || strings.Join(names, ", ") != tt.schemes {
			t.Errorf("with %.12s…: %v of %q, want %t of %q", key, errs, names, verified, tt.schemes)
		}
	}
}

// accepted publishes an event for a webhook, and gives the worker that makes
// its attempts and the message that asks for the next one.
func accepted(t *testing.T, tt signed, url string, now func() time.Time) (*delivery.Worker, func() webhook.Message) {
	t.Helper()
	ctx, s, bag := t.Context(), memory.Open(t), &mailbag{}
	log := slog.New(slog.DiscardHandler)
	a := webhook.Account{API: tt.api.Name, ID: "1001"}
	w := webhook.Webhook{
		Account: a, Event: tt.api.Example.Event, ID: "1", RequestID: "claim", URL: url, SealedKey: []byte(tt.key), Version: 1, CreatedAt: now(),
	}
	if tt.old != "" {
		w.RetiredKeys = []webhook.RetiredKey{{Sealed: []byte(tt.old), Until: now().Add(24 * time.Hour)}}
	}
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: a, CreatedAt: now(), SealedKey: []byte(tt.key)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
		t.Fatal(err)
	}
	sendings, err := api.Sendings([]api.API{tt.api}, api.Setup{
		Keys: keygen.New(rand.Reader, now), Now: now, Log: log, Getenv: func(string) string { return "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	client := sender.New(sender.Config{Version: "test", AllowHTTP: true, AllowPrivate: true})
	t.Cleanup(client.Close)
	got := delivery.NewPublisher(delivery.PublisherConfig{
		Store: s, Queue: bag, Sendings: sendings, Now: now, Log: log,
		NewID: func() (string, error) { return "event-1", nil },
	}).Publish(ctx, []webhook.Event{{Account: a, Name: w.Event, Instance: tt.api.Example.Instance, Payload: []byte(`{"n":1.50}`)}})
	if got[0].Status != delivery.Accepted {
		t.Fatalf("published: %+v", got)
	}
	return delivery.NewWorker(delivery.WorkerConfig{
		Store: s, Queue: bag, Sender: client, Opener: bag, Sendings: sendings, Now: now, Log: log,
		Jitter: func(time.Duration) time.Duration { return 0 },
	}), func() webhook.Message { return bag.message }
}
