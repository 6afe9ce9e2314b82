package modeltest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/caught"
	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// customer is one account.
type customer struct {
	*customers
	webhook.Account
	leaves bool

	mu       sync.Mutex
	accepted map[string]bool
	opened   int // how often all of its deliveries may have been opened
}

// answered fails the test unless a status is one of those.
func (c *customer) answered(what string, status int, want ...int) {
	if !slices.Contains(want, status) {
		c.t.Errorf("%s of %v: status %d, want one of %d", what, c.Account, status, want)
	}
}

func (c *customer) path(rest string) string { return "/operator/accounts/" + c.String() + rest }

// publish publishes the events of some rounds, and some of them again.
func (c *customer) publish(ctx context.Context, from, until int) {
	for n := from; n < until; n++ {
		var events []map[string]any
		for _, i := range []int{2 * n, 2*n + 1, n} {
			events = append(events, map[string]any{"account": c.String(), "event": "order", "id": fmt.Sprint(i), "time": startTime.Add(time.Duration(i) * time.Second)})
		}
		var got struct {
			Results []struct {
				Status   string
				Delivery string
			}
		}
		c.answered("publication", c.call(ctx, http.MethodPost, operator.Path, map[string]any{"events": events}, &got), 202)
		for _, r := range got.Results {
			switch r.Status {
			case "accepted", "duplicate", "held":
				c.mu.Lock()
				c.accepted[r.Delivery] = true
				c.mu.Unlock()
			case "failed":
			case "no_webhook", "unknown_account":
				if !c.leaves {
					c.t.Errorf("%v: %s", c.Account, r.Status)
				}
			default:
				c.t.Errorf("%v: %+v", c.Account, r)
			}
		}
	}
}

// known are the deliveries that were accepted by now.
func (c *customer) known() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for id := range c.accepted {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}

// list lists the deliveries by pages of three. What was accepted before is there
// once, and nothing is there twice.
func (c *customer) list(ctx context.Context) (listed map[string]string) {
	before, listed := c.known(), map[string]string{}
	for cursor := ""; ; {
		var page struct {
			Deliveries []struct{ ID, Status string }
			Next       string
		}
		status := c.call(ctx, http.MethodGet, c.path("/deliveries?limit=3"+cursor), nil, &page)
		if c.answered("list", status, 200, 404); status == 404 {
			if !c.leaves {
				c.t.Errorf("%v is gone", c.Account)
			}
			return nil
		}
		for _, d := range page.Deliveries {
			if _, twice := listed[d.ID]; twice {
				c.t.Errorf("%s is listed twice", d.ID)
			}
			listed[d.ID] = d.Status
		}
		if page.Next == "" {
			break
		}
		cursor = "&cursor=" + page.Next
	}
	for _, id := range before {
		if _, found := listed[id]; !found {
			c.t.Errorf("%s was accepted and is not listed", id)
		}
	}
	return listed
}

// recover has everything attempted again, as of one time, and repeats all of it
// when that was done.
func (c *customer) recover(ctx context.Context) {
	c.mu.Lock()
	c.opened++
	c.mu.Unlock()
	c.clock.Advance(2 * time.Second) // clocks may differ by one
	asOf := c.clock.Now()
	for range 2 {
		c.drained()
		for cursor := any(nil); ; {
			request := map[string]any{"from": startTime.Add(-time.Hour), "limit": 4, "as_of": asOf}
			if cursor != nil {
				request["cursor"] = cursor
			}
			var got struct{ Next *string }
			status := c.call(ctx, http.MethodPost, c.path("/recover"), request, &got)
			if c.answered("recovery", status, 202, 404, 409); status != 202 || got.Next == nil {
				break
			}
			cursor = *got.Next
		}
	}
}

// retry asks for one more attempt of some deliveries.
func (c *customer) retry(ctx context.Context, rounds int) {
	for range rounds {
		known := c.known()
		if len(known) == 0 {
			continue
		}
		id := known[c.draw(len(known))]
		c.customers.mu.Lock()
		c.excused[id] += 20 // it is asked for anew each time
		c.customers.mu.Unlock()
		c.answered("retry", c.call(ctx, http.MethodPost, c.path("/deliveries/"+id+"/retry"), nil, nil), 202, 404, 409)
	}
}

// toggle disables the webhook and enables it, and lets customers get tokens.
func (c *customer) toggle(ctx context.Context, rounds int) {
	for range rounds {
		for _, what := range []string{"disable", "enable"} {
			c.answered(what, c.call(ctx, http.MethodPost, c.path("/webhooks/w1/"+what), nil, nil), 200, 404)
		}
		c.answered("token", c.call(ctx, http.MethodPost, c.path("/tokens"), map[string]any{}, nil), 201, 404, 409)
	}
}

// testLeaving has so many customers, of whom half leave.
func testLeaving(c *customers, count, rounds int) {
	ctx := c.t.Context()
	var list []*customer
	for i := range count {
		one := &customer{customers: c, Account: webhook.Account{API: "squake", ID: fmt.Sprint("customer-", i)}, leaves: i%2 == 0, accepted: map[string]bool{}}
		one.answered("creation", c.call(ctx, http.MethodPut, one.path(""), nil, nil), 200, 201)
		one.register(ctx)
		list = append(list, one)
	}
	var busy []func()
	for i, one := range list {
		busy = append(busy,
			func() {
				for half := range 2 {
					one.publish(ctx, half*rounds/2, (half+1)*rounds/2)
					one.recover(ctx)
					one.list(ctx)
				}
			},
			func() { one.toggle(ctx, rounds/2) },
		)
		if i%3 == 0 { // the others show that one recovery sends nothing twice
			busy = append(busy, func() { one.retry(ctx, rounds) })
		}
		if one.leaves {
			busy = append(busy, func() {
				for len(one.known()) < rounds { // half of what is published
					one.list(ctx)
				}
				one.answered("deletion", c.call(ctx, http.MethodDelete, one.path(""), nil, nil), 202, 404)
			})
		}
	}
	busy = append(busy, func() { c.listAccounts(ctx, list) })
	c.together(ctx, busy...)
	c.clock.Advance(registry.DeletionPause + time.Minute)
	c.finish(ctx, list)
	for _, one := range list {
		if one.leaves {
			one.checkGone(ctx)
		} else {
			one.checkStays(ctx)
		}
	}
	if c.lost == 0 {
		c.t.Error("nothing was lost")
	}
}

// register adds the webhook, past the API of customers.
func (c *customer) register(ctx context.Context) {
	w := webhook.Webhook{
		Account: c.Account, Event: "order", ID: "w1", RequestID: rand.Text(), URL: "https://receiver.example", SealedKey: []byte("sealed"),
		Version: 1, CreatedAt: c.clock.Now(),
	}
	if _, err := c.direct.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
		c.t.Error(err)
	}
}

// listAccounts lists all accounts by pages of two: those that stay are there
// once.
func (c *customers) listAccounts(ctx context.Context, list []*customer) {
	for range 3 {
		listed := map[string]int{}
		for cursor := ""; ; {
			var page struct {
				Accounts []struct{ Account string }
				Next     string
			}
			if status := c.call(ctx, http.MethodGet, "/operator/accounts?api=squake&limit=2"+cursor, nil, &page); status != 200 {
				c.t.Errorf("list of accounts: status %d", status)
				return
			}
			for _, a := range page.Accounts {
				listed[a.Account]++
			}
			if page.Next == "" {
				break
			}
			cursor = "&cursor=" + page.Next
		}
		for _, one := range list {
			if n := listed[one.String()]; n > 1 || n == 0 && !one.leaves {
				c.t.Errorf("%v is listed %d times", one.Account, n)
			}
		}
	}
}

// finish completes the deletions, by two at once that fail now and then, while
// whatever could still be sent to those who left is tried again.
func (c *customers) finish(ctx context.Context, list []*customer) {
	// Of every other one who leaves: the deletions cancel what the others have.
	late := map[webhook.Account]bool{}
	for i, one := range list {
		late[one.Account] = one.leaves && i%4 == 0
	}
	c.waiting = slices.DeleteFunc(slices.Clone(c.all), func(m webhook.Message) bool { return !late[m.Account] })
	c.closed = true
	c.together(ctx)
	finisher := registry.NewFinisher(c.store, c.clock.Now, slog.New(slog.DiscardHandler))
	var busy []func()
	for range 2 {
		busy = append(busy, func() {
			for tries := 0; finisher.Finish(ctx) != nil; tries++ {
				if tries == 200 {
					c.t.Error("the deletions are never finished")
					return
				}
			}
		})
	}
	for _, one := range list {
		if one.leaves {
			busy = append(busy, func() {
				one.publish(ctx, 0, 2)
				one.recover(ctx)
				one.retry(ctx, 3)
				one.toggle(ctx, 1)
				one.list(ctx)
			})
		}
	}
	c.together(ctx, busy...)
	c.clock.Advance(registry.DeletionPause + time.Minute)
	for tries := 0; ; tries++ { // what was postponed, as after a token came late
		left, err := c.direct.ClosingAccounts(ctx)
		if err == nil && len(left) == 0 || tries == 200 {
			break
		}
		_ = finisher.Finish(ctx)
		c.clock.Advance(registry.DeletionPause + time.Minute)
	}
	c.closed = false
}

// stored reads the deliveries of an account. None is both over and due.
func (c *customer) stored(ctx context.Context) (list []webhook.Delivery) {
	err := c.direct.Deliveries(ctx, c.Account, time.Time{}, func(d webhook.Delivery) bool {
		if d.Open() == d.Next.IsZero() || d.Open() == d.Due.IsZero() {
			c.t.Errorf("%v, next at %v and due at %v", d.Status, d.Next, d.Due)
		}
		list = append(list, d)
		return true
	})
	if err != nil {
		c.t.Error(err)
	}
	known := c.known()
	for _, id := range known {
		if !slices.ContainsFunc(list, func(d webhook.Delivery) bool { return d.ID() == id }) {
			c.t.Errorf("%s of %v was accepted and is lost", id, c.Account)
		}
	}
	return list
}

// checkGone checks that nothing is left of a customer but what became of their
// events, and that who comes after them under that name gets none of it.
func (c *customer) checkGone(ctx context.Context) {
	_, err := c.direct.Account(ctx, c.Account)
	webhooks, webhooksErr := c.direct.Webhooks(ctx, c.Account)
	tokens, tokensErr := c.direct.Tokens(ctx, c.Account)
	if !errors.Is(err, webhook.ErrNotFound) || len(webhooks)+len(tokens) > 0 || errors.Join(webhooksErr, tokensErr) != nil {
		c.t.Errorf("%v: account %v, %d webhooks, %d tokens, %v", c.Account, err, len(webhooks), len(tokens), errors.Join(webhooksErr, tokensErr))
	}
	for _, d := range c.stored(ctx) {
		if d.Open() {
			c.t.Errorf("%v is gone and awaits an attempt: %+v", c.Account, d)
		}
	}
	c.answered("successor", c.call(ctx, http.MethodPut, c.path(""), nil, nil), 200, 201)
	c.register(ctx)
	sent := c.count()
	c.recover(ctx)
	c.retry(ctx, 3)
	c.waiting = slices.DeleteFunc(slices.Clone(c.all), func(m webhook.Message) bool { return m.Account != c.Account })
	c.together(ctx)
	c.mu.Lock()
	c.accepted = nil
	c.mu.Unlock()
	if listed := c.list(ctx); len(listed) != 0 || c.count() != sent {
		c.t.Errorf("the successor of %v has %d deliveries; %d were sent", c.Account, len(listed), c.count()-sent)
	}
}

// checkStays checks that all is over of a customer who stays, and that nothing
// was sent more often than it was asked for.
func (c *customer) checkStays(ctx context.Context) {
	for _, d := range c.stored(ctx) {
		if d.Open() { // its message was lost
			c.attempt(ctx, d.Message())
		}
	}
	for _, d := range c.stored(ctx) {
		most := 1 + c.opened + c.excused[d.ID()]
		if n := c.requests[d.ID()]; d.Open() || n > most || int64(n) < d.Attempts {
			c.t.Errorf("sent %d times, %d at most: %+v", n, most, d)
		}
	}
}

func TestLeavingOnSQLite(t *testing.T) {
	for seed := range long.Pick[uint64](1, 10) {
		direct := memory.Open(t)
		s := faulty(direct, mathrand.New(mathrand.NewPCG(seed, 1)))
		testLeaving(newCustomers(t, s, direct, seed), 6, long.Pick(12, 20))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestLeavingOnDynamoDB(t *testing.T) {
	server := dynamolocal.Start(t)
	tables, proxy := server.NewTables(t), faultproxy.Start(t, server.URL)
	proxy.Inject(faultproxy.Plan{Seed: 6, Rate: 0.1, Kinds: []faultproxy.Kind{ // those that take no time
		faultproxy.DropBefore, faultproxy.DropAfter, faultproxy.ErrorAfter, faultproxy.CutAfter, faultproxy.Throttled,
	}})
	direct := openDynamo(t, server.URL, tables, 30*time.Second)
	faulty := openDynamo(t, proxy.URL, tables, 30*time.Second, func(c *dynamo.Config) {
		c.Jitter = func(time.Duration) time.Duration { return 0 }
	})
	testLeaving(newCustomers(t, faulty, direct, 6), long.Pick(4, 8), long.Pick(8, 30))
	if proxy.Counts().Injected() == 0 {
		t.Error("no request met a fault")
	}
}

// TestLeavingFindsFaults shows that it can fail.
func TestLeavingFindsFaults(t *testing.T) {
	for name, wrap := range map[string]func(store.Store) store.Store{
		"recovers twice":       func(s store.Store) store.Store { return &forgetsWhen{s} },
		"sends to who left":    func(s store.Store) store.Store { return &ignoresClosing{s} },
		"cancels nothing":      func(s store.Store) store.Store { return &hidesOpen{s} },
		"loses one of a page":  func(s store.Store) store.Store { return &shortPages{s} },
		"lists the same again": func(s store.Store) store.Store { return &longPages{s} },
	} {
		t.Run(name, func(t *testing.T) {
			found := false
			for seed := uint64(1); !found && seed < 30; seed++ { // it takes some luck
				direct := memory.Open(t)
				found, _ = caught.By(t, func(tb testing.TB) { testLeaving(newCustomers(tb, wrap(direct), direct, seed), 4, 8) })
			}
			if !found {
				t.Error("not found")
			}
		})
	}
}
