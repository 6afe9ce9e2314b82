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
