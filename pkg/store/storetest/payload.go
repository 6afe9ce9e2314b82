package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// payloadSizes are around those at which a store may keep payloads elsewhere,
// up to the largest there is.
var payloadSizes = []int{2, 3, 1<<10 - 1, 1 << 10, 1<<10 + 1, 4096, 100 << 10, 200 << 10}

// A payload comes back byte for byte to who reads the delivery or attempts it,
// and is in no list; none is told from null.
func testPayload(t *testing.T, s *suite) {
	account := newAccount()
	payloads := [][]byte{nil, []byte("null"), []byte("0"), []byte(`{"a":[1e400,"\u0000"]}`)}
	for _, size := range payloadSizes {
		payloads = append(payloads, payload(size))
		if got := len(payloads[len(payloads)-1]); got != size {
			t.Fatalf("a payload of %d bytes has %d", size, got)
		}
	}
	var kept []webhook.Delivery
	for i, p := range payloads {
		d := newDelivery(account, i)
		d.Payload, d.Content = p, webhook.Event{Instance: d.Instance, Payload: p}.Content()
		kept = append(kept, s.mustKeep(t, d))
		s.mustStand(t, kept[i])
	}
	for _, d := range kept {
		s.mustStand(t, d)
	}
	full := newDelivery(account, -1) // as large as a record can be
	full.URL, full.Payload = longURL(), payload(200<<10)
	s.mustStand(t, s.mustKeep(t, full))
}

// What is stored does not change when the caller changes the payload it passed
// in or got back.
func testPayloadKept(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	for _, size := range []int{100, 2000} {
		given := newDelivery(newAccount(), 0)
		given.Payload = payload(size)
		want := s.mustKeep(t, given)
		want.Payload = payload(size)
		clear(given.Payload)
		s.mustStand(t, want)
		got, err := store.Delivery(ctx, want.Account, want.ID())
		if err != nil {
			t.Fatal(err)
		}
		clear(got.Payload)
		task, err := store.Task(ctx, want.Message())
		if err != nil {
			t.Fatal(err)
		}
		clear(task.Delivery.Payload)
		s.mustStand(t, want)
	}
}

// Whoever adds a delivery that is there is given the one that stands, by whose
// Content the two are compared, and does the payload of that no harm.
func testPayloadFirst(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	payloads := [][]byte{nil, []byte("1"), payload(2000), payload(2001)}
	for _, first := range payloads {
		for _, second := range payloads {
			d := newDue(newAccount(), s.moment())
			d.Payload, d.Content = first, webhook.Event{Payload: first}.Content()
			kept := s.mustKeep(t, d)
			again := d
			again.Payload, again.Content = second, webhook.Event{Payload: second}.Content()
			again.WebhookID, again.Next, again.Due = newID(), at, at
			for range 2 {
				got, err := store.AddDelivery(ctx, again)
				if !errors.Is(err, webhook.ErrExists) {
					t.Fatalf("AddDelivery again: error = %v, want ErrExists", err)
				}
				mustBeRecord(t, "delivery that stands", got, kept)
				s.mustStand(t, kept)
			}
		}
	}
	kept := s.mustKeep(t, newDue(newAccount(), s.moment()))
	now := failed(kept, kept.Due)
	s.mustSettle(t, webhook.Settlement{Was: kept, Now: now})
	got, err := store.AddDelivery(ctx, kept)
	if !errors.Is(err, webhook.ErrExists) {
		t.Fatalf("AddDelivery after an attempt: error = %v, want ErrExists", err)
	}
	mustBeRecord(t, "delivery that stands", got, now)
	s.mustStand(t, now)
}

// mustBeRecord fails the test unless got is want without its payload.
func mustBeRecord(t *testing.T, what string, got, want webhook.Delivery) {
	t.Helper()
	want.Payload = nil
	sameDelivery(t, what, got, want)
}

// Of concurrent additions of one delivery with different payloads one stands
// whole, and the others are given it.
func testPayloadRace(t *testing.T, s *suite) {
	const rivals = 6
	ctx, store := s.context(t), s.Store
	for round := range s.rounds {
		first := newDue(newAccount(), s.moment())
		given := make([]webhook.Delivery, rivals)
		for i := range given {
			given[i] = first
			given[i].Payload = payload(100 + 1000*((round+i)%3))
			given[i].Payload[1] = byte('a' + i)
			given[i].Content = webhook.Event{Payload: given[i].Payload}.Content()
		}
		got, errs := make([]webhook.Delivery, rivals), make([]error, rivals)
		race(rivals, func(i int) { got[i], errs[i] = store.AddDelivery(ctx, given[i]) })
		winner := oneWinner(t, errs)
		want := given[winner]
		want.PayloadRef = got[winner].PayloadRef
		for i, err := range errs {
			if i != winner && !errors.Is(err, webhook.ErrExists) {
				t.Fatalf("AddDelivery: error = %v, want ErrExists", err)
			}
			mustBeRecord(t, fmt.Sprintf("round %d: delivery that stands", round), got[i], want)
		}
		s.mustStand(t, want)
	}
}

// An event whose time no id holds is refused; the first and the last that one
// holds are not.
func testDeliveryInvalid(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	account := newAccount()
	latest := time.UnixMilli(webhook.MaxEventTime).UTC()
	for _, happened := range []time.Time{
		{}, time.UnixMilli(-1), time.UnixMilli(0).Add(-1), latest.Add(time.Millisecond), latest.AddDate(1_000_000, 0, 0),
	} {
		d := newDue(account, s.moment())
		d.Time = happened
		if _, err := store.AddDelivery(ctx, d); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("AddDelivery of an event at %v: error = %v, want ErrInvalid", happened, err)
		}
	}
	s.mustDeliver(t, account, time.Time{})
	for _, happened := range []time.Time{latest, time.UnixMilli(0).UTC()} {
		d := newDue(account, s.moment())
		d.Time = happened
		s.mustStand(t, s.mustKeep(t, d))
	}
}

// A delivery is read by its exact id in its own account, and by nothing else.
func testDeliveryUnknown(t *testing.T, s *suite) {
	ctx := s.context(t)
	d := s.mustKeep(t, newDue(newAccount(), s.moment()))
	for _, id := range strangeIDs(d) {
		s.mustNotBe(ctx, t, d.Account, id)
	}
	s.mustNotBe(ctx, t, newAccount(), d.ID())
	s.mustNotBe(ctx, t, webhook.Account{Dialect: d.Account.Dialect, ID: d.Account.ID + "x"}, d.ID())
	s.mustNotBe(ctx, t, webhook.Account{Dialect: d.Account.Dialect + "x", ID: d.Account.ID}, d.ID())
	s.mustStand(t, d)
}

// mustNotBe fails the test unless the account has no delivery of that id.
func (s *suite) mustNotBe(ctx context.Context, t *testing.T, a webhook.Account, id string) {
	t.Helper()
	store := s.Store
	if got, err := store.Delivery(ctx, a, id); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Delivery(%v, %.60q) = %+v, %v, want ErrNotFound", a, id, got, err)
	}
	m := webhook.Message{Account: a, ID: id, Event: "event", Attempt: 1, At: at}
	if got, err := store.Task(ctx, m); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Task(%v, %.60q) = %+v, %v, want ErrNotFound", a, id, got, err)
	}
}
