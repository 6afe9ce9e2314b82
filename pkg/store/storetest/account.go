package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Accounts are created once, read, and listed by dialect in the order of
// their ids.
func testAccounts(t *testing.T, s *suite) {
	ctx := s.context(t)
	dialect := newAccount().Dialect
	if got, err := s.Accounts(ctx, dialect); err != nil || len(got) != 0 {
		t.Fatalf("Accounts of an unknown dialect = %v, %v", got, err)
	}
	created := time.Date(2026, 7, 8, 9, 10, 11, 123_999_999, time.FixedZone("CEST", 2*60*60))
	wantTime := time.Date(2026, 7, 8, 7, 10, 11, 123e6, time.UTC)
	var want []webhook.AccountInfo
	for _, id := range shuffled() {
		account := webhook.Account{Dialect: dialect, ID: id}
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
	other := webhook.Account{Dialect: dialect + "x", ID: "elsewhere"}
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: other, CreatedAt: at}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(want, func(a, b webhook.AccountInfo) int { return strings.Compare(a.Account.ID, b.Account.ID) })
	got, err := s.Accounts(ctx, dialect)
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
