package storetest

import (
	"context"
	"errors"
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
	}{{account, "unknown"}, {account, foreign.ID}, {other, first.ID}, {newAccount(), first.ID}, {account, "firs"}} {
		if err := s.RevokeToken(ctx, tt.account, tt.id); !errors.Is(err, webhook.ErrNotFound) {
			t.Fatalf("RevokeToken(%v, %q): error = %v, want ErrNotFound", tt.account, tt.id, err)
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
