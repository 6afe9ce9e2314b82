package storetest

import (
	"errors"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// mustBe fails the test unless what is kept of the account is want.
func (s *suite) mustBe(t *testing.T, want webhook.AccountInfo) {
	t.Helper()
	got, err := s.Account(s.context(t), want.Account)
	if err != nil {
		t.Fatalf("Account(%v): %v", want.Account, err)
	}
	same(t, "account", []webhook.AccountInfo{got}, []webhook.AccountInfo{want})
}

// An account's key is set and replaced, byte for byte, and nothing else of it
// changes. An account may come with a key.
func testAccountKey(t *testing.T, s *suite) {
	ctx := s.context(t)
	info := webhook.AccountInfo{Account: newAccount(), CreatedAt: at}
	keyed := webhook.AccountInfo{Account: newAccount(), CreatedAt: at, SealedKey: allBytes()}
	for _, a := range []webhook.AccountInfo{info, keyed} {
		if err := s.CreateAccount(ctx, a); err != nil {
			t.Fatal(err)
		}
		s.mustBe(t, a)
	}
	for _, key := range [][]byte{allBytes(), {0}, []byte("third")} {
		info.SealedKey = key
		if err := s.SetAccountKey(ctx, info.Account, key); err != nil {
			t.Fatal(err)
		}
		s.mustBe(t, info)
	}
	s.mustBe(t, keyed)

	given := []byte("given")
	if err := s.SetAccountKey(ctx, info.Account, given); err != nil {
		t.Fatal(err)
	}
	clear(given)
	got, err := s.Account(ctx, info.Account)
	if err != nil {
		t.Fatal(err)
	}
	clear(got.SealedKey)
	info.SealedKey = []byte("given")
	s.mustBe(t, info)
}

// An account that is not there, or is closing, gets no key.
func testAccountKeyRefused(t *testing.T, s *suite) {
	ctx := s.context(t)
	unknown := newAccount()
	if err := s.SetAccountKey(ctx, unknown, []byte("key")); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("SetAccountKey of an unknown account: error = %v, want ErrNotFound", err)
	}
	if got, err := s.Account(ctx, unknown); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("Account = %+v, %v after a key was set, want ErrNotFound", got, err)
	}
	closing := webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at, SealedKey: []byte("first")}
	if err := s.SetAccountKey(ctx, closing.Account, closing.SealedKey); err != nil {
		t.Fatal(err)
	}
	s.mustClose(t, closing.Account)
	closing.Closing = true
	if err := s.SetAccountKey(ctx, closing.Account, []byte("second")); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("SetAccountKey of a closing account: error = %v, want ErrNotFound", err)
	}
	s.mustBe(t, closing)
}

// Of keys that are set concurrently one stands, whole; beside a closing, a
// key that was refused does not stand and one that was set does.
func testAccountKeyRace(t *testing.T, s *suite) {
	ctx := s.context(t)
	for round := range s.rounds {
		account := s.newTokenAccount(t)
		keys := [][]byte{[]byte(newID()), []byte(newID() + newID())}
		errs := make([]error, 3)
		closes := round%2 == 1
		race(3, func(i int) {
			switch {
			case i < 2:
				errs[i] = s.SetAccountKey(ctx, account, keys[i])
			case closes:
				errs[i] = s.CloseAccount(ctx, account)
			}
		})
		got, err := s.Account(ctx, account)
		if err != nil || errs[2] != nil || got.Closing != closes {
			t.Fatalf("round %d: account = %+v, %v, closed with %v", round, got, err, errs[2])
		}
		stands, set := got.SealedKey == nil, 0
		for i, err := range errs[:2] {
			switch {
			case err == nil:
				set++
				stands = stands || string(got.SealedKey) == string(keys[i])
			case !closes || !errors.Is(err, webhook.ErrNotFound):
				t.Fatalf("round %d: SetAccountKey: %v", round, err)
			}
		}
		if !stands || (set > 0) != (got.SealedKey != nil) {
			t.Fatalf("round %d: the key is %q after %q were set with %v", round, got.SealedKey, keys, errs[:2])
		}
	}
}
