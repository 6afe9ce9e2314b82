package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

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

// What was attempted, settled, leased or deleted since it was found due is not
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
	s.mustSettle(t, webhook.Settlement{Was: d, Now: attempted})
	s.mustNotLease(t, "an attempted delivery", found)
	s.mustStand(t, attempted)

	found = pending(attempted)
	ended := attempted.Cancelled("cancelled") // after the same attempts
	s.mustSettle(t, webhook.Settlement{Was: attempted, Now: ended})
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
func testLeaseSettleRace(t *testing.T, s *suite) {
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
				_, errs[i] = store.Settle(ctx, webhook.Settlement{Was: d, Now: now})
				return
			}
			errs[i] = store.Lease(ctx, pending(d), base.Add(time.Hour))
		})
		if errs[0] != nil {
			t.Fatalf("round %d: Settle: %v", round, errs[0])
		}
		if errs[1] != nil && !errors.Is(errs[1], webhook.ErrChanged) {
			t.Fatalf("round %d: Lease: error = %v, want ErrChanged or none", round, errs[1])
		}
		s.mustStand(t, now)
	}
}
