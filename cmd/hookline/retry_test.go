package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// What was delivered, what failed for good and what waits for its next attempt
// are attempted at once when the operator says so, under the same webhook-id,
// with the same body.
func TestRetry(t *testing.T) {
	t.Parallel()
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

// With --wait a retry tells what came of the attempt, and fails if that failed.
func TestRetryAndWait(t *testing.T) {
	t.Parallel()
	where, s, c, customer := startedServer(t)
	c.status.Store(http.StatusInternalServerError)
	id := customer.published(t, where)
	c.next(t)
	where.becomes(t, customer.account, id, attempted(1))
	retry := append([]string{"hookline", "delivery", "retry", id, "--wait", "--account", customer.account}, where.flags()...)
	contains(t, fails(t, exitFailed, retry...), "attempt 2 of "+id+" failed: answered 500; the next is in ")
	c.status.Store(http.StatusAccepted)
	var out strings.Builder
	if err := testProgram(noSettings, &out, io.Discard).run(t.Context(), retry); err != nil || !strings.HasSuffix(out.String(), " responded with 202 to attempt 3 of "+id+"\n") {
		t.Errorf("delivery retry --wait: %v, %q", err, out.String())
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	contains(t, fails(t, exitFailed, append(retry, "--timeout", "20ms")...), "attempt 4 of "+id+" was not made within 20ms; does a server run on this data?")
	contains(t, fails(t, exitUsage, append(retry, "--timeout", "0s")...), "--timeout: give a duration")
}

// After a webhook was disabled, it is listed among those of all accounts, and
// what it missed is recovered once it is enabled: once, also if the command is
// repeated as of the same time.
func TestRecover(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, where dataDir) {
		s := boot(t, where.data, append(where.flags()[2:], "--dev")...)
		c := openSite(t)
		customer := customers(t, where, s, c)[2]
		c.status.Store(http.StatusGone)
		ids := map[string]bool{customer.published(t, where): true}
		c.next(t)
		for id := range ids {
			where.becomes(t, customer.account, id, attempted(1))
		}
		for range 2 {
			said := where.run(t, "publish", "--account", customer.account, "--event", customer.event)
			id, _, _ := strings.Cut(strings.TrimPrefix(said, "held "), ":")
			ids[id] = true
		}
		var failing []webhookResult
		decode(t, where.run(t, "webhook", "list", "--all", "--api", customer.api, "--json"), &failing)
		for _, w := range failing {
			if w.Account != customer.account || w.ID != customer.id || w.State != "disabled" || w.Event == customer.event && w.LastStatus != http.StatusGone {
				t.Errorf("failing: %+v", w)
			}
		}
		if len(failing) != 2 { // its events
			t.Errorf("%d webhooks fail, want 2", len(failing))
		}

		since := []string{"delivery", "recover", "--json", "--account", customer.account, "--since", "1h"}
		where.recovers(t, 0, since...)
		where.run(t, "webhook", "enable", customer.id, "--account", customer.account)
		again := time.NewTicker(100 * time.Millisecond)
		defer again.Stop()
		for where.recovers(t, 0, append(since, "--dry-run")...).Matching < len(ids) {
			<-again.C // what failed within the last second is left out
		}
		c.status.Store(http.StatusOK)
		result := where.recovers(t, len(ids), since...)
		for range len(ids) {
			got := c.next(t)
			id := got.header.Get("webhook-id")
			if !ids[id] {
				t.Errorf("%q was sent, want one of %v", id, ids)
			}
			delete(ids, id)
		}
		where.recovers(t, 0, append(since, "--as-of", result.AsOf.Format(time.RFC3339Nano))...)
		where.recovers(t, 0, append(since, "--event", "trip.begun")...)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		c.nothingMore(t)
	})
}

// recovers runs a recovery that resends as many.
func (p dataDir) recovers(t *testing.T, want int, args ...string) (result recoverResult) {
	t.Helper()
	decode(t, p.run(t, args...), &result)
	if result.Resent != want {
		t.Fatalf("%s: %+v, want %d resent", args, result, want)
	}
	return result
}
