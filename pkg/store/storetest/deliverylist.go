package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The latest event comes first, whenever it was added; from is inclusive, and
// yield ends the list when it likes.
func testDeliveryOrder(t *testing.T, s *suite) {
	const count = 25
	account := newAccount()
	s.mustDeliver(t, account, time.Time{})
	want := make([]webhook.Delivery, count)
	for i := range want {
		want[i] = newDelivery(account, 1000*(count-i)) // the latest first
	}
	for i := range want {
		s.mustAdd(t, want[i*7%count]) // 7 and 25 have no common factor
	}
	s.mustDeliver(t, account, time.Time{}, want...)
	for _, i := range []int{0, 1, count / 2, count - 1} {
		s.mustDeliver(t, account, want[i].Time, want[:i+1]...)
		s.mustDeliver(t, account, want[i].Time.In(time.FixedZone("CEST", 2*60*60)), want[:i+1]...)
		s.mustDeliver(t, account, want[i].Time.Add(time.Millisecond), want[:i]...)
		s.mustDeliver(t, account, want[i].Time.Add(time.Nanosecond), want[:i]...)
		s.mustDeliver(t, account, want[i].Time.Add(-time.Nanosecond), want[:i+1]...)
		same(t, "first deliveries", s.deliveries(t, account, time.Time{}, i+1), want[:i+1])
	}
}

// Times are ordered as such from 1970 to thousands of years ahead.
func testDeliveryTimes(t *testing.T, s *suite) {
	account := newAccount()
	var want []webhook.Delivery
	for _, ms := range []int64{1<<47 - 1, 1 << 40, 1 << 32, 2, 1, 0} {
		d := newDelivery(account, 0)
		d.Time = time.UnixMilli(ms).UTC()
		want = append(want, d)
	}
	for _, d := range want {
		s.mustAdd(t, d)
	}
	s.mustDeliver(t, account, time.Time{}, want...)
	s.mustDeliver(t, account, time.UnixMilli(1), want[:5]...)
	s.mustDeliver(t, account, time.UnixMilli(1<<47), nil...)
}

// Deliveries of one millisecond come in one order at every listing, wherever
// another list ended.
func testDeliveryTies(t *testing.T, s *suite) {
	const count = 40
	account := newAccount()
	given := map[string]bool{}
	for i := range count {
		d := newDelivery(account, 0)
		d.Event = []string{"event", "event-a", "eventa"}[i%3]
		d.Time = d.Time.Add(time.Duration(i) * time.Microsecond) // all in one millisecond
		s.mustAdd(t, d)
		d.Time = at
		given[d.ID()] = true
	}
	first := s.deliveries(t, account, at, 0)
	for _, d := range first {
		if !given[d.ID()] {
			t.Fatalf("delivery %+v was not given, or comes twice", d)
		}
		delete(given, d.ID())
	}
	if len(given) > 0 {
		t.Fatalf("%d deliveries are missing", len(given))
	}
	s.mustDeliver(t, account, time.Time{}, first...)
	later := newDelivery(account, 1)
	s.mustAdd(t, later)
	s.mustDeliver(t, account, at, append([]webhook.Delivery{later}, first...)...)
	same(t, "first deliveries", s.deliveries(t, account, at, count/2), append([]webhook.Delivery{later}, first[:count/2-1]...))
}

// A list past 1 MB comes whole: 600 deliveries with URLs of 2,500 bytes, many
// of them in one millisecond.
func testDeliveriesLarge(t *testing.T, s *suite) {
	const count, urlLength, together = 600, 2500, 10
	ctx := s.context(t)
	account := newAccount()
	given := make([]webhook.Delivery, count)
	for i := range given {
		given[i] = newDelivery(account, i/together)
		given[i].URL += "/" + strings.Repeat("x", urlLength-len(given[i].URL)-1)
	}
	errs := make([]error, 8)
	race(len(errs), func(worker int) {
		for i := worker; i < count; i += len(errs) {
			_, err := s.AddDelivery(ctx, given[i])
			errs[worker] = errors.Join(errs[worker], err)
		}
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	got := s.deliveries(t, account, time.Time{}, 0)
	if !slices.IsSortedFunc(got, func(a, b webhook.Delivery) int { return b.Time.Compare(a.Time) }) {
		t.Error("the latest events do not come first")
	}
	byNewest := func(a, b webhook.Delivery) int {
		return 2*b.Time.Compare(a.Time) + strings.Compare(a.EventID, b.EventID)
	}
	slices.SortFunc(got, byNewest)
	slices.SortFunc(given, byNewest)
	same(t, "deliveries", got, given)
}

// Yield may use the store. What is added meanwhile may be seen or not; what
// was there is given once, in order.
func testDeliveriesYield(t *testing.T, s *suite) {
	const count = 20
	ctx := s.context(t)
	account := newAccount()
	want := make([]webhook.Delivery, count)
	for i := range want {
		want[i] = newDelivery(account, 2*(count-i))
	}
	s.mustAdd(t, want...)
	var got []webhook.Delivery
	seen := map[string]bool{}
	err := s.Deliveries(ctx, account, time.Time{}, func(d webhook.Delivery) bool {
		if seen[d.EventID] {
			t.Errorf("delivery %+v came twice", d)
		}
		seen[d.EventID] = true
		if d.Event == "meanwhile" {
			return true
		}
		got = append(got, d)
		now := int(d.Number)
		for _, ms := range []int{now - 1, now + 1, 3 * count, -1} {
			added := newDelivery(account, ms)
			added.Event = "meanwhile"
			s.mustAdd(t, added)
		}
		s.mustCreate(t, creation(newWebhook(account, "event-"+d.EventID)))
		return s.deliveries(t, account, time.Time{}, 1) != nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "deliveries that were there", got, want)
}

// Once the context has ended yield is not called any more, and the error says
// so.
func testDeliveriesCancelled(t *testing.T, s *suite) {
	account := newAccount()
	for i := range 5 {
		s.mustAdd(t, newDelivery(account, i))
	}
	ctx, cancel := context.WithCancel(s.context(t))
	defer cancel()
	calls := 0
	err := s.Deliveries(ctx, account, time.Time{}, func(webhook.Delivery) bool {
		calls++
		if calls == 2 {
			cancel()
		}
		return true
	})
	if !errors.Is(err, context.Canceled) || calls != 2 {
		t.Fatalf("Deliveries = %v after %d calls of yield, want one that wraps context.Canceled after 2", err, calls)
	}
}
