package shoptet_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/shoptet"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	account = webhook.Account{API: "shoptet", ID: "315185-myaddon"}
	key     = webhook.NewSecret("00112233445566778899aabbccddeeff")
	when    = time.Date(2026, time.January, 15, 10, 29, 59, 999_000_000, time.FixedZone("", 3600))
)

const payload = `{"id":"ord_1","weight":1.50,"big":12345678901234567890,"exp":1E+2,"url":"a\/b",` +
	`"name":"Žluť 😀 <&>","é":[true,false,null,"\u0041",{}]}`

// The signatures are those of "openssl dgst -sha1 -hmac <key>" over the golden
// files.
func TestDelivery(t *testing.T) {
	order := webhook.Delivery{Account: account, Event: "order:create", EventID: "1", Time: when, Instance: "2018000012", Payload: []byte(payload)}
	bare, escapes := order, order
	bare.Payload = nil
	escapes.Instance = "Ž/\"\\ 😀 <&'>\x01\n"
	full := webhook.Webhook{SendPayload: true}
	signed := func(signature string) map[string]string {
		return map[string]string{"Shoptet-Webhook-Signature": signature}
	}
	apitest.CheckDeliveries(t, apitest.Sending(t, shoptet.API(), nil), []apitest.Sent{
		{Golden: "payload.json", Delivery: order, Webhook: full, Key: key, Header: signed("4d6878b3b4496c056641c82263f8cb07972dc06f")},
		{Golden: "plain.json", Delivery: order, Key: key, Header: signed("fbd257950a25bbedbf17f2d2f90f33a4e4a37eb0")},
		{Golden: "plain.json", Delivery: bare, Webhook: full, Key: key, Header: signed("fbd257950a25bbedbf17f2d2f90f33a4e4a37eb0")},
		{Golden: "escapes.json", Delivery: escapes, Key: key, Header: signed("14a11a1bf92d5c0b776048d2ee4283e70f864c10")},
		{Golden: "plain.json", Delivery: bare},
	})
}

// TestMassEvents never have a payload, whoever sends one and asks for it.
func TestMassEvents(t *testing.T) {
	sending := apitest.Sending(t, shoptet.API(), nil)
	for _, event := range []string{"order:massUpdate", "stock:massMovement"} {
		d := webhook.Delivery{Account: account, Event: event, Time: when, Payload: []byte("{}")}
		body, err := sending.Body(d, webhook.Webhook{SendPayload: true})
		if err != nil || bytes.Contains(body, []byte("payload")) {
			t.Errorf("%s: %s, %v", event, body, err)
		}
	}
}

// docs/contracts/shoptet.md, Delivery.
func TestSending(t *testing.T) {
	apitest.CheckSending(t, shoptet.API(), webhook.Sending{
		Timeout: 4 * time.Second, Delays: []time.Duration{15 * time.Minute, 15 * time.Minute},
		Instance: true, AccountKey: true, Ports: []uint16{80, 443, 8080, 8443},
	})
	if apitest.Sending(t, shoptet.API(), nil).Number == nil {
		t.Error("deliveries have no number")
	}
}

func TestSamples(t *testing.T) {
	list, err := os.ReadFile("events.txt")
	if err != nil {
		t.Fatal(err)
	}
	mass := func(event string) bool { return strings.Contains(event, ":mass") }
	apitest.CheckSamples(t, apitest.Sending(t, shoptet.API(), nil), account, strings.Fields(string(list)), mass)
}

func TestCheckEvent(t *testing.T) {
	event := func(name, instance, payload string) webhook.Event {
		e := webhook.Event{Account: account, Name: name, Instance: instance}
		if payload != "" {
			e.Payload = []byte(payload)
		}
		return e
	}
	const system = "event: is a system event, which no webhook can be registered for"
	const tooLong = "instance: must have 0 to 512 characters"
	apitest.CheckEvents(t, apitest.Sending(t, shoptet.API(), nil), map[string]apitest.Checked{
		"plain":             {Event: event("order:create", "2018000012", "")},
		"payload":           {Event: event("order:update", "2018000012", payload)},
		"empty instance":    {Event: event("order:create", "", "")},
		"longest instance":  {Event: event("order:create", strings.Repeat("ž", 512), "")},
		"too long instance": {Event: event("order:create", strings.Repeat("ž", 513), ""), Want: tooLong},
		"broken instance":   {Event: event("order:create", "\xff", ""), Want: tooLong},
		"unknown":           {Event: event("order:Create", "", ""), Want: "event: is not an event of this API"},
		"empty name":        {Event: event("", "", ""), Want: "event: is not an event of this API"},
		"system":            {Event: event("addon:suspend", "", ""), Want: system},
		"no JSON":           {Event: event("order:create", "", "{"), Want: "payload: must be one JSON value in UTF-8, no name twice in an object"},
	})
}

// TestNumbers: 256 deliveries of one millisecond have as many ids, which the
// official client can hold.
func TestNumbers(t *testing.T) {
	sending := apitest.Sending(t, shoptet.API(), nil) // its clock stands still
	seen := map[int64]bool{}
	for range 256 {
		n, err := sending.Number()
		if err != nil || n <= 0 || n >= 1<<53 || seen[n] {
			t.Fatalf("number %d, %v, after %d others", n, err, len(seen))
		}
		seen[n] = true
	}
}

func TestNoEshop(t *testing.T) {
	d := webhook.Delivery{Account: webhook.Account{API: "shoptet", ID: "addon"}, Event: "order:create"}
	if body, err := apitest.Sending(t, shoptet.API(), nil).Body(d, webhook.Webhook{}); err == nil {
		t.Errorf("a body without e-shop: %s", body)
	}
}

func FuzzPayload(f *testing.F) {
	sending := apitest.Sending(f, shoptet.API(), nil)
	apitest.AddPayloads(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		e := webhook.Event{Account: account, Name: "order:create", Payload: payload}
		body, got := apitest.Passed(t, sending, e, "payload")
		if body == nil {
			return
		}
		if !apitest.SameJSON(got, payload) {
			t.Errorf("%q became %q", payload, got)
		}
		checkEscapes(t, body)
	})
}

// checkEscapes holds a body to the rule of PHP's json_encode: ASCII only,
// every slash behind a backslash, no space beside strings, and no escape where
// it is not needed or another is shorter.
func checkEscapes(t *testing.T, body []byte) {
	t.Helper()
	inside := false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c >= 0x80 || c < ' ' || c == '/' || !inside && c == ' ':
			t.Fatalf("%q stands at %d of %s", c, i, body)
		case c == '"':
			inside = !inside
		case c == '\\':
			i++
			if body[i] != 'u' {
				continue
			}
			unit := string(body[i+1 : i+5])
			if unit != strings.ToLower(unit) || unit >= "0020" && unit < "0080" || strings.Contains("0008 0009 000a 000c 000d", unit) {
				t.Fatalf("\\u%s stands at %d of %s", unit, i, body)
			}
			i += 4
		}
	}
}
