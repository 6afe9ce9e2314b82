package storetest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// A context that has ended ends every call with its error, and nothing is
// written.
func testCancelled(t *testing.T, s *suite) {
	live := s.context(t)
	ended, cancel := context.WithCancel(live)
	cancel()
	account, unborn := s.newTokenAccount(t), newAccount()
	token, stays := newToken(account, "token"), newToken(account, "stays")
	if err := s.CreateToken(live, stays); err != nil {
		t.Fatal(err)
	}
	key := newSealingKey(newID())
	w, d := newWebhook(account, "stands"), newDelivery(account, 0)
	s.mustCreate(t, creation(w))
	closing := s.newTokenAccount(t)
	s.mustClose(t, closing)
	for name, call := range map[string]func() error{
		"Create":        func() error { _, err := s.Create(ended, creation(newWebhook(account, "a"))); return err },
		"Create batch":  func() error { _, err := s.Create(ended, creation(newBatch(account, "a", "b")...)); return err },
		"Webhooks":      func() error { _, err := s.Webhooks(ended, account); return err },
		"Webhook":       func() error { _, err := s.Webhook(ended, account, w.Event); return err },
		"Change":        func() error { return s.Change(ended, changing(w, next(w, withURL("x")))) },
		"Move":          func() error { return s.Change(ended, changing(w, next(w, onto("x")))) },
		"Delete":        func() error { return s.Delete(ended, []webhook.Webhook{w}) },
		"SetAccountKey": func() error { return s.SetAccountKey(ended, account, []byte("key")) },
		"CloseAccount":  func() error { return s.CloseAccount(ended, account) },
		"DeleteAccount": func() error { return s.DeleteAccount(ended, closing) },
		"AddDelivery":   func() error { _, err := s.AddDelivery(ended, d); return err },
		"Deliveries":    func() error { return s.Deliveries(ended, account, at, func(webhook.Delivery) bool { return true }) },
		"CreateAccount": func() error { return s.CreateAccount(ended, webhook.AccountInfo{Account: unborn, CreatedAt: at}) },
		"Account":       func() error { _, err := s.Account(ended, account); return err },
		"Accounts":      func() error { _, err := s.Accounts(ended, account.Dialect); return err },
		"CreateToken":   func() error { return s.CreateToken(ended, token) },
		"Token":         func() error { _, err := s.Token(ended, stays.Hash); return err },
		"Tokens":        func() error { _, err := s.Tokens(ended, account); return err },
		"RevokeToken":   func() error { return s.RevokeToken(ended, account, stays.ID) },
		"AddSealingKey": func() error { _, err := s.AddSealingKey(ended, key); return err },
		"SealingKeys":   func() error { _, err := s.SealingKeys(ended); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error = %v, want one that wraps context.Canceled", name, err)
		}
	}
	s.mustHold(t, account, w)
	s.mustBe(t, webhook.AccountInfo{Account: account, CreatedAt: at})
	s.mustBe(t, webhook.AccountInfo{Account: closing, CreatedAt: at, Closing: true})
	s.mustDeliver(t, account, time.Time{})
	s.mustHaveTokens(live, t, account, stays)
	if _, err := s.Account(live, unborn); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("an account was created under a context that had ended: %v", err)
	}
	if got := s.keysOf(t, key.ID); len(got) != 0 {
		t.Errorf("a key was added under a context that had ended: %v", got)
	}
}

// Clients leave in the middle of many concurrent creations: whatever returned
// without an error stands, and nobody who stayed fails.
func testCancelledMidway(t *testing.T, s *suite) {
	const stayers, leavers = 40, 40
	live := s.context(t)
	for round := range min(s.rounds, 50) {
		account := newAccount()
		batch := newBatch(account, numbered("event", stayers+leavers)...)
		leaving, leave := context.WithCancel(live)
		var done atomic.Int64
		errs := make([]error, len(batch))
		race(len(batch), func(i int) {
			ctx := live
			if i%2 == 1 {
				ctx = leaving
			}
			_, errs[i] = s.Create(ctx, creation(batch[i]))
			if done.Add(1) == int64(1+round%len(batch)) {
				leave()
			}
		})
		leave()
		stands, err := s.Webhooks(live, account)
		if err != nil {
			t.Fatal(err)
		}
		for i, err := range errs {
			switch {
			case err == nil:
				if !slices.ContainsFunc(stands, func(w webhook.Webhook) bool { return w.ID == batch[i].ID }) {
					t.Errorf("round %d: webhook %d was created and does not stand", round, i)
				}
			case i%2 == 0:
				t.Errorf("round %d: creation %d, whose client stayed, failed: %v", round, i, err)
			case !errors.Is(err, context.Canceled):
				t.Errorf("round %d: creation %d, whose client left: error = %v, want one that wraps context.Canceled", round, i, err)
			}
		}
	}
}
