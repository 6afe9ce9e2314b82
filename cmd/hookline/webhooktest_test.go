package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// openly lets tests go where the tests' servers are.
var openly = []string{"--allow-http", "--allow-private"}

// test is the command line that sends a sample to the customer's webhook.
func (c *customerOf) test(more ...string) []string {
	return append([]string{"webhook", "test", c.id, "--account", c.account}, more...)
}

// A test is sent once, signed as every delivery of its API, by the server that
// runs, and by the command itself if none does. It changes nothing of its
// webhook; the operator sees it, and the customer does not.
func TestWebhookTest(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, where dataDir) {
		s := boot(t, where.data, append(where.flags()[2:], "--dev")...)
		c := openSite(t)
		list := customers(t, where, s, c)
		for _, more := range [][]string{nil, openly} {
			if more != nil {
				contains(t, list[1].call(t, s, http.StatusOK, "GET", "/api/webhooks/notifications", ""), `"totalCount":0`)
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
			}
			for _, customer := range list {
				before := where.webhookDetails(t, customer)
				customer.tested(t, where, c, more)
				if a, b := where.webhookDetails(t, customer)[0].text(), before[0].text(); a != b {
					t.Errorf("%s: tests changed the webhook from\n%sto\n%s", customer.api, b, a)
				}
			}
		}
		c.nothingMore(t)
	})
}

// tested tests the customer's webhook: with success, and with a 410, which
// disables nothing.
func (c *customerOf) tested(t *testing.T, where dataDir, s *site, more []string) {
	t.Helper()
	s.status.Store(http.StatusOK)
	var r testResult
	said := where.run(t, c.test(append(more, "--json")...)...)
	decode(t, said, &r)
	got := s.next(t)
	c.verified(t, got, r.Delivery)
	if r.Webhook != c.id || r.Event != c.event || !strings.HasPrefix(r.URL, s.url) || r.Status != http.StatusOK || r.Reason != "" || r.Duration == 0 {
		t.Errorf("webhook test wrote %s", said)
	}
	if d := where.show(t, c.account, r.Delivery); !d.Test || d.Status != webhook.StatusDelivered.String() || d.Attempts != 1 {
		t.Errorf("the delivery is %+v", d)
	}
	contains(t, where.run(t, "delivery", "list", "--account", c.account), "delivered (test)")
	contains(t, where.fails(t, "delivery", "retry", r.Delivery, "--account", c.account), "a test")
	s.status.Store(http.StatusNoContent)
	contains(t, where.run(t, c.test(more...)...), " responded with 204 to sample ", " of "+c.event)
	s.next(t)
	s.status.Store(http.StatusGone)
	contains(t, where.fails(t, c.test(more...)...), s.url, " failed: ", "410")
	s.next(t)
}

// Through the API the server makes the test, and refuses what it does on data.
func TestWebhookTestThroughTheAPI(t *testing.T) {
	t.Parallel()
	throughTheAPI(t, func(t *testing.T, way string) {
		where := dataDir{data: t.TempDir()}
		s := boot(t, where.data, "--dev")
		c := openSite(t)
		customer := customers(t, where, s, c)[2]
		r := reachBy(t, way, s)
		out, said, err := r.run(t, unchanged, customer.test("--event", "trip.begun", "--json")...)
		var result testResult
		decode(t, out, &result)
		if got := c.next(t); err != nil || said != "" || result.Event != "trip.begun" || !strings.Contains(got.body, `"type":"trip.begun"`) {
			t.Errorf("%s, %q, %v; received %s", out, said, err, got.body)
		}
		c.status.Store(http.StatusInternalServerError)
		where.run(t, "webhook", "list", "--account", customer.account)
		for want, args := range map[string][]string{
			"failed: answered 500":                   customer.test(),
			"--event: " + customer.id:                customer.test("--event", "load.weighed"),
			"has no webhook \"nothing\"":             {"webhook", "test", "nothing", "--account", customer.account},
			"there is no account squake:nobody":      {"webhook", "test", customer.id, "--account", "squake:nobody"},
			"what a server sends to is its own":      customer.test("--allow-http"),
			"--timeout: give a duration such as 30s": customer.test("--timeout", "0s"),
		} {
			if _, _, err := r.run(t, unchanged, args...); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", args, err, want)
			}
		}
		c.next(t)
		where.run(t, "webhook", "disable", customer.id, "--account", customer.account)
		if _, _, err := r.run(t, unchanged, customer.test()...); err == nil || !strings.Contains(err.Error(), "is disabled; enable it with: hookline --url") {
			t.Errorf("disabled: %v", err)
		}
		where.run(t, "account", "delete", customer.account)
		if _, _, err := r.run(t, unchanged, customer.test()...); err == nil || !strings.Contains(err.Error(), customer.account+" is being deleted") {
			t.Errorf("closing: %v", err)
		}
		c.nothingMore(t)
	})
}

// A test that is not delivered is a failure, which says why and what was
// answered, and tells machines the same. By itself the command sends where a
// server without --dev does, and names the flag that would help.
func TestWebhookTestFails(t *testing.T) {
	t.Parallel()
	where, c, customer := stoppedServer(t)
	for _, given := range []struct {
		response int
		flags    []string
		status   int
		reason   string
		hint     string
	}{
		{500, openly, 500, "500", ""},
		{302, openly, 302, "302", ""},
		{200, nil, 0, "https", "; --allow-http allows it"},
		{200, []string{"--allow-private"}, 0, "https", "; --allow-http allows it"},
		{200, []string{"--allow-http"}, 0, "not public", "; --allow-private allows it"},
	} {
		c.status.Store(int64(given.response))
		var out, said bytes.Buffer
		p := testProgram(noSettings, &out, &said)
		err := p.run(t.Context(), append([]string{"hookline"}, append(customer.test(append(given.flags, "--json")...), where.flags()...)...))
		if err == nil {
			t.Fatalf("%v with %d: it says that it was taken: %s", given.flags, given.response, out.String())
		}
		contains(t, err.Error(), " failed: ", given.reason, given.hint)
		var r testResult
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
	where.run(t, "webhook", "disable", customer.id, "--account", customer.account)
	contains(t, where.fails(t, customer.test(openly...)...), "is disabled; enable it with: hookline --data", " webhook enable "+customer.id+" --account "+customer.account)
	c.nothingMore(t)
}

// Beside a server that does not send to such URLs the error names the server's
// flags; the command's own do not count.
func TestWebhookTestBesideAServer(t *testing.T) {
	t.Parallel()
	where, c, customer := stoppedServer(t)
	boot(t, where.data, "--allow-http")
	contains(t, where.fails(t, customer.test(openly...)...), "not public; a server that is started with --allow-private, or with --dev, sends there")
	c.nothingMore(t)
}

// A test that is interrupted while the command attempts it is sent by nobody
// later. One that a server attempts goes on.
func TestWebhookTestInterrupted(t *testing.T) {
	t.Parallel()
	where, s, c, customer := startedServer(t)
	interrupt := func(want webhook.Status) {
		t.Helper()
		release := c.block()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		args := append([]string{"hookline"}, append(customer.test(openly...), where.flags()...)...)
		go func() { done <- testProgram(noSettings, io.Discard, io.Discard).run(ctx, args) }()
		id := c.next(t).header.Get("Webhook-Id")
		stop()
		if err := <-done; err == nil {
			t.Error("an interrupted test succeeds")
		}
		release()
		where.becomes(t, customer.account, id, func(d webhook.Delivery) bool { return !d.Open() })
		if d := where.show(t, customer.account, id); d.Status != want.String() || d.Status == webhook.StatusCancelled.String() && d.Reason != reasonInterrupted {
			t.Errorf("%+v, want it %v", d, want)
		}
	}
	interrupt(webhook.StatusDelivered)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	interrupt(webhook.StatusCancelled)
	release := c.block()
	contains(t, where.fails(t, customer.test(append(openly, "--timeout", "1s")...)...), "within 1s")
	release()
}

// The key that opens the customer's is the data directory's: without it there
// is a line that says so, and no sample that is not signed.
func TestSampleWithoutSealingKey(t *testing.T) {
	t.Parallel()
	where, c, customer := stoppedServer(t)
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
