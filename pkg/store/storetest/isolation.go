package storetest

import (
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// One event may be registered in every account and dialect; each sees its own
// only, however alike the names are.
func testIsolation(t *testing.T, s *suite) {
	ctx := s.context(t)
	d := webhook.Dialect("t" + newID())
	var accounts []webhook.Account
	for _, dialect := range []webhook.Dialect{d, d + "a", d + "-a", "a" + d} {
		for _, id := range []string{"a", "A", "a-", "a-b", "a_b", "ab", "a-b-c", "b", "-a", "ACCOUNT", "E", "T"} {
			accounts = append(accounts, webhook.Account{Dialect: dialect, ID: id})
		}
	}
	events := []string{"e", "e-e", "e.e", "e:e", "ee"}
	held := make(map[webhook.Account][]webhook.Webhook)
	for _, a := range accounts {
		s.mustHold(t, a)
		held[a] = newBatch(a, events...)
		s.mustCreate(t, creation(held[a]...))
	}
	for _, a := range accounts {
		s.mustHold(t, a, held[a]...)
	}
	for _, a := range accounts {
		// The claim of another account's record is none to this account's.
		for _, other := range accounts {
			if other != a {
				_, err := s.Create(ctx, creation(again(webhook.Webhook{Account: a, Event: "e", Claim: held[other][0].Claim})...))
				mustSayTaken(t, err, map[string]string{"e": held[a][0].ID})
			}
		}
	}
}

// Webhooks, accounts, tokens and sealing keys of one name do not meet.
func testIsolationKinds(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	name := account.ID
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: at}); err != nil {
		t.Fatal(err)
	}
	s.mustHold(t, account)
	w := newWebhook(account, name)
	s.mustCreate(t, creation(w))
	token := newToken(account, name)
	if err := s.CreateToken(ctx, token); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddSealingKey(ctx, newSealingKey(name)); err != nil {
		t.Fatal(err)
	}
	s.mustHold(t, account, w)
	tokens, err := s.Tokens(ctx, account)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "tokens", tokens, []webhook.Token{token})
	accounts, err := s.Accounts(ctx, account.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "accounts", accounts, []webhook.AccountInfo{{Account: account, CreatedAt: at}})
	if err := s.RevokeToken(ctx, account, name); err != nil {
		t.Fatal(err)
	}
	s.mustHold(t, account, w)
}
