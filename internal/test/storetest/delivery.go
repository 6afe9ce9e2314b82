package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
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
		Duration: 15*time.Second + 1_999_999*time.Nanosecond, Status: webhook.StatusDelivered, Content: strings.Repeat("0123456789abcdef", 2),
		Next: happened.Add(time.Hour), Due: happened.Add(2 * time.Hour), Sends: 1<<62 + 1,
		StatusCode: 599, Reason: strings.Repeat("ž😀#'\"", 50), Test: true,
	}
	failed := newDelivery(account, 0)
	failed.Status, failed.Attempts, failed.AttemptedAt = webhook.StatusFailed, 1, at
	failed.StatusCode, failed.Reason = 100, "r"
	bare := webhook.Delivery{Account: account, Event: "e", EventID: "1", Time: time.UnixMilli(0), URL: "u", AcceptedAt: at}
	s.mustAdd(t, bare, full, failed)

	full.Time = time.Date(2026, 7, 8, 7, 10, 11, 987e6, time.UTC)
	full.AcceptedAt, full.AttemptedAt = full.Time.Add(time.Second), full.Time.Add(time.Minute)
	full.Next, full.Due, full.Duration = full.Time.Add(time.Hour), full.Time.Add(2*time.Hour), 15_001*time.Millisecond
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
	d := webhook.API("t" + newID())
	want := map[webhook.Account]webhook.Delivery{}
	for _, api := range []webhook.API{d, d + "a", d + "-a"} {
		for _, id := range []string{"a", "A", "a-", "a-b", "ab", "D", "E"} {
			account := webhook.Account{API: api, ID: id}
			want[account] = newDelivery(account, 0)
			s.mustAdd(t, want[account])
			s.mustCreate(t, creation(newWebhook(account, "event")))
		}
	}
	for account, delivery := range want {
		s.mustDeliver(t, account, time.Time{}, delivery)
	}
	s.mustDeliver(t, webhook.Account{API: d, ID: "b"}, time.Time{})
}

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

// moment gives a time that no other test of the suite has anything due near.
func (s *suite) moment() time.Time {
	const day = 24 * time.Hour
	return at.Add(time.Duration(s.moments.Add(1)) * day)
}

// newDue makes a delivery whose attempt is due two minutes before the sweeper
// looks, at due.
func newDue(a webhook.Account, due time.Time) webhook.Delivery {
	d := newDelivery(a, 0)
	d.Payload = []byte(`{"of":"` + d.EventID + `"}`)
	d.Content = webhook.Event{Instance: d.Instance, Payload: d.Payload}.Content()
	d.Next, d.Due = due.Add(-2*time.Minute), due
	return d
}

// newDueTo makes a delivery to a webhook.
func newDueTo(w webhook.Webhook, due time.Time) webhook.Delivery {
	d := newDue(w.Account, due)
	d.Event, d.WebhookID, d.URL = w.Event, w.ID, w.URL
	return d
}

// mustKeep adds a delivery, fails the test unless its record is returned, and
// gives it as it is to be read: with its payload and with the place of that.
func (s *suite) mustKeep(t *testing.T, d webhook.Delivery) webhook.Delivery {
	t.Helper()
	got, err := s.Store.AddDelivery(s.context(t), d)
	if err != nil {
		t.Fatalf("AddDelivery(%s of %s): %v", d.EventID, d.Event, err)
	}
	payload := d.Payload
	d.Payload, d.PayloadRef = nil, got.PayloadRef
	same(t, "added delivery", []webhook.Delivery{got}, []webhook.Delivery{d})
	d.Payload = payload
	return d
}

// mustStand fails the test unless whoever reads a delivery is given want: by
// its id, for an attempt, and, without its payload, in the list.
func (s *suite) mustStand(t *testing.T, want webhook.Delivery) {
	t.Helper()
	ctx, store := s.context(t), s.Store
	got, err := store.Delivery(ctx, want.Account, want.ID())
	if err != nil {
		t.Fatalf("Delivery(%v, %s): %v", want.Account, want.ID(), err)
	}
	sameDelivery(t, "delivery", got, want)
	input, err := store.AttemptInput(ctx, want.Message())
	if err != nil {
		t.Fatalf("AttemptInput(%+v): %v", want.Message(), err)
	}
	sameDelivery(t, "delivery of the attempt", input.Delivery, want)
	mustBeUTC(t, got.Time, got.AcceptedAt, got.AttemptedAt, got.Next, got.Due)

	list := s.deliveries(t, want.Account, want.Time, 0)
	i := slices.IndexFunc(list, func(d webhook.Delivery) bool { return d.ID() == want.ID() })
	if i < 0 {
		t.Fatalf("delivery %s is read and not listed", want.ID())
	}
	want.Payload = nil
	sameDelivery(t, "delivery in the list", list[i], want)
}

// sameDelivery fails the test unless got is want. Of payloads that differ it
// says how long they are and where: they may be large.
func sameDelivery(t *testing.T, what string, got, want webhook.Delivery) {
	t.Helper()
	a, b := got.Payload, want.Payload
	if (a == nil) != (b == nil) || !bytes.Equal(a, b) {
		first := 0
		for first < min(len(a), len(b)) && a[first] == b[first] {
			first++
		}
		t.Fatalf("%s: the payload has %d bytes (nil: %t), want %d (nil: %t); they differ from byte %d",
			what, len(a), a == nil, len(b), b == nil, first)
	}
	got.Payload, want.Payload = nil, nil
	same(t, what, []webhook.Delivery{got}, []webhook.Delivery{want})
}

// payload makes a JSON string of so many bytes, with characters of each
// length, escapes, and what is special elsewhere.
func payload(size int) []byte {
	const odd = `ž😀\u0000\ud83d\ude00\n'#%\"\\ `
	text := strings.Repeat(odd, size/len(odd)+1)[:max(size-2, 0)/len(odd)*len(odd)]
	return fmt.Appendf(nil, `"%s%s"`, text, strings.Repeat("x", size-2-len(text)))
}

// strangeIDs are ids that no delivery has, beside d, which is there.
func strangeIDs(d webhook.Delivery) []string {
	id := d.ID()
	twin := d
	twin.EventID += "x"
	later := d
	later.Time = d.Time.Add(time.Millisecond)
	return []string{
		"", "0", "#", "D#", id[:12], id[:43], id + "0", " " + id, strings.ToUpper(id), "D#" + id,
		twin.ID(), later.ID(), id[:12] + "#" + id[12:], strings.Repeat("0", 44), strings.Repeat("f", 44), strings.Repeat("g", 44),
		strings.Repeat("é", 22), "\x00" + id[1:], "\xff" + id[1:], strings.Repeat("0", 5000),
	}
}

// A context that has ended ends every call about deliveries with its error,
// and nothing is written, marked or put off.
func testSendingCancelled(t *testing.T, s *suite) {
	store := s.Store
	ended, cancel := context.WithCancel(s.context(t))
	cancel()
	recipient := s.newRecipient(t, "event")
	base := s.moment()
	d := s.mustKeep(t, newDueTo(recipient.Webhook, base))
	unborn := newDue(d.Account, base)
	unborn.Payload = payload(2000)
	result := webhook.AttemptResult{Was: d, Now: failed(d, base.Add(time.Hour)), Stats: webhook.StatsFailed}
	yield := func(webhook.Pending) bool { t.Error("yield was called"); return true }
	for name, call := range map[string]func() error{
		"Recipients":    func() error { _, err := store.Recipients(ended, []webhook.EventKey{eventKey(recipient)}); return err },
		"AddDelivery":   func() error { _, err := store.AddDelivery(ended, unborn); return err },
		"Delivery":      func() error { _, err := store.Delivery(ended, d.Account, d.ID()); return err },
		"AttemptInput":  func() error { _, err := store.AttemptInput(ended, d.Message()); return err },
		"RecordAttempt": func() error { _, err := store.RecordAttempt(ended, result); return err },
		"Due":           func() error { return store.Due(ended, base.Add(-time.Hour), base.Add(time.Hour), yield) },
		"SetSlow":       func() error { return store.SetSlow(ended, recipient.Webhook, at) },
		"Lease":         func() error { return store.Lease(ended, pending(d), base.Add(time.Hour)) },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error = %v, want one that wraps context.Canceled", name, err)
		}
	}
	s.mustStand(t, d)
	s.mustNotBe(s.context(t), t, unborn.Account, unborn.ID())
	s.mustRead(t, recipient.Webhook)
	s.mustBeDue(t, base.Add(-time.Hour), base.Add(2*time.Hour), d.Account, d)
}
