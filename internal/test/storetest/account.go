package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Accounts are created once, read, and listed by API in the order of
// their ids.
func testAccounts(t *testing.T, s *suite) {
	ctx := s.context(t)
	api := newAccount().API
	if got, err := s.Accounts(ctx, api); err != nil || len(got) != 0 {
		t.Fatalf("Accounts of an unknown API = %v, %v", got, err)
	}
	created := time.Date(2026, 7, 8, 9, 10, 11, 123_999_999, time.FixedZone("CEST", 2*60*60))
	wantTime := time.Date(2026, 7, 8, 7, 10, 11, 123e6, time.UTC)
	var want []webhook.AccountInfo
	for _, id := range shuffled() {
		account := webhook.Account{API: api, ID: id}
		if _, err := s.Account(ctx, account); !errors.Is(err, webhook.ErrNotFound) {
			t.Fatalf("Account(%v) before it exists: error = %v, want ErrNotFound", account, err)
		}
		if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: created}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Account(ctx, account)
		if err != nil {
			t.Fatal(err)
		}
		info := webhook.AccountInfo{Account: account, CreatedAt: wantTime}
		same(t, "account", []webhook.AccountInfo{got}, []webhook.AccountInfo{info})
		mustBeUTC(t, got.CreatedAt)
		want = append(want, info)

		err = s.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: created.Add(time.Hour)})
		if !errors.Is(err, webhook.ErrExists) {
			t.Fatalf("CreateAccount again: error = %v, want ErrExists", err)
		}
	}
	other := webhook.Account{API: api + "x", ID: "elsewhere"}
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: other, CreatedAt: at}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(want, func(a, b webhook.AccountInfo) int { return strings.Compare(a.Account.ID, b.Account.ID) })
	got, err := s.Accounts(ctx, api)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "accounts", got, want)
}

// Of concurrent creations of one account exactly one succeeds.
func testAccountRace(t *testing.T, s *suite) {
	ctx := s.context(t)
	for range s.rounds {
		info := webhook.AccountInfo{Account: newAccount(), CreatedAt: at}
		errs := make([]error, 8)
		race(len(errs), func(i int) { errs[i] = s.CreateAccount(ctx, info) })
		winner := oneWinner(t, errs)
		for i, err := range errs {
			if i != winner && !errors.Is(err, webhook.ErrExists) {
				t.Fatalf("CreateAccount: error = %v, want ErrExists", err)
			}
		}
	}
}

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
				errs[i] = s.CloseAccount(ctx, account, at)
			}
		})
		got, err := s.Account(ctx, account)
		if err != nil || errs[2] != nil || got.Closing != closes {
			t.Fatalf("round %d: account = %+v, %v, closed with %v", round, got, err, errs[2])
		}
		existing, set := got.SealedKey == nil, 0
		for i, err := range errs[:2] {
			switch {
			case err == nil:
				set++
				existing = existing || string(got.SealedKey) == string(keys[i])
			case !closes || !errors.Is(err, webhook.ErrNotFound):
				t.Fatalf("round %d: SetAccountKey: %v", round, err)
			}
		}
		if !existing || (set > 0) != (got.SealedKey != nil) {
			t.Fatalf("round %d: the key is %q after %q were set with %v", round, got.SealedKey, keys, errs[:2])
		}
	}
}

// mustClose closes the account and fails the test if that fails.
func (s *suite) mustClose(t *testing.T, a webhook.Account) {
	t.Helper()
	if err := s.CloseAccount(s.context(t), a, at); err != nil {
		t.Fatalf("CloseAccount(%v): %v", a, err)
	}
}

// mustBeListed fails the test unless Accounts lists a, or does not.
func (s *suite) mustBeListed(t *testing.T, a webhook.Account, want bool) {
	t.Helper()
	list, err := s.Accounts(s.context(t), a.API)
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
	if err := s.CloseAccount(ctx, unknown, at); !errors.Is(err, webhook.ErrNotFound) {
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

	neighbour := webhook.AccountInfo{Account: webhook.Account{API: info.Account.API, ID: info.Account.ID + "x"}, CreatedAt: at}
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
	if err := s.CloseAccount(ctx, info.Account, at); !errors.Is(err, webhook.ErrNotFound) {
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
				errs[i] = s.CloseAccount(ctx, account, at)
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

// newSealingKey makes a key whose bytes are like no other's.
func newSealingKey(id string) webhook.SealingKey {
	public := append([]byte{4}, newID()+newID()+newID()...)[:65]
	return webhook.SealingKey{
		ID: id, Public: public, WrappedPrivate: append(allBytes(), newID()...), CreatedAt: at,
	}
}

// A key stays as it was first added; all are listed in the order of their
// ids.
func testSealingKeys(t *testing.T, s *suite) {
	ctx := s.context(t)
	prefix := "k" + newID()
	var want []webhook.SealingKey
	for i, name := range shuffled() {
		given := newSealingKey(prefix + name)
		if i == 0 {
			given.WrappedPrivate = nil
		}
		first := given
		given.CreatedAt = at.Add(999 * time.Microsecond).In(time.FixedZone("CEST", 2*60*60))
		for _, k := range []webhook.SealingKey{given, newSealingKey(given.ID), given} {
			got, err := s.AddSealingKey(ctx, k)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "sealing key that stands", []webhook.SealingKey{got}, []webhook.SealingKey{first})
			mustBeUTC(t, got.CreatedAt)
		}
		want = append(want, first)
	}
	slices.SortFunc(want, func(a, b webhook.SealingKey) int { return strings.Compare(a.ID, b.ID) })
	same(t, "sealing keys", s.keysOf(t, prefix), want)
}

// keysOf lists the keys whose ids start with prefix, as the store orders
// them.
func (s *suite) keysOf(t *testing.T, prefix string) []webhook.SealingKey {
	t.Helper()
	all, err := s.SealingKeys(s.context(t))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(k webhook.SealingKey) bool { return !strings.HasPrefix(k.ID, prefix) })
}

// Whoever adds a key concurrently, all are given the same one.
func testSealingKeyRace(t *testing.T, s *suite) {
	ctx := s.context(t)
	for range s.rounds {
		id := newID()
		got := make([]webhook.SealingKey, 8)
		errs := make([]error, len(got))
		race(len(got), func(i int) { got[i], errs[i] = s.AddSealingKey(ctx, newSealingKey(id)) })
		existing := s.keysOf(t, id)
		if len(existing) != 1 {
			t.Fatalf("%d keys of one id stand", len(existing))
		}
		for i, k := range got {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			same(t, "sealing key that stands", []webhook.SealingKey{k}, existing)
		}
	}
}
