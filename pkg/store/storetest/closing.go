package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// mustClose closes the account and fails the test if that fails.
func (s *suite) mustClose(t *testing.T, a webhook.Account) {
	t.Helper()
	if err := s.CloseAccount(s.context(t), a); err != nil {
		t.Fatalf("CloseAccount(%v): %v", a, err)
	}
}

// mustBeListed fails the test unless Accounts lists a, or does not.
func (s *suite) mustBeListed(t *testing.T, a webhook.Account, want bool) {
	t.Helper()
	list, err := s.Accounts(s.context(t), a.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	got := slices.ContainsFunc(list, func(info webhook.AccountInfo) bool { return info.Account == a })
	if got != want {
		t.Fatalf("account %v is listed: %t, want %t", a, got, want)
	}
}

// A closing account is read and listed, keeps what it has, and gets no tokens.
// It is closed as often as one likes.
func testCloseAccount(t *testing.T, s *suite) {
	ctx := s.context(t)
	unknown := newAccount()
	if err := s.CloseAccount(ctx, unknown); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("CloseAccount of an unknown account: error = %v, want ErrNotFound", err)
	}
	if got, err := s.Account(ctx, unknown); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("Account = %+v, %v after it was closed, want ErrNotFound", got, err)
	}
	s.mustBeListed(t, unknown, false)

	info := webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at, SealedKey: []byte("key")}
	bystander := webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at}
	token, w := newToken(info.Account, "token"), newWebhook(info.Account, "event")
	if err := errors.Join(s.SetAccountKey(ctx, info.Account, info.SealedKey), s.CreateToken(ctx, token)); err != nil {
		t.Fatal(err)
	}
	s.mustCreate(t, creation(w))
	for range 3 {
		s.mustClose(t, info.Account)
		info.Closing = true
		s.mustBe(t, info)
		s.mustBeListed(t, info.Account, true)
	}
	late := newToken(info.Account, "late")
	if err := s.CreateToken(ctx, late); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("CreateToken in a closing account: error = %v, want ErrNotFound", err)
	}
	mustHaveNoToken(ctx, t, s, late.Hash)
	again := webhook.AccountInfo{Account: info.Account, CreatedAt: at.Add(time.Hour)}
	if err := s.CreateAccount(ctx, again); !errors.Is(err, webhook.ErrExists) {
		t.Fatalf("CreateAccount of a closing account: error = %v, want ErrExists", err)
	}
	s.mustBe(t, info)
	s.mustBe(t, bystander)
	s.mustHaveTokens(ctx, t, info.Account, token)
	s.mustHold(t, info.Account, w)
	if err := s.RevokeToken(ctx, info.Account, token.ID); err != nil {
		t.Fatalf("RevokeToken in a closing account: %v", err)
	}
	s.mustDelete(t, w)
}

// An account is deleted once it is closing, and only itself; a new one of
// that id starts with no key and is not closing.
func testDeleteAccount(t *testing.T, s *suite) {
	ctx := s.context(t)
	info := webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at, SealedKey: []byte("key")}
	token, w := newToken(info.Account, "token"), newWebhook(info.Account, "event")
	if err := errors.Join(s.SetAccountKey(ctx, info.Account, info.SealedKey), s.CreateToken(ctx, token)); err != nil {
		t.Fatal(err)
	}
	s.mustCreate(t, creation(w))
	d := newDelivery(info.Account, 0)
	s.mustAdd(t, d)
	s.mustNotDeleteAccount(t, "an unknown account", newAccount())
	s.mustNotDeleteAccount(t, "an account that is not closing", info.Account)
	s.mustBe(t, info)

	neighbour := webhook.AccountInfo{Account: webhook.Account{Dialect: info.Account.Dialect, ID: info.Account.ID + "x"}, CreatedAt: at}
	if err := s.CreateAccount(ctx, neighbour); err != nil {
		t.Fatal(err)
	}
	s.mustClose(t, info.Account)
	if err := s.DeleteAccount(ctx, info.Account); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Account(ctx, info.Account); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("Account = %+v, %v after its deletion, want ErrNotFound", got, err)
	}
	s.mustBeListed(t, info.Account, false)
	s.mustNotDeleteAccount(t, "a deleted account", info.Account)
	if err := s.CloseAccount(ctx, info.Account); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("CloseAccount of a deleted account: error = %v, want ErrNotFound", err)
	}
	if err := s.CreateToken(ctx, newToken(info.Account, "late")); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("CreateToken in a deleted account: error = %v, want ErrNotFound", err)
	}
	s.mustBe(t, neighbour)
	s.mustHaveTokens(ctx, t, info.Account, token)
	s.mustHold(t, info.Account, w)
	s.mustDeliver(t, info.Account, time.Time{}, d)

	reborn := webhook.AccountInfo{Account: info.Account, CreatedAt: at.Add(time.Hour)}
	if err := s.CreateAccount(ctx, reborn); err != nil {
		t.Fatal(err)
	}
	s.mustBe(t, reborn)
	s.mustBeListed(t, info.Account, true)
	if err := s.CreateToken(ctx, newToken(info.Account, "new")); err != nil {
		t.Fatalf("CreateToken in the new account: %v", err)
	}
}

// mustNotDeleteAccount fails the test unless DeleteAccount finds none.
func (s *suite) mustNotDeleteAccount(t *testing.T, what string, a webhook.Account) {
	t.Helper()
	if err := s.DeleteAccount(s.context(t), a); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("DeleteAccount of %s: error = %v, want ErrNotFound", what, err)
	}
}

// Tokens are created while their account is closed: those that were created
// stand, those that were refused do not, and once closing has returned no
// other comes.
func testCloseTokenRace(t *testing.T, s *suite) {
	const rivals = 4
	ctx := s.context(t)
	for round := range s.rounds {
		account := s.newTokenAccount(t)
		tokens := make([]webhook.Token, rivals)
		for i, id := range numbered("token", rivals) {
			tokens[i] = newToken(account, id)
		}
		errs := make([]error, rivals+1)
		race(len(errs), func(i int) {
			if i == rivals {
				errs[i] = s.CloseAccount(ctx, account)
				return
			}
			errs[i] = s.CreateToken(ctx, tokens[i])
		})
		if errs[rivals] != nil {
			t.Fatal(errs[rivals])
		}
		var want []webhook.Token
		for i, token := range tokens {
			switch {
			case errs[i] == nil:
				want = append(want, token)
			case !errors.Is(errs[i], webhook.ErrNotFound):
				t.Fatalf("round %d: CreateToken: error = %v, want ErrNotFound", round, errs[i])
			}
		}
		s.mustHaveTokens(ctx, t, account, want...)
		if err := s.CreateToken(ctx, newToken(account, "late")); !errors.Is(err, webhook.ErrNotFound) {
			t.Fatalf("round %d: CreateToken after closing: error = %v, want ErrNotFound", round, err)
		}
	}
}
