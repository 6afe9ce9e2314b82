package main

import (
	"net/http"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// What was delivered, what failed for good and what waits for its next attempt
// are attempted at once when the operator says so, under the same webhook-id,
// with the same body.
func TestRetry(t *testing.T) {
	onEachStore(t, func(t *testing.T, where dataDir) {
		s := boot(t, where.data, append(where.flags()[2:], "--dev")...)
		c := openSite(t)
		list := customers(t, where, s, c)
		firsts := []struct {
			customer *customerOf
			response int
			state    string
		}{
			{list[1], http.StatusInternalServerError, webhook.StatusRetrying.String()}, // in 15 minutes
			{list[0], http.StatusOK, webhook.StatusDelivered.String()},
			{list[2], http.StatusGone, webhook.StatusFailed.String()},
		}
		if where.prefix != "" {
			firsts = firsts[:1] // there a server notices the commands' writes each second only
		}
		for _, first := range firsts {
			customer := first.customer
			c.status.Store(int64(first.response))
			id := customer.published(t, where, "--payload", `{"n":1.0}`)
			before := c.next(t)
			where.becomes(t, customer.account, id, attempted(1))
			if d := where.show(t, customer.account, id); d.Status != first.state || d.Code != first.response {
				t.Errorf("%s: %+v, want it %s", customer.api, d, first.state)
			}
			if first.response == http.StatusGone {
				where.run(t, "webhook", "enable", customer.id, "--account", customer.account)
			}
			c.status.Store(http.StatusOK)
			if said := where.run(t, "delivery", "retry", id, "--account", customer.account); said != "attempt 2 of "+id+" is due now" {
				t.Errorf("delivery retry said %q", said)
			}
			after := c.next(t)
			customer.verified(t, after, id)
			if after.body != before.body {
				t.Errorf("%s: the body was %s, and is %s", customer.api, before.body, after.body)
			}
			where.becomes(t, customer.account, id, attempted(2))
			if d := where.show(t, customer.account, id); d.Status != webhook.StatusDelivered.String() || d.Next != nil || d.Reason != "" {
				t.Errorf("%s: %+v, want it delivered", customer.api, d)
			}
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		c.nothingMore(t)
	})
}

// A delivery that cannot be made is not tried: the reason is told, and nothing
// is sent when a server starts.
func TestRetryThatCannotBe(t *testing.T) {
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, s, c)[0]
	id := customer.published(t, where)
	c.next(t)
	where.becomes(t, customer.account, id, attempted(1))
	retry := []string{"delivery", "retry", id, "--account", customer.account}

	where.run(t, "webhook", "disable", customer.id, "--account", customer.account)
	contains(t, where.fails(t, retry...), id, "the webhook is disabled")
	where.run(t, "webhook", "delete", customer.id, "--account", customer.account)
	contains(t, where.fails(t, retry...), id, "the webhook was deleted")
	customer.register(t, s, c.url+"/another") // for the same event
	contains(t, where.fails(t, retry...), id, "the webhook was deleted")
	contains(t, where.fails(t, "delivery", "retry", id[:43]+"g", "--account", customer.account), "has no delivery")
	if d := where.show(t, customer.account, id); d.Status != webhook.StatusDelivered.String() || d.Attempts != 1 || d.Next != nil {
		t.Errorf("the delivery is %+v, want it as it was", d)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	c.nothingMore(t)
}

// A retry that no server has made yet can be asked for again, and the attempt
// is made once, when one starts.
func TestRetryWhileNoServerRuns(t *testing.T) {
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, s, c)[0]
	id := customer.published(t, where)
	c.next(t)
	where.becomes(t, customer.account, id, attempted(1))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var r deliveryResult
		decode(t, where.run(t, "delivery", "retry", id, "--json", "--account", customer.account), &r)
		if r.ID != id || r.Attempts != 1 || r.Next == nil {
			t.Errorf("delivery retry: %+v, want the second attempt to come", r)
		}
	}
	again := boot(t, where.data, "--dev")
	customer.verified(t, c.next(t), id)
	where.becomes(t, customer.account, id, func(d webhook.Delivery) bool { return d.Attempts == 2 && !d.Open() })
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	c.nothingMore(t)
}
