package abbeycross_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api/abbeycross"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	account = webhook.Account{API: "abbeycross", ID: "fleet-7"}
	key     = webhook.NewSecret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	when    = time.Date(2026, time.January, 15, 10, 29, 59, 999_000_000, time.FixedZone("", 3600))
)

const payload = `{"id":"ord_1","weight":1.50,"big":12345678901234567890,"exp":1E+2,"url":"a\/b","name":"Žluť 😀 <&>"}`

func TestDelivery(t *testing.T) {
	shipment := webhook.Delivery{Account: account, Event: "shipment.created", EventID: "1", Time: when, Payload: []byte(payload)}
	bare := shipment
	bare.Event, bare.Payload = "a:b-C_1.z", nil
	apitest.CheckDeliveries(t, apitest.Sending(t, abbeycross.API(), nil), []apitest.Sent{
		{Golden: "shipment.json", Delivery: shipment, Key: key},
		{Golden: "no-payload.json", Delivery: bare},
	})
}

// docs/contracts/abbeycross.md, Delivery.
func TestSending(t *testing.T) {
	apitest.CheckSending(t, abbeycross.API(), webhook.Sending{Timeout: 15 * time.Second, Delays: apitest.Backoff()})
}

func TestSamples(t *testing.T) {
	events := []string{"shipment.created", "shipment.delivered", "order.paid", "payment.failed", "invoice.sent", "customer.created", "x", "shipment:x"}
	apitest.CheckSamples(t, apitest.Sending(t, abbeycross.API(), nil), account, events, func(string) bool { return false })
}

func TestCheckEvent(t *testing.T) {
	event := func(name, instance, payload string) webhook.Event {
		e := webhook.Event{Account: account, Name: name, Instance: instance}
		if payload != "" {
			e.Payload = []byte(payload)
		}
		return e
	}
	const notJSON = "payload: must be one JSON value in UTF-8, no name twice in an object"
	badName := apitest.Checked{Event: event("a b", "", ""), Want: "event: must be 1 to 128 characters of A-Z a-z 0-9 _ . : -"}
	apitest.CheckEvents(t, apitest.Sending(t, abbeycross.API(), nil), map[string]apitest.Checked{
		"any name":       {Event: event("shipment.lost", "", payload)},
		"longest":        {Event: event(strings.Repeat("a", 128), "", "")},
		"too long":       {Event: event(strings.Repeat("a", 129), "", ""), Want: badName.Want},
		"empty":          {Event: event("", "", ""), Want: badName.Want},
		"bad characters": badName,
		"instance":       {Event: event("a", "1", ""), Want: "instance: this API has none"},
		"no JSON":        {Event: event("a", "", "{"), Want: notJSON},
	})
	defined := apitest.Sending(t, abbeycross.API(), map[string]string{"HOOKLINE_ABBEYCROSS_EVENTS": "shipment.created, shipment.lost"})
	apitest.CheckEvents(t, defined, map[string]apitest.Checked{
		"defined":   {Event: event("shipment.lost", "", "")},
		"undefined": {Event: event("shipment.found", "", ""), Want: "event: is not an event of this API"},
	})
}

// TestSettings: a wrong setting stops what delivers too, by its name.
func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		setting  string
		deployed bool
	}{
		"bad name":          {"shipment created", false},
		"missing, deployed": {" ", true},
	} {
		f := apitest.NewFixture(t, abbeycross.API(), map[string]string{"HOOKLINE_ABBEYCROSS_EVENTS": c.setting}, nil)
		f.Setup.Deployed = c.deployed
		if _, err := abbeycross.API().Sending(f.Setup); err == nil || !strings.Contains(err.Error(), "HOOKLINE_ABBEYCROSS_EVENTS") {
			t.Errorf("%s: error %v, want one that names the setting", name, err)
		}
	}
}

func FuzzPayload(f *testing.F) {
	sending := apitest.Sending(f, abbeycross.API(), nil)
	apitest.AddPayloads(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		e := webhook.Event{Account: account, Name: "a", Payload: payload}
		if body, got := apitest.Passed(t, sending, e, "data"); body != nil && !bytes.Equal(got, bytes.TrimSpace(payload)) {
			t.Errorf("%q became %q", payload, got)
		}
	})
}
