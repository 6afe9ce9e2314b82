package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/record"
	"github.com/hookline/hookline/pkg/webhook"
)

// A server that is told to stop waits for the attempts under way, and what they
// come to stands: no start makes them again.
func TestStopWaitsForAttempts(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	var ids []string
	list := patient(customers(t, where, s, c))
	release := c.block()
	for _, customer := range list {
		ids = append(ids, customer.published(t, where))
	}
	for range list {
		c.next(t)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	awaitClosed(t, s.URL)
	select {
	case err := <-stopped:
		t.Fatalf("serve ended, with %v, while attempts were under way", err)
	default:
	}
	release()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	for i, customer := range list {
		if d := where.show(t, customer.account, ids[i]); d.Status != webhook.StatusDelivered.String() || d.Attempts != 1 {
			t.Errorf("%s: %+v, want it delivered at once", customer.api, d)
		}
	}
	if err := boot(t, where.data, "--dev").stop(); err != nil {
		t.Fatal(err)
	}
	c.nothingMore(t)
}

// patient are the customers whose attempts do not end by themselves after the 4
// seconds of Shoptet's.
func patient(list []*customerOf) []*customerOf {
	return slices.DeleteFunc(list, func(c *customerOf) bool { return c.api == "shoptet" })
}

// Attempts that outlast a server's timeout are cut off without being counted,
// and made again, under the same webhook-ids, at the next start.
func TestAttemptsThatWereCutOffAreMadeAgain(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	list := patient(customers(t, where, s, c))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	release := c.block()
	ids := map[string]*customerOf{}
	for _, customer := range list {
		ids[customer.published(t, where)] = customer
	}
	log := serveImpatiently(t, where, func() {
		for range list {
			c.next(t)
		}
	})
	if strings.Contains(log, `"msg":"attempt"`) {
		t.Errorf("an attempt that was cut off is logged as one: %s", log)
	}
	for id, customer := range ids {
		if d := where.show(t, customer.account, id); d.Status != webhook.StatusPending.String() || d.Attempts != 0 || d.Next == nil {
			t.Errorf("%s: %+v, want it pending", customer.api, d)
		}
	}
	release()
	again := boot(t, where.data, "--dev")
	for range list {
		got := c.next(t)
		customer := ids[got.header.Get("Webhook-Id")]
		if customer == nil {
			t.Fatalf("webhook-id %q is another than before", got.header.Get("Webhook-Id"))
		}
		customer.verified(t, got, "")
	}
	for id, customer := range ids {
		where.becomes(t, customer.account, id, attempted(1))
	}
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	c.nothingMore(t)
}

// serveImpatiently runs a server that waits for nothing when it stops, until
// ready returns, and gives its log.
func serveImpatiently(t *testing.T, where dataDir, ready func()) string {
	t.Helper()
	p := testProgram(noSettings, io.Discard, io.Discard)
	p.flags = &globals{Data: where.data}
	log := &record.Buffer{}
	s, err := (&serveCommand{Listen: "127.0.0.1:0", Dev: true}).boot(t.Context(), p, logTo(log))
	if err != nil {
		t.Fatal(err)
	}
	s.timeout = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	ready()
	cancel()
	if err := errors.Join(<-ended, s.Close()); err != nil {
		t.Errorf("serve ended with %v", err)
	}
	return log.String()
}

// What was published while no server ran is delivered at the next start, and
// what needs no server is done without one.
func TestPublishedWhileNoServerRan(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	list := customers(t, where, s, c)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	ids := map[string]*customerOf{}
	for range 3 {
		for _, customer := range list {
			ids[customer.published(t, where)] = customer
		}
	}
	c.nothingMore(t)
	again := boot(t, where.data, "--dev")
	for range len(ids) {
		got := c.next(t)
		id := got.header.Get("Webhook-Id")
		if ids[id] == nil {
			t.Fatalf("%s arrived twice, or was never published", id)
		}
		ids[id].verified(t, got, id)
		delete(ids, id)
	}
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	c.nothingMore(t)
}

// With an account its deliveries end: those that no server has seen, and those
// that wait for another attempt. None arrives any more, though an account of
// that name registers the same event again.
func TestDeleteAccountCancelsDeliveries(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, where dataDir) {
		flags := append(where.flags()[2:], "--dev")
		s := boot(t, where.data, flags...)
		c := openSite(t)
		list := customers(t, where, s, c)
		leaving, staying := list[0], list[2]
		c.status.Store(http.StatusInternalServerError)
		operator := newOperator(t, where, s) // whose events a server attempts at once
		at := time.Now().UTC().Truncate(time.Second)
		failed := *operator.publish(t, leaving.eventOf(t, "failed", at, "1"))[0].Delivery
		c.next(t)
		where.becomes(t, leaving.account, failed, attempted(1))
		c.status.Store(http.StatusOK)
		done := *operator.publish(t, leaving.eventOf(t, "done", at, "1"))[0].Delivery
		c.next(t)
		where.becomes(t, leaving.account, done, attempted(1))
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		unseen := leaving.published(t, where)

		said := where.run(t, "account", "delete", "--wait", "--json", leaving.account)
		if want := fmt.Sprintf(`{"deleted":%q,"tokens":1,"webhooks":1,"cancelled":2}`, leaving.account); said != want {
			t.Errorf("account delete said %s, want %s", said, want)
		}
		for id, want := range map[string]webhook.Status{failed: webhook.StatusCancelled, unseen: webhook.StatusCancelled, done: webhook.StatusDelivered} {
			d := where.becomes(t, leaving.account, id, func(webhook.Delivery) bool { return true })
			if d.Open() || d.Status != want || want == webhook.StatusCancelled && d.Reason != "cancelled: the account was deleted" {
				t.Errorf("delivery %+v, want it cancelled or as it was", d)
			}
		}
		where.startsAnew(t, c, leaving, staying, flags, unseen)
	})
}

// startsAnew makes an account of the same id with a webhook for the same event,
// which gets nothing of what was published to the one before.
func (p dataDir) startsAnew(t *testing.T, c *site, leaving, staying *customerOf, flags []string, old string) {
	t.Helper()
	s := boot(t, p.data, flags...)
	leaving.auth = "Authorization: Bearer " + s.token(t, leaving.api) // a new demo account
	leaving.register(t, s, c.url+leaving.path)
	contains(t, p.fails(t, "delivery", "retry", old, "--account", leaving.account), "the account was deleted")
	for _, customer := range []*customerOf{staying, leaving} {
		id := customer.published(t, p)
		customer.verified(t, c.next(t), id)
		p.becomes(t, customer.account, id, attempted(1))
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	c.nothingMore(t)
}

// logTo writes a server's log.
func logTo(log io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(log, nil)) }

// After a restart the record of a webhook tells the queue whether it is proven,
// on either store.
func TestWhoIsProven(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, where dataDir) {
		where.on(t, "squake:acme")
		s, now := where.open(t), time.Now().UTC().Truncate(time.Millisecond)
		sent := webhook.Statistics{LastSentAt: now, Since: now}
		failing := sent
		failing.FailedAttempts, failing.LastFailedAt = 1, now
		made := webhook.Creation{Webhooks: []webhook.Webhook{
			{Event: "never called"}, {Event: "healthy", Statistics: sent}, {Event: "failing", Statistics: failing},
			{Event: "disabled", Statistics: sent, Disabled: true, DisabledAt: now},
		}}
		for i := range made.Webhooks {
			w := &made.Webhooks[i]
			w.Account, w.ID, w.RequestID = webhook.Account{API: "squake", ID: "acme"}, w.Event, "claim"
			w.URL, w.Version, w.CreatedAt, w.SealedKey = "https://receiver.example/", 1, now, []byte("SEALED")
		}
		if _, err := s.Create(t.Context(), made); err != nil {
			t.Fatal(err)
		}
		proven := provenIn(s, slog.New(slog.NewTextHandler(t.Output(), nil)))
		for _, event := range []string{"never called", "healthy", "failing", "disabled", "of nobody"} {
			if got := proven(t.Context(), webhook.EventKey{Account: made.Webhooks[0].Account, Event: event}); got != (event == "healthy") {
				t.Errorf("the webhook %s is proven: %t", event, got)
			}
		}
	})
}
