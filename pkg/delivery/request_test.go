package delivery_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

// verify holds a request to the official library, given the key as the
// customer got it.
func verify(tb testing.TB, request delivery.Request, key string) error {
	tb.Helper()
	library, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		tb.Fatal(err)
	}
	header := http.Header{}
	for name, value := range request.Header {
		header.Set(name, value)
	}
	return library.VerifyIgnoringTimestamp(request.Body, header)
}

func names(header map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(header)), " ")
}

// Each API's deliveries verify with the official library and with what its own
// clients look at, and have no other headers.
func TestSigned(t *testing.T) {
	const standard = "webhook-id webhook-signature webhook-timestamp"
	for i, tt := range []struct{ key, names, body string }{
		{squakeKey, "Content-Type Squake-Signature Squake-Timestamp " + standard, `{"data":` + payload + `}`},
		{
			shoptetKey, "Content-Type Shoptet-Webhook-Signature " + standard,
			`{"eshopId":315185,"event":"order:create","eventCreated":"2026-01-15T10:30:00+0000","eventInstance":"2018000012","payload":` + payload + `}`,
		},
		{abbeyKey, "Content-Type " + standard, `{"type":"shipment.created","timestamp":"2026-01-15T10:30:00Z","data":` + payload + `}`},
	} {
		w := newEnv(t)
		m := w.acceptOne(t, eventKeys[i])
		w.clock.Advance(1500 * time.Millisecond)
		w.attempt(t, m, delivery.Delivered)
		got := w.receiver.got[0]
		if err := verify(t, got, tt.key); err != nil {
			t.Errorf("%s: the library: %v", eventKeys[i].Account, err)
		}
		if string(got.Body) != tt.body || names(got.Header) != tt.names {
			t.Errorf("%s: body %s, headers %s", eventKeys[i].Account, got.Body, names(got.Header))
		}
		key := webhook.NewSecret(tt.key)
		for name, want := range map[string]string{
			"webhook-id": m.ID, "webhook-timestamp": "1768473001", "Content-Type": "application/json",
			"Squake-Timestamp": "2026-01-15T10:30:01Z", "Squake-Signature": signing.HexSHA256(key, got.Body),
			"Shoptet-Webhook-Signature": signing.HexSHA1(key, got.Body),
		} {
			if value, there := got.Header[name]; there && value != want {
				t.Errorf("%s: %s %q, want %q", eventKeys[i].Account, name, value, want)
			}
		}
	}
}

// Keys that were rotated out sign along, after the present one, until their time
// is over.
func TestSignedByRetiredKeys(t *testing.T) {
	s := eventKeys[2]
	for _, tt := range []struct {
		until time.Duration
		along bool
	}{{time.Second, true}, {0, false}, {-time.Hour, false}} {
		w := newEnv(t)
		sealed := w.seal(t, seal.WebhookKey(s.Account, "w3"), retiredKey)
		w.edit(t, s, func(h *webhook.Webhook) {
			h.RetiredKeys = []webhook.RetiredKey{{Sealed: sealed, Until: start.Add(tt.until)}}
		})
		w.attempt(t, w.acceptOne(t, s), delivery.Delivered)
		got := w.receiver.got[0]
		if err := verify(t, got, abbeyKey); err != nil {
			t.Errorf("%+v: the present key: %v", tt, err)
		}
		if err := verify(t, got, retiredKey); (err == nil) != tt.along {
			t.Errorf("%+v: the retired key: %v", tt, err)
		}
		if n := len(strings.Fields(got.Header["webhook-signature"])); (n == 2) != tt.along {
			t.Errorf("%+v: %d signatures", tt, n)
		}
		got.Header["webhook-signature"], _, _ = strings.Cut(got.Header["webhook-signature"], " ")
		if err := verify(t, got, abbeyKey); err != nil {
			t.Errorf("%+v: the first signature is not that of the present key: %v", tt, err)
		}
	}
}

// Shoptet's deliveries are signed once the account has a key, with the one it
// has at the attempt.
func TestAccountKey(t *testing.T) {
	w := newEnv(t)
	s := webhook.EventKey{Account: webhook.Account{API: "shoptet", ID: "42"}, Event: "order:create"}
	if err := w.store.CreateAccount(t.Context(), webhook.AccountInfo{Account: s.Account, CreatedAt: start}); err != nil {
		t.Fatal(err)
	}
	w.register(t, s, "w9")
	w.receiver.responses = []delivery.Response{failing(500)}
	m := w.acceptOne(t, s)
	w.attempt(t, m, delivery.Failed)
	if got := names(w.receiver.got[0].Header); got != "Content-Type" {
		t.Errorf("without a key there are headers %s", got)
	}
	if err := w.store.SetAccountKey(t.Context(), s.Account, w.seal(t, seal.AccountKey(s.Account), shoptetKey)); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(15 * time.Minute)
	m.Attempt++
	w.attempt(t, m, delivery.Failed)
	got := w.receiver.got[1]
	if err := verify(t, got, shoptetKey); err != nil || got.Header["Shoptet-Webhook-Signature"] == "" {
		t.Errorf("headers %s: %v", names(got.Header), err)
	}
	if string(got.Body) != string(w.receiver.got[0].Body) {
		t.Error("the body changed")
	}
}

// Every attempt is signed anew for its own time, under one id and body.
func TestSignedAnew(t *testing.T) {
	w := newEnv(t)
	w.receiver.responses = []delivery.Response{failing(500)}
	m := w.acceptOne(t, eventKeys[0])
	for range 10 {
		w.attempt(t, m, delivery.Failed)
		m.Attempt++
		w.clock.Set(w.record(t, m).Next)
	}
	seen := map[string]bool{}
	for _, request := range w.receiver.got {
		if err := verify(t, request, squakeKey); err != nil {
			t.Error(err)
		}
		if request.Header["webhook-id"] != m.ID || string(request.Body) != string(w.receiver.got[0].Body) || !json.Valid(request.Body) {
			t.Errorf("request %+v", request.Header)
		}
		seen[request.Header["webhook-timestamp"]] = true
	}
	if len(seen) != 10 {
		t.Errorf("%d timestamps in 10 attempts", len(seen))
	}
}
