package squake_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/squake"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	account = webhook.Account{API: "squake", ID: "acme"}
	// key is the base64 of the bytes 0 to 31.
	key  = webhook.NewSecret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	when = time.Date(2026, time.January, 15, 10, 29, 59, 999_000_000, time.FixedZone("", 3600))
)

const payload = `{"id":"ord_1","weight":1.50,"big":12345678901234567890,"exp":1E+2,"url":"a\/b","name":"Žluť 😀 <&>"}`

// The signatures are those of "openssl dgst -sha256 -hmac <key>" over the
// golden files.
func TestDelivery(t *testing.T) {
	order := webhook.Delivery{Account: account, Event: "order", EventID: "1", Time: when, Payload: []byte(payload)}
	bare := order
	bare.Payload = nil
	apitest.CheckDeliveries(t, apitest.Sending(t, squake.API(), nil), []apitest.Sent{
		{Golden: "order.json", Delivery: order, Key: key, Header: map[string]string{
			"Squake-Signature": "3c235643d7242b5976008dcf6faa44111f176bd587b18e924c0c4a56f56f9caf",
			"Squake-Timestamp": "2026-01-15T10:30:00Z",
		}},
		{Golden: "no-payload.json", Delivery: bare, Key: key, Header: map[string]string{
			"Squake-Signature": "8406cf52c0ce2a0ef41ac7becc08b45ea7f28eb1edc1a729151cf53195368a0f",
			"Squake-Timestamp": "2026-01-15T10:30:00Z",
		}},
		{Golden: "no-payload.json", Delivery: bare, Header: map[string]string{"Squake-Timestamp": "2026-01-15T10:30:00Z"}},
	})
}

// docs/contracts/squake.md, Delivery.
func TestSending(t *testing.T) {
	apitest.CheckSending(t, squake.API(), webhook.Sending{Timeout: 15 * time.Second, Delays: apitest.Backoff(), Statistics: true})
}

func TestSamples(t *testing.T) {
	events := []string{"order", "confirmation_document_available", "certificate_document_available", "carbon_activity_expired"}
	apitest.CheckSamples(t, apitest.Sending(t, squake.API(), nil), account, events, func(string) bool { return false })
}

func TestCheckEvent(t *testing.T) {
	event := func(name, instance, payload string) webhook.Event {
		e := webhook.Event{Account: account, Name: name, Instance: instance}
		if payload != "" {
			e.Payload = []byte(payload)
		}
		return e
	}
	const names = "event: must be one of order, confirmation_document_available, certificate_document_available, carbon_activity_expired"
	const notJSON = "payload: must be one JSON value in UTF-8, no name twice in an object"
	apitest.CheckEvents(t, apitest.Sending(t, squake.API(), nil), map[string]apitest.Checked{
		"order":               {Event: event("order", "", payload)},
		"no payload":          {Event: event("confirmation_document_available", "", "")},
		"null":                {Event: event("certificate_document_available", "", "null")},
		"not for registering": {Event: event("carbon_activity_expired", "", "1")},
		"unknown":             {Event: event("Order", "", ""), Want: names},
		"empty name":          {Event: event("", "", ""), Want: names},
		"instance":            {Event: event("order", "1", ""), Want: "instance: this API has none"},
		"no JSON":             {Event: event("order", "", `{"a"}`), Want: notJSON},
		"a name twice":        {Event: event("order", "", `{"a":1,"a":1}`), Want: notJSON},
		"a lone surrogate":    {Event: event("order", "", `"\ud800"`), Want: notJSON},
	})
}

func FuzzPayload(f *testing.F) {
	sending := apitest.Sending(f, squake.API(), nil)
	apitest.AddPayloads(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		e := webhook.Event{Account: account, Name: "order", Payload: payload}
		if body, got := apitest.Passed(t, sending, e, "data"); body != nil && !bytes.Equal(got, bytes.TrimSpace(payload)) {
			t.Errorf("%q became %q", payload, got)
		}
	})
}
