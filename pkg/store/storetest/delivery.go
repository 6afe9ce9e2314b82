package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// newDelivery makes a delivery of an event that happened ms milliseconds
// after at.
func newDelivery(a webhook.Account, ms int) webhook.Delivery {
	return webhook.Delivery{
		Account: a, Event: "event", EventID: newID(), Time: at.Add(time.Duration(ms) * time.Millisecond),
		Number: int64(ms), Instance: "2026/0001", WebhookID: newID(), URL: "https://receiver.example/" + newID(),
		AcceptedAt: at.Add(time.Hour),
	}
}

// mustAdd adds deliveries and fails the test if that fails.
func (s *suite) mustAdd(t *testing.T, deliveries ...webhook.Delivery) {
	t.Helper()
	for _, d := range deliveries {
		if _, err := s.AddDelivery(s.context(t), d); err != nil {
			t.Fatalf("AddDelivery(%+v): %v", d, err)
		}
	}
}

// deliveries gives what Deliveries gives, up to limit if that is not 0.
func (s *suite) deliveries(t *testing.T, a webhook.Account, from time.Time, limit int) []webhook.Delivery {
	t.Helper()
	var got []webhook.Delivery
	err := s.Deliveries(s.context(t), a, from, func(d webhook.Delivery) bool {
		got = append(got, d)
		return len(got) != limit
	})
	if err != nil {
		t.Fatalf("Deliveries(%v, %v): %v", a, from, err)
	}
	return got
}

// mustDeliver fails the test unless the account has exactly want from then
// on, in that order.
func (s *suite) mustDeliver(t *testing.T, a webhook.Account, from time.Time, want ...webhook.Delivery) {
	t.Helper()
	same(t, fmt.Sprintf("deliveries of %v from %v", a, from), s.deliveries(t, a, from, 0), want)
}

// Every field comes back; times to the millisecond in UTC, zero ones zero.
func testDeliveryFields(t *testing.T, s *suite) {
	account := newAccount()
	prague := time.FixedZone("CEST", 2*60*60)
	happened := time.Date(2026, 7, 8, 9, 10, 11, 987_654_321, prague)
	full := webhook.Delivery{
		Account: account, Event: "c.d:e/f#g ž 😀", EventID: strings.Repeat("ž#", 64), Time: happened,
		Number: 1<<53 - 1, Instance: "2026000001 ž😀#'\"", WebhookID: newID(), URL: longURL(),
		AcceptedAt: happened.Add(time.Second), Attempts: 1 << 40, AttemptedAt: happened.Add(time.Minute),
		Status: webhook.StatusDelivered, Content: strings.Repeat("0123456789abcdef", 2),
		Next: happened.Add(time.Hour), Due: happened.Add(2 * time.Hour), Sends: 1<<62 + 1,
		StatusCode: 599, Reason: strings.Repeat("ž😀#'\"", 50),
	}
	failed := newDelivery(account, 0)
	failed.Status, failed.Attempts, failed.AttemptedAt = webhook.StatusFailed, 1, at
	failed.StatusCode, failed.Reason = 100, "r"
	bare := webhook.Delivery{Account: account, Event: "e", EventID: "1", Time: time.UnixMilli(0), URL: "u", AcceptedAt: at}
	s.mustAdd(t, bare, full, failed)

	full.Time = time.Date(2026, 7, 8, 7, 10, 11, 987e6, time.UTC)
	full.AcceptedAt, full.AttemptedAt = full.Time.Add(time.Second), full.Time.Add(time.Minute)
	full.Next, full.Due = full.Time.Add(time.Hour), full.Time.Add(2*time.Hour)
	s.mustDeliver(t, account, time.Time{}, full, failed, bare)
	for _, d := range s.deliveries(t, account, time.Time{}, 0) {
		mustBeUTC(t, d.Time, d.AcceptedAt, d.AttemptedAt, d.Next, d.Due)
		if (d.Attempts == 0) != d.AttemptedAt.IsZero() {
			t.Errorf("AttemptedAt = %v after %d attempts", d.AttemptedAt, d.Attempts)
		}
		if (d.Sends == 0) != d.Next.IsZero() || d.Next.IsZero() != d.Due.IsZero() {
			t.Errorf("Next = %v and Due = %v after %d sends", d.Next, d.Due, d.Sends)
		}
	}
}

// The same account, event, id and time are one delivery, and the first one
// stays as it is; where one of them differs it is another.
func testDeliveryIdentity(t *testing.T, s *suite) {
	ctx := s.context(t)
	d := newDelivery(newAccount(), 0)
	s.mustAdd(t, d)
	again := newDelivery(d.Account, 0)
	again.Event, again.EventID = d.Event, d.EventID
	again.Time = d.Time.Add(999 * time.Microsecond).In(time.FixedZone("CEST", 2*60*60))
	again.Status, again.Attempts = webhook.StatusDelivered, 5
	for _, double := range []webhook.Delivery{d, again} {
		if _, err := s.AddDelivery(ctx, double); !errors.Is(err, webhook.ErrExists) {
			t.Fatalf("AddDelivery again: error = %v, want ErrExists", err)
		}
	}
	s.mustDeliver(t, d.Account, time.Time{}, d)

	otherTime, otherAccount := d, d
	otherTime.Time = d.Time.Add(time.Millisecond)
	otherAccount.Account = newAccount()
	s.mustAdd(t, otherTime, otherAccount)
	s.mustDeliver(t, d.Account, time.Time{}, otherTime, d)
	s.mustDeliver(t, otherAccount.Account, time.Time{}, otherAccount)

	// Event and id do not run into each other.
	account := newAccount()
	for i, names := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"a#b", "c"}, {"a", "b#c"}, {"bc", "a"}, {"a", "b"}} {
		x := newDelivery(account, 0)
		x.Event, x.EventID = names[0], names[1]
		s.mustAdd(t, x)
		if got := s.deliveries(t, account, time.Time{}, 0); len(got) != i+1 {
			t.Fatalf("%d deliveries of different identities are %d", i+1, len(got))
		}
	}
}

// Of concurrent additions of one delivery exactly one succeeds, and its
// fields stand.
func testDeliveryRace(t *testing.T, s *suite) {
	const rivals = 6
	ctx := s.context(t)
	for range s.rounds {
		account := newAccount()
		given := make([]webhook.Delivery, rivals)
		for i := range given {
			given[i] = newDelivery(account, 0)
			given[i].EventID = given[0].EventID
		}
		errs := make([]error, rivals)
		race(rivals, func(i int) { _, errs[i] = s.AddDelivery(ctx, given[i]) })
		winner := oneWinner(t, errs)
		for i, err := range errs {
			if i != winner && !errors.Is(err, webhook.ErrExists) {
				t.Fatalf("AddDelivery: error = %v, want ErrExists", err)
			}
		}
		s.mustDeliver(t, account, time.Time{}, given[winner])
	}
}

// Accounts see their own deliveries only, however alike their names are.
func testDeliveryIsolation(t *testing.T, s *suite) {
	d := webhook.Dialect("t" + newID())
	want := map[webhook.Account]webhook.Delivery{}
	for _, dialect := range []webhook.Dialect{d, d + "a", d + "-a"} {
		for _, id := range []string{"a", "A", "a-", "a-b", "ab", "D", "E"} {
			account := webhook.Account{Dialect: dialect, ID: id}
			want[account] = newDelivery(account, 0)
			s.mustAdd(t, want[account])
			s.mustCreate(t, creation(newWebhook(account, "event")))
		}
	}
	for account, delivery := range want {
		s.mustDeliver(t, account, time.Time{}, delivery)
	}
	s.mustDeliver(t, webhook.Account{Dialect: d, ID: "b"}, time.Time{})
}
