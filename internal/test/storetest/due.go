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

// due gives what Due gives of some accounts.
func (s *suite) due(t *testing.T, from, before time.Time, accounts ...webhook.Account) []webhook.Pending {
	t.Helper()
	var got []webhook.Pending
	err := s.Store.Due(s.context(t), from, before, func(p webhook.Pending) bool {
		if slices.Contains(accounts, p.Account) {
			got = append(got, p)
		}
		return true
	})
	if err != nil {
		t.Fatalf("Due(%v, %v): %v", from, before, err)
	}
	return got
}

// pending is what Due gives of a delivery.
func pending(d webhook.Delivery) webhook.Pending {
	return webhook.Pending{Message: d.Message(), Due: d.Due, Sends: d.Sends}
}

// mustBeDue fails the test unless exactly want of their accounts and of beside
// are due after from and not after before, the earliest first where the store
// has one part.
func (s *suite) mustBeDue(t *testing.T, from, before time.Time, beside webhook.Account, want ...webhook.Delivery) {
	t.Helper()
	accounts := []webhook.Account{beside}
	var expected []webhook.Pending
	for _, d := range want {
		accounts = append(accounts, d.Account)
		expected = append(expected, pending(d))
	}
	got := s.due(t, from, before, accounts...)
	byDue := func(a, b webhook.Pending) int { return a.Due.Compare(b.Due) }
	if s.onePart && !slices.IsSortedFunc(got, byDue) {
		t.Fatalf("what is due does not come in order: %+v", got)
	}
	byID := func(a, b webhook.Pending) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(got, byID)
	slices.SortFunc(expected, byID)
	same(t, "due deliveries", got, expected)
	for _, p := range got {
		mustBeUTC(t, p.At, p.Due)
	}
}

// What is due is given from just after one time up to another, to the
// millisecond, of whatever accounts; what has no Due never is.
func testDueWindow(t *testing.T, s *suite) {
	base, first, second := s.moment(), newAccount(), newAccount()
	s.mustBeDue(t, base.Add(-time.Hour), base.Add(time.Hour), first)
	var stored []webhook.Delivery
	for i, after := range []time.Duration{0, time.Millisecond, 2 * time.Millisecond, time.Minute, time.Hour} {
		d := newDue([]webhook.Account{first, second}[i%2], base.Add(after))
		d.Attempts, d.AttemptedAt, d.Sends = int64(i), at, int64(2*i)
		d.Payload = payload(10 + 1000*(i%3))
		stored = append(stored, s.mustKeep(t, d))
	}
	never := newDelivery(first, 0)
	never.Next = base
	s.mustAdd(t, never)
	prague := time.FixedZone("CEST", 2*60*60)
	for _, tt := range []struct {
		from, before time.Time
		want         []webhook.Delivery
	}{
		{time.Time{}, base.Add(time.Hour), stored},
		{time.Time{}, base, stored[:1]},
		{base.Add(-1), base.Add(time.Hour), stored},
		{base, base.Add(time.Hour), stored[1:]},
		{base.In(prague), base.Add(time.Hour).In(prague), stored[1:]},
		{base.Add(1), base.Add(time.Hour - 1), stored[1:4]},
		{base.Add(-time.Millisecond), base.Add(time.Millisecond - 1), stored[:1]},
		{base.Add(-time.Millisecond), base.Add(time.Millisecond), stored[:2]},
		{base.Add(time.Millisecond), base.Add(2 * time.Millisecond), stored[2:3]},
		{base.Add(time.Millisecond - 1), base.Add(2*time.Millisecond - 1), stored[1:2]},
		{base.Add(2 * time.Millisecond), base.Add(time.Minute - 1), nil},
		{base, base, nil},
		{base.Add(time.Hour), base, nil},
		{base.Add(time.Hour), base.Add(24 * time.Hour), nil},
		{base.Add(-24 * time.Hour), base.Add(-1), nil},
	} {
		got := s.due(t, tt.from, tt.before, first, second) // of both, even where only one is wanted
		if len(got) != len(tt.want) {
			t.Errorf("due after %v and not after %v: %d deliveries, want %d", tt.from, tt.before, len(got), len(tt.want))
		}
		s.mustBeDue(t, tt.from, tt.before, first, tt.want...)
	}
}

// A delivery is due by its latest Due, with the number and time of its next
// attempt, and no more when it has none.
func testDueMoves(t *testing.T, s *suite) {
	base := s.moment()
	day := func(n int) time.Time { return base.Add(time.Duration(n) * time.Hour) }
	first := newDue(newAccount(), day(1))
	first.Status, first.Next, first.Due = webhook.StatusCancelled, time.Time{}, time.Time{}
	d := s.mustKeep(t, first)
	s.mustBeDue(t, day(0), day(20), d.Account)
	// only fails the test unless d is due once, at its Due.
	only := func(d webhook.Delivery) {
		t.Helper()
		s.mustBeDue(t, day(0), day(20), d.Account, d)
		s.mustBeDue(t, d.Due.Add(-time.Millisecond), d.Due, d.Account, d)
	}
	record := func(now webhook.Delivery) {
		t.Helper()
		s.mustRecord(t, webhook.AttemptResult{Was: d, Now: now})
		d = now
	}
	record(failed(d, day(1)))
	only(d)
	lease := func(until time.Time) {
		t.Helper()
		s.mustLease(t, pending(d), until)
		d.Due, d.Sends = until, d.Sends+1
	}
	record(failed(d, day(3)))
	only(d)
	lease(day(5))
	only(d)
	lease(day(4))
	only(d)
	record(failed(d, day(2)))
	only(d)
	again := d
	again.Due = day(6)
	if _, err := s.Store.AddDelivery(s.context(t), again); !errors.Is(err, webhook.ErrExists) {
		t.Fatalf("AddDelivery again: error = %v, want ErrExists", err)
	}
	only(d)
	for _, end := range []func(webhook.Delivery) webhook.Delivery{
		sent, func(d webhook.Delivery) webhook.Delivery { return d.Cancelled("cancelled") },
	} {
		record(end(d))
		s.mustBeDue(t, day(0), day(20), d.Account)
		record(failed(d, day(7)))
		only(d)
	}
}

// Many deliveries of many accounts at once are due, each once and in order.
func testDueMany(t *testing.T, s *suite) {
	const count, each = 300, 7
	ctx, store := s.context(t), s.Store
	base := s.moment()
	given := make([]webhook.Delivery, count)
	for i := range given {
		account := newAccount()
		if i%each != 0 {
			account = given[i-1].Account
		}
		given[i] = newDue(account, base.Add(time.Duration(i*7%count/2)*time.Second)) // two at a time
		given[i].Event = strings.Repeat("event", 1+i%10)
		given[i].Payload = nil
	}
	errs := make([]error, 8)
	race(len(errs), func(worker int) {
		for i := worker; i < count; i += len(errs) {
			stored, err := store.AddDelivery(ctx, given[i])
			given[i].PayloadRef = stored.PayloadRef
			errs[worker] = errors.Join(errs[worker], err)
		}
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s.mustBeDue(t, base.Add(-1), base.Add(time.Hour), newAccount(), given...)
	var early []webhook.Delivery
	for _, d := range given {
		if !d.Due.After(base.Add(20 * time.Second)) {
			early = append(early, d)
		}
	}
	s.mustBeDue(t, base.Add(-1), base.Add(20*time.Second), newAccount(), early...)
}

// Yield ends what is given when it likes.
func testDueStop(t *testing.T, s *suite) {
	base, account := s.moment(), newAccount()
	for i := range 20 {
		s.mustKeep(t, newDue(account, base.Add(time.Duration(i)*time.Second)))
	}
	for stop := 1; stop <= 20; stop += 6 {
		calls := 0
		err := s.Store.Due(s.context(t), base.Add(-1), base.Add(time.Minute), func(webhook.Pending) bool {
			calls++
			return calls != stop
		})
		if err != nil || calls != stop {
			t.Fatalf("Due = %v after %d calls of yield, want %d", err, calls, stop)
		}
	}
}

// Yield may use the store. What it puts off, records or adds does not come
// again, and what was due is given once.
func testDueYield(t *testing.T, s *suite) {
	const count = 30
	ctx, store := s.context(t), s.Store
	base, account := s.moment(), newAccount()
	want := map[string]webhook.Delivery{}
	for i := range count {
		d := s.mustKeep(t, newDue(account, base.Add(time.Duration(i)*time.Second)))
		want[d.ID()] = d
	}
	until, seen := base.Add(30*time.Minute), map[string]bool{}
	err := store.Due(ctx, base.Add(-1), base.Add(time.Hour), func(p webhook.Pending) bool {
		d, known := want[p.ID]
		if !known {
			return true // of another account, or added meanwhile
		}
		if seen[p.ID] {
			t.Errorf("delivery %s came twice", p.ID)
			return false
		}
		seen[p.ID] = true
		same(t, "due delivery", []webhook.Pending{p}, []webhook.Pending{pending(d)})
		switch len(seen) % 3 {
		case 0:
			s.mustLease(t, p, until)
		case 1:
			s.mustRecord(t, webhook.AttemptResult{Was: d, Now: failed(d, until)})
		}
		s.mustKeep(t, newDue(account, base.Add(time.Minute)))
		if len(seen)%10 == 0 { // it looks into every part of the store
			s.due(t, base.Add(-1), base, account)
		}
		return true
	})
	if err != nil || len(seen) != count {
		t.Fatalf("Due = %v after %d deliveries, want %d", err, len(seen), count)
	}
}

// Once the context has ended yield is not called any more, and the error says
// so.
func testDueCancelled(t *testing.T, s *suite) {
	base, account := s.moment(), newAccount()
	for i := range 5 {
		s.mustKeep(t, newDue(account, base.Add(time.Duration(i)*time.Second)))
	}
	ctx, cancel := context.WithCancel(s.context(t))
	defer cancel()
	calls := 0
	err := s.Store.Due(ctx, base.Add(-1), base.Add(time.Minute), func(webhook.Pending) bool {
		if calls++; calls == 2 {
			cancel()
		}
		return true
	})
	if !errors.Is(err, context.Canceled) || calls != 2 {
		t.Fatalf("Due = %v after %d calls of yield, want one that wraps context.Canceled after 2", err, calls)
	}
}

// mustLease leases, and fails the test if that fails.
func (s *suite) mustLease(t *testing.T, p webhook.Pending, until time.Time) {
	t.Helper()
	if err := s.Store.Lease(s.context(t), p, until); err != nil {
		t.Fatalf("Lease(%+v): %v", p, err)
	}
}

// A lease puts a delivery off, to the millisecond, counts itself, and leaves
// everything else.
func testLease(t *testing.T, s *suite) {
	base := s.moment()
	prague := time.FixedZone("CEST", 2*60*60)
	for _, size := range []int{100, 2000} {
		d := newDue(newAccount(), base)
		d.Payload, d.Attempts, d.AttemptedAt, d.Status = payload(size), 3, at, webhook.StatusRetrying
		d = s.mustKeep(t, d)
		beside := s.mustKeep(t, newDue(d.Account, base))
		for _, until := range []time.Time{
			base.Add(time.Hour), base.Add(2*time.Hour + 987_654*time.Nanosecond).In(prague), base.Add(-time.Minute),
		} {
			s.mustLease(t, pending(d), until)
			d.Due, d.Sends = toMilli(until), d.Sends+1
			s.mustStand(t, d)
			s.mustStand(t, beside)
		}
	}
}

// mustNotLease fails the test unless a lease is refused because the delivery
// is not as it was.
func (s *suite) mustNotLease(t *testing.T, what string, p webhook.Pending) {
	t.Helper()
	if err := s.Store.Lease(s.context(t), p, p.Due.Add(time.Hour)); !errors.Is(err, webhook.ErrChanged) {
		t.Fatalf("Lease of %s: error = %v, want ErrChanged", what, err)
	}
}

// What was attempted, recorded, leased or deleted since it was found due is not
// leased, and nothing comes to be there.
func testLeaseChanged(t *testing.T, s *suite) {
	ctx := s.context(t)
	base := s.moment()
	d := s.mustKeep(t, newDue(newAccount(), base))
	unknown, foreign, early, ahead := pending(d), pending(d), pending(d), pending(d)
	other := d
	other.EventID = newID()
	unknown.ID = other.ID()
	foreign.Account = newAccount()
	early.Due = base.Add(-time.Millisecond)
	ahead.Attempt++
	for what, p := range map[string]webhook.Pending{
		"an unknown delivery": unknown, "another account's": foreign, "another time": early, "another attempt": ahead,
	} {
		s.mustNotLease(t, what, p)
	}
	s.mustStand(t, d)
	s.mustNotBe(ctx, t, d.Account, unknown.ID)
	s.mustNotBe(ctx, t, foreign.Account, d.ID())
	s.mustDeliver(t, foreign.Account, time.Time{})

	found := pending(d)
	s.mustLease(t, found, base.Add(time.Hour))
	d.Due, d.Sends = base.Add(time.Hour), 1
	s.mustNotLease(t, "a leased delivery", found)
	s.mustStand(t, d)

	found = pending(d)
	attempted := failed(d, d.Due) // due at the same time as before
	s.mustRecord(t, webhook.AttemptResult{Was: d, Now: attempted})
	s.mustNotLease(t, "an attempted delivery", found)
	s.mustStand(t, attempted)

	found = pending(attempted)
	ended := attempted.Cancelled("cancelled") // after the same attempts
	s.mustRecord(t, webhook.AttemptResult{Was: attempted, Now: ended})
	s.mustNotLease(t, "a cancelled delivery", found)
	s.mustStand(t, ended)
	s.mustBeDue(t, base.Add(-time.Hour), base.Add(24*time.Hour), d.Account)
}

// Of concurrent leases of what was found due once exactly one succeeds.
func testLeaseRace(t *testing.T, s *suite) {
	const rivals = 8
	ctx, store := s.context(t), s.Store
	base := s.moment()
	for round := range s.rounds {
		d := s.mustKeep(t, newDue(newAccount(), base))
		errs := make([]error, rivals)
		until := func(i int) time.Time { return base.Add(time.Duration(i+1) * time.Minute) }
		race(rivals, func(i int) { errs[i] = store.Lease(ctx, pending(d), until(i)) })
		winner := oneWinner(t, errs)
		for i, err := range errs {
			if i != winner && !errors.Is(err, webhook.ErrChanged) {
				t.Fatalf("round %d: Lease: error = %v, want ErrChanged", round, err)
			}
		}
		d.Due, d.Sends = until(winner), 1
		s.mustStand(t, d)
	}
}

// Beside an attempt's result a lease is refused or overwritten: what the
// result says stands.
func testLeaseRecordRace(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	base := s.moment()
	for round := range s.rounds {
		d := s.mustKeep(t, newDue(newAccount(), base))
		now := failed(d, base.Add(2*time.Hour))
		if round%2 == 1 {
			now = sent(d)
		}
		errs := make([]error, 2)
		race(2, func(i int) {
			if i == 0 {
				_, errs[i] = store.RecordAttempt(ctx, webhook.AttemptResult{Was: d, Now: now})
				return
			}
			errs[i] = store.Lease(ctx, pending(d), base.Add(time.Hour))
		})
		if errs[0] != nil {
			t.Fatalf("round %d: RecordAttempt: %v", round, errs[0])
		}
		if errs[1] != nil && !errors.Is(errs[1], webhook.ErrChanged) {
			t.Fatalf("round %d: Lease: error = %v, want ErrChanged or none", round, errs[1])
		}
		s.mustStand(t, now)
	}
}
