package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Pages of accounts have each account once, in the order of ids, of whatever
// size they are; one that is created behind a page comes with the next.
func testAccountsAfter(t *testing.T, s *suite) {
	ctx := s.context(t)
	api := newAccount().API
	if got, next, err := s.AccountsAfter(ctx, api, "", 2); err != nil || len(got) != 0 || next != "" {
		t.Fatalf("AccountsAfter of an unknown API = %v, %q, %v", got, next, err)
	}
	create := func(api webhook.API, id string) {
		if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: webhook.Account{API: api, ID: id}, CreatedAt: at}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range shuffled() {
		create(api, id)
	}
	create(api+"x", "elsewhere")
	for _, limit := range []int{1, 3, len(byteOrder), 500} {
		var got []string
		for after, more := "", true; more; more = after != "" {
			page, next, err := s.AccountsAfter(ctx, api, after, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("AccountsAfter(%q, %d) = %d accounts, %v", after, limit, len(page), err)
			}
			for _, info := range page {
				if got = append(got, info.Account.ID); !info.CreatedAt.Equal(at) {
					t.Fatalf("account %+v, want it created at %v", info, at)
				}
			}
			after = next
		}
		if !slices.Equal(got, byteOrder) {
			t.Fatalf("pages of %d: %q, want %q", limit, got, byteOrder)
		}
	}
	create(api, "b")
	if page, _, err := s.AccountsAfter(ctx, api, "aa", 1); err != nil || len(page) != 1 || page[0].Account.ID != "b" {
		t.Fatalf("the page after aa = %v, %v, want b", page, err)
	}
}

// since returns since when an account is closing, false if it is not listed.
func (s *suite) since(t *testing.T, a webhook.Account) (time.Time, bool) {
	t.Helper()
	list, err := s.ClosingAccounts(s.context(t))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(c webhook.ClosingAccount) bool { return c.Account == a })
	if i < 0 {
		return time.Time{}, false
	}
	mustBeUTC(t, list[i].Since)
	return list[i].Since, true
}

// mustBeClosing fails the test unless the account is listed as closing since
// then, or is not listed if want is zero.
func (s *suite) mustBeClosing(t *testing.T, a webhook.Account, want time.Time) {
	t.Helper()
	if got, listed := s.since(t, a); listed == want.IsZero() || !got.Equal(want) {
		t.Fatalf("%v is listed as closing: %t, since %v; want %v", a, listed, got, want)
	}
}

// An account is listed as closing from its closing to its deletion, since the
// first closing or the latest postponement; one that is not closing is neither
// listed nor postponed.
func testClosingAccounts(t *testing.T, s *suite) {
	ctx := s.context(t)
	a, other := s.newTokenAccount(t), s.newTokenAccount(t)
	first, later := at.Add(time.Minute), at.Add(time.Hour)
	s.mustBeClosing(t, a, time.Time{})
	for _, unlisted := range []webhook.Account{a, newAccount()} {
		if err := s.PostponeClosing(ctx, unlisted, later); !errors.Is(err, webhook.ErrNotFound) {
			t.Fatalf("PostponeClosing of %v: error = %v, want ErrNotFound", unlisted, err)
		}
		s.mustBeClosing(t, unlisted, time.Time{})
	}
	for _, closed := range []time.Time{first.Add(999 * time.Microsecond), later} {
		if err := s.CloseAccount(ctx, a, closed); err != nil {
			t.Fatal(err)
		}
		s.mustBeClosing(t, a, first)
	}
	if err := s.PostponeClosing(ctx, a, later); err != nil {
		t.Fatal(err)
	}
	s.mustBeClosing(t, a, later)
	s.mustBeClosing(t, other, time.Time{})
	if err := s.DeleteAccount(ctx, a); err != nil {
		t.Fatal(err)
	}
	s.mustBeClosing(t, a, time.Time{})
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: a, CreatedAt: at}); err != nil {
		t.Fatal(err)
	}
	s.mustBeClosing(t, a, time.Time{})
}
