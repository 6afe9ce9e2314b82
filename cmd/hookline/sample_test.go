package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// openly lets samples go where the tests' servers are.
var openly = []string{"--allow-http", "--allow-private"}

// test is the command line that sends a sample to the customer's webhook.
func (c *customerOf) test(more ...string) []string {
	return append([]string{"webhook", "test", c.id, "--account", c.account}, more...)
}

// A sample is sent once, signed as every delivery of its API, also to a webhook
// that is disabled, and leaves no delivery and no statistics.
func TestSample(t *testing.T) {
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	for _, customer := range customers(t, where, s, c) {
		t.Run(customer.api, func(t *testing.T) {
			c.status.Store(http.StatusOK)
			before := where.webhookDetails(t, customer)
			var r sampleResult
			said := where.run(t, customer.test(append(openly, "--json")...)...)
			decode(t, said, &r)
			got := c.next(t)
			customer.verified(t, got, r.Delivery)
			if r.Webhook != customer.id || r.Event != customer.event || r.URL != before[0].URL || r.Status != http.StatusOK || r.Reason != "" {
				t.Errorf("webhook test wrote %s", said)
			}
			contains(t, got.body, map[string]string{
				"squake": `{"data":{"test":true}}`, "shoptet": `"eventInstance":"test","payload":{"test":true}}`, "abbeycross": `"type":"trip.ended"`,
			}[customer.api])

			where.run(t, "webhook", "disable", customer.id, "--account", customer.account)
			c.status.Store(http.StatusNoContent)
			line := where.run(t, customer.test(openly...)...)
			customer.verified(t, c.next(t), "")
			contains(t, line, before[0].URL+" responded with 204 to sample ", " of "+customer.event)

			c.status.Store(http.StatusGone) // which disables nothing
			where.run(t, "webhook", "enable", customer.id, "--account", customer.account)
			contains(t, where.fails(t, customer.test(openly...)...), before[0].URL, " failed: ", "410")
			c.next(t)
			after := where.webhookDetails(t, customer)
			after[0].Version, after[0].Updated = before[0].Version, before[0].Updated
			if a, b := after[0].text(), before[0].text(); a != b {
				t.Errorf("samples changed the webhook from\n%sto\n%s", b, a)
			}
		})
	}
	if list := where.run(t, "delivery", "list", "--json"); list != "[]" {
		t.Errorf("deliveries: %s, want none", list)
	}
	c.nothingMore(t)
}

// Where a webhook has several events, one can be chosen.
func TestSampleOfAnEvent(t *testing.T) {
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, s, c)[2]
	where.run(t, customer.test(append(openly, "--event", "trip.begun")...)...)
	contains(t, c.next(t).body, `"type":"trip.begun"`)
	args := append([]string{"hookline"}, append(customer.test("--event", "load.weighed"), where.flags()...)...)
	contains(t, fails(t, exitUsage, args...), customer.id, "load.weighed")
	c.nothingMore(t)
}

// A sample that is not taken is a failure, which says why, and tells machines
// the same. By itself the command sends where a server without --dev does.
func TestSampleThatFails(t *testing.T) {
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, s, c)[0]
	for _, given := range []struct {
		response int
		flags    []string
		status   int
		reason   string
	}{
		{500, openly, 500, "500"},
		{302, openly, 302, "302"},
		{200, nil, 0, "https"},
		{200, []string{"--allow-private"}, 0, "https"},
		{200, []string{"--allow-http"}, 0, "not public"},
	} {
		c.status.Store(int64(given.response))
		var out, said bytes.Buffer
		p := testProgram(noSettings, &out, &said)
		err := p.run(t.Context(), append([]string{"hookline"}, append(customer.test(append(given.flags, "--json")...), where.flags()...)...))
		if err == nil {
			t.Fatalf("%v with %d: it says that it was taken: %s", given.flags, given.response, out.String())
		}
		contains(t, err.Error(), " failed: ", given.reason)
		var r sampleResult
		decode(t, out.String(), &r)
		if r.Status != given.status || !strings.Contains(r.Reason, given.reason) {
			t.Errorf("%v with %d: %s, want %d because of %s", given.flags, given.response, out.String(), given.status, given.reason)
		}
		if given.status != 0 {
			c.next(t)
		}
	}
	contains(t, where.fails(t, "webhook", "test", "nothing", "--account", customer.account), "has no webhook \"nothing\"")
	contains(t, where.fails(t, "webhook", "test", customer.id, "--account", "squake:nobody"), "there is no account squake:nobody")
	contains(t, where.fails(t, "webhook", "test", customer.id, "--account", "shoptet:1"), "shoptet:1 has no webhook")
	c.nothingMore(t)
}

// The key that opens the customer's is the data directory's: without it there
// is a line that says so, and no sample that is not signed.
func TestSampleWithoutSealingKey(t *testing.T) {
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, s, c)[0]
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	remove(t, where.data+"/sealing.key")
	contains(t, where.fails(t, customer.test(openly...)...), "the sealing key is missing")
	c.nothingMore(t)
}

// webhookDetails are what webhook show tells.
func (p dataDir) webhookDetails(t testing.TB, customer *customerOf) (list []webhookDetails) {
	t.Helper()
	decode(t, p.run(t, "webhook", "show", "--json", customer.id, "--account", customer.account), &list)
	return list
}
