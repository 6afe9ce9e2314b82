package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// newToken makes a token that never expires.
func newToken(a webhook.Account, id string) webhook.Token {
	return webhook.Token{ID: id, Account: a, Hash: webhook.HashToken(newID()), Rights: webhook.AllRights, CreatedAt: at}
}

// newTokenAccount creates an account for tokens.
func (s *suite) newTokenAccount(t *testing.T) webhook.Account {
	t.Helper()
	account := newAccount()
	if err := s.CreateAccount(s.context(t), webhook.AccountInfo{Account: account, CreatedAt: at}); err != nil {
		t.Fatal(err)
	}
	return account
}

// mustHaveTokens fails the test unless the account has exactly want, each of
// which is found by its hash too.
func (s *suite) mustHaveTokens(ctx context.Context, t *testing.T, a webhook.Account, want ...webhook.Token) {
	t.Helper()
	got, err := s.Tokens(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "tokens", got, want)
	for _, w := range want {
		found, err := s.Token(ctx, w.Hash)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "token", []webhook.Token{found}, []webhook.Token{w})
	}
}

// Tokens are listed by id in the order of its bytes; an account without any
// has an empty list.
func testTokens(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := s.newTokenAccount(t)
	s.mustHaveTokens(ctx, t, account)
	s.mustHaveTokens(ctx, t, newAccount())
	made := map[string]webhook.Token{}
	for _, id := range shuffled() {
		made[id] = newToken(account, id)
		if err := s.CreateToken(ctx, made[id]); err != nil {
			t.Fatal(err)
		}
	}
	var want []webhook.Token
	for _, id := range byteOrder {
		want = append(want, made[id])
	}
	s.mustHaveTokens(ctx, t, account, want...)
}

// Every field comes back; a token that has expired is kept and found.
func testTokenFields(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := s.newTokenAccount(t)
	zone := time.FixedZone("CEST", 2*60*60)
	given := []webhook.Token{newToken(account, "a"), newToken(account, "b"), newToken(account, "c")}
	given[0].Rights = webhook.Read
	given[0].CreatedAt = time.Date(2026, 7, 8, 9, 10, 11, 123_456_789, zone)
	given[0].ExpiresAt = time.Date(2030, 7, 8, 1, 10, 11, 987_654_321, zone)
	given[1].Rights = webhook.Publish
	given[1].ExpiresAt = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	given[2].Rights = 0
	want := append([]webhook.Token(nil), given...)
	want[0].CreatedAt = time.Date(2026, 7, 8, 7, 10, 11, 123e6, time.UTC)
	want[0].ExpiresAt = time.Date(2030, 7, 7, 23, 10, 11, 987e6, time.UTC)
	for _, token := range given {
		if err := s.CreateToken(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	s.mustHaveTokens(ctx, t, account, want...)
	for _, token := range given {
		got, err := s.Token(ctx, token.Hash)
		if err != nil {
			t.Fatal(err)
		}
		mustBeUTC(t, got.CreatedAt, got.ExpiresAt)
		if got.ExpiresAt.IsZero() != token.ExpiresAt.IsZero() {
			t.Errorf("token %s: ExpiresAt = %v, want %v", token.ID, got.ExpiresAt, token.ExpiresAt)
		}
	}
}

// A token needs an account, a hash that nobody has, and an id that its
// account does not have.
func testTokenDuplicates(t *testing.T, s *suite) {
	ctx := s.context(t)
	homeless := newToken(newAccount(), "token")
	if err := s.CreateToken(ctx, homeless); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("CreateToken in an unknown account: error = %v, want ErrNotFound", err)
	}
	s.mustHaveTokens(ctx, t, homeless.Account)
	mustHaveNoToken(ctx, t, s, homeless.Hash)

	account, other := s.newTokenAccount(t), s.newTokenAccount(t)
	token := newToken(account, "token")
	if err := s.CreateToken(ctx, token); err != nil {
		t.Fatal(err)
	}
	sameID := newToken(account, token.ID)
	sameHash, sameHashElsewhere := newToken(account, "new"), newToken(other, "new")
	sameHash.Hash, sameHashElsewhere.Hash = token.Hash, token.Hash
	for _, duplicate := range []webhook.Token{token, sameID, sameHash, sameHashElsewhere} {
		if err := s.CreateToken(ctx, duplicate); !errors.Is(err, webhook.ErrExists) {
			t.Fatalf("CreateToken(%+v) beside %+v: error = %v, want ErrExists", duplicate, token, err)
		}
	}
	mustHaveNoToken(ctx, t, s, sameID.Hash)
	s.mustHaveTokens(ctx, t, account, token)
	s.mustHaveTokens(ctx, t, other)
}

func mustHaveNoToken(ctx context.Context, t *testing.T, s *suite, h webhook.TokenHash) {
	t.Helper()
	if got, err := s.Token(ctx, h); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("Token = %+v, %v, want ErrNotFound", got, err)
	}
}

// A token is revoked by its own account only, and is gone from list and
// look-up at once; its id may be used again.
func testTokenRevoke(t *testing.T, s *suite) {
	ctx := s.context(t)
	account, other := s.newTokenAccount(t), s.newTokenAccount(t)
	first, second := newToken(account, "first"), newToken(account, "second")
	foreign := newToken(other, "foreign")
	for _, token := range []webhook.Token{first, second, foreign} {
		if err := s.CreateToken(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		account webhook.Account
		id      string
	}{{account, "unknown"}, {account, foreign.ID}, {other, first.ID}, {newAccount(), first.ID}, {account, "firs"}, {account, strings.Repeat("x", 5000)}, {account, "\xff"}} {
		if err := s.RevokeToken(ctx, tt.account, tt.id); !errors.Is(err, webhook.ErrNotFound) {
			t.Fatalf("RevokeToken(%v, %.64q): error = %v, want ErrNotFound", tt.account, tt.id, err)
		}
	}
	s.mustHaveTokens(ctx, t, account, first, second)
	s.mustHaveTokens(ctx, t, other, foreign)

	if err := s.RevokeToken(ctx, account, first.ID); err != nil {
		t.Fatal(err)
	}
	mustHaveNoToken(ctx, t, s, first.Hash)
	s.mustHaveTokens(ctx, t, account, second)
	s.mustHaveTokens(ctx, t, other, foreign)
	if err := s.RevokeToken(ctx, account, first.ID); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("RevokeToken again: error = %v, want ErrNotFound", err)
	}
	again := newToken(account, first.ID)
	if err := s.CreateToken(ctx, again); err != nil {
		t.Fatal(err)
	}
	s.mustHaveTokens(ctx, t, account, again, second)
}

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
	var stored []webhook.Delivery
	for i, p := range payloads {
		d := newDelivery(account, i)
		d.Payload, d.Content = p, webhook.Event{Instance: d.Instance, Payload: p}.Content()
		stored = append(stored, s.mustKeep(t, d))
		s.mustStand(t, stored[i])
	}
	for _, d := range stored {
		s.mustStand(t, d)
	}
	full := newDelivery(account, -1) // as large as a record can be
	full.URL, full.Payload = longURL(), payload(200<<10)
	s.mustStand(t, s.mustKeep(t, full))
}

// What is stored does not change when the caller changes the payload it passed
// in or got back.
func testPayloadStored(t *testing.T, s *suite) {
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
		input, err := store.AttemptInput(ctx, want.Message())
		if err != nil {
			t.Fatal(err)
		}
		clear(input.Delivery.Payload)
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
			stored := s.mustKeep(t, d)
			again := d
			again.Payload, again.Content = second, webhook.Event{Payload: second}.Content()
			again.WebhookID, again.Next, again.Due = newID(), at, at
			for range 2 {
				got, err := store.AddDelivery(ctx, again)
				if !errors.Is(err, webhook.ErrExists) {
					t.Fatalf("AddDelivery again: error = %v, want ErrExists", err)
				}
				mustBeRecord(t, "delivery that stands", got, stored)
				s.mustStand(t, stored)
			}
		}
	}
	stored := s.mustKeep(t, newDue(newAccount(), s.moment()))
	now := failed(stored, stored.Due)
	s.mustRecord(t, webhook.AttemptResult{Was: stored, Now: now})
	got, err := store.AddDelivery(ctx, stored)
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
	s.mustNotBe(ctx, t, webhook.Account{API: d.Account.API, ID: d.Account.ID + "x"}, d.ID())
	s.mustNotBe(ctx, t, webhook.Account{API: d.Account.API + "x", ID: d.Account.ID}, d.ID())
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
	if got, err := store.AttemptInput(ctx, m); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("AttemptInput(%v, %.60q) = %+v, %v, want ErrNotFound", a, id, got, err)
	}
}
