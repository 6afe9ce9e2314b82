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

// mustDelete deletes ws and fails the test if that fails.
func (s *suite) mustDelete(t *testing.T, ws ...webhook.Webhook) {
	t.Helper()
	if err := s.Delete(s.context(t), ws); err != nil {
		t.Fatalf("Delete: %v", err)
	}
}

// mustNotDelete fails the test unless Delete finds one of ws missing.
func (s *suite) mustNotDelete(t *testing.T, what string, ws ...webhook.Webhook) {
	t.Helper()
	if err := s.Delete(s.context(t), ws); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("Delete of %s: error = %v, want ErrNotFound", what, err)
	}
}

// A deleted webhook is gone from list and look-up at once, its event is free,
// and nothing else is touched. Its version does not matter, its id does.
func testDelete(t *testing.T, s *suite) {
	account, other := newAccount(), newAccount()
	batch := newBatch(account, "a", "b", "c")
	foreign := newWebhook(other, "b")
	foreign.ID, foreign.RequestID = batch[1].ID, batch[1].RequestID
	s.mustCreate(t, creation(batch...))
	s.mustCreate(t, creation(foreign))
	now := next(batch[1], withURL("https://elsewhere.example/"))
	s.mustChange(t, changing(batch[1], now))

	stranger := now
	stranger.ID = newID()
	s.mustNotDelete(t, "another id", stranger)
	s.mustNotDelete(t, "an unknown event", newWebhook(account, "d"))
	elsewhere := batch[0]
	elsewhere.Account = other
	s.mustNotDelete(t, "another account's record", elsewhere)
	s.mustHold(t, account, batch[0], now, batch[2])

	s.mustDelete(t, batch[1]) // as it was before its change
	s.mustBeFree(t, account, "b")
	s.mustHold(t, account, batch[0], batch[2])
	s.mustHold(t, other, foreign)
	s.mustNotDelete(t, "a deleted record", now)

	again := newWebhook(account, "b")
	s.mustCreate(t, creation(again))
	s.mustNotDelete(t, "a record that another one followed", now)
	s.mustHold(t, account, batch[0], again, batch[2])
	s.mustDelete(t, again)
	s.mustDelete(t, batch[0])
	s.mustDelete(t, batch[2])
	s.mustHold(t, account)
	s.mustHold(t, other, foreign)
}

// A deleted event does not exclude any more.
func testDeleteExclusion(t *testing.T, s *suite) {
	account := newAccount()
	some, all := newWebhook(account, "some"), newWebhook(account, "all")
	s.mustCreate(t, creation(some))
	x := pair("all", "some")
	_, err := s.Create(s.context(t), excluding([]webhook.Exclusion{x}, all))
	mustSayExcluded(t, err, x)
	s.mustDelete(t, some)
	s.mustCreate(t, excluding([]webhook.Exclusion{x}, all))
	s.mustHold(t, account, all)
}

// Several records are deleted all or none, be they of one id or of several.
func testDeleteGroup(t *testing.T, s *suite) {
	for name, newRecords := range map[string]func(webhook.Account, ...string) []webhook.Webhook{
		"one id": newGroup, "own ids": newBatch,
	} {
		t.Run(name, func(t *testing.T) {
			account := newAccount()
			group := newRecords(account, numbered("event", batchSize)...)
			bystander := newWebhook(account, "zz")
			s.mustCreate(t, creation(group...))
			s.mustCreate(t, creation(bystander))
			for _, key := range []int{0, batchSize / 2, batchSize - 1} {
				wrong := slices.Clone(group)
				wrong[key].ID = newID()
				s.mustNotDelete(t, "a group of which one is another", wrong...)
				wrong[key] = newWebhook(account, "gone")
				s.mustNotDelete(t, "a group of which one is gone", wrong...)
			}
			all := append(slices.Clone(group), bystander)
			s.mustHold(t, account, all...)
			slices.Reverse(group)
			s.mustDelete(t, group...)
			s.mustHold(t, account, bystander)
			s.mustNotDelete(t, "a deleted group", group...)
			s.mustHold(t, account, bystander)
		})
	}
}

// Of concurrent deletions of one group exactly one finds it.
func testDeleteRace(t *testing.T, s *suite) {
	const rivals = 6
	ctx := s.context(t)
	for round := range s.rounds {
		account := newAccount()
		group := newGroup(account, numbered("event", 1+round%3)...)
		s.mustCreate(t, creation(group...))
		opposite := slices.Clone(group)
		slices.Reverse(opposite)
		errs := make([]error, rivals)
		race(rivals, func(i int) { errs[i] = s.Delete(ctx, [][]webhook.Webhook{group, opposite}[i%2]) })
		winner := oneWinner(t, errs)
		for i, err := range errs {
			if i != winner && !errors.Is(err, webhook.ErrNotFound) {
				t.Fatalf("round %d: deletion %d, which came late: error = %v, want ErrNotFound", round, i, err)
			}
		}
		s.mustHold(t, account)
	}
}

// A deletion races a change of the same records: it is done in either order.
// Where the change moves them, one of the two finds them gone.
func testDeleteChangeRace(t *testing.T, s *suite) {
	ctx := s.context(t)
	for round := range s.rounds {
		account := newAccount()
		was := newGroup(account, numbered("event", 1+round%3)...)
		s.mustCreate(t, creation(was...))
		moves := round%2 == 1
		now := nextAll(was, func(w *webhook.Webhook) {
			w.URL = "https://elsewhere.example/"
			if moves {
				w.Event += "-moved"
			}
		})
		var changed, deleted error
		race(2, func(i int) {
			if i == 0 {
				changed = s.Change(ctx, webhook.Change{Was: was, Now: now})
			} else {
				deleted = s.Delete(ctx, was)
			}
		})
		switch {
		case deleted == nil && (errors.Is(changed, webhook.ErrNotFound) || changed == nil && !moves):
			s.mustHold(t, account)
		case changed == nil && moves && errors.Is(deleted, webhook.ErrNotFound):
			s.mustHold(t, account, now...)
		default:
			t.Fatalf("round %d (moves: %t): change: %v, deletion: %v: that is neither order", round, moves, changed, deleted)
		}
	}
}

// A creation races a deletion for its event: it stands, or is told of the
// record that was there. The same for an event that a move leaves.
func testFreedRace(t *testing.T, s *suite) {
	ctx := s.context(t)
	for round := range s.rounds {
		account := newAccount()
		was, created := newWebhook(account, "a"), newWebhook(account, "a")
		moved := next(was, onto("b"))
		s.mustCreate(t, creation(was))
		var left []webhook.Webhook
		free := func() error { return s.Delete(ctx, []webhook.Webhook{was}) }
		if round%2 == 1 {
			left = []webhook.Webhook{moved}
			free = func() error { return s.Change(ctx, changing(was, moved)) }
		}
		errs := make([]error, 2)
		race(2, func(i int) {
			if i == 0 {
				errs[0] = free()
				return
			}
			_, errs[1] = s.Create(ctx, creation(created))
		})
		if errs[0] != nil {
			t.Fatalf("round %d: the event was not freed: %v", round, errs[0])
		}
		if errs[1] != nil {
			mustSayTaken(t, errs[1], map[string]string{"a": was.ID})
			s.mustHold(t, account, left...)
			continue
		}
		s.mustHold(t, account, append([]webhook.Webhook{created}, left...)...)
	}
}

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
		"Create":          func() error { _, err := s.Create(ended, creation(newWebhook(account, "a"))); return err },
		"Create batch":    func() error { _, err := s.Create(ended, creation(newBatch(account, "a", "b")...)); return err },
		"Webhooks":        func() error { _, err := s.Webhooks(ended, account); return err },
		"Webhook":         func() error { _, err := s.Webhook(ended, account, w.Event); return err },
		"Change":          func() error { return s.Change(ended, changing(w, next(w, withURL("x")))) },
		"Move":            func() error { return s.Change(ended, changing(w, next(w, onto("x")))) },
		"Delete":          func() error { return s.Delete(ended, []webhook.Webhook{w}) },
		"SetAccountKey":   func() error { return s.SetAccountKey(ended, account, []byte("key")) },
		"CloseAccount":    func() error { return s.CloseAccount(ended, account, at) },
		"ClosingAccounts": func() error { _, err := s.ClosingAccounts(ended); return err },
		"PostponeClosing": func() error { return s.PostponeClosing(ended, closing, at) },
		"AccountsAfter":   func() error { _, _, err := s.AccountsAfter(ended, account.API, "", 1); return err },
		"DeleteAccount":   func() error { return s.DeleteAccount(ended, closing) },
		"AddDelivery":     func() error { _, err := s.AddDelivery(ended, d); return err },
		"Deliveries":      func() error { return s.Deliveries(ended, account, at, func(webhook.Delivery) bool { return true }) },
		"CreateAccount":   func() error { return s.CreateAccount(ended, webhook.AccountInfo{Account: unborn, CreatedAt: at}) },
		"Account":         func() error { _, err := s.Account(ended, account); return err },
		"Accounts":        func() error { _, err := s.Accounts(ended, account.API); return err },
		"CreateToken":     func() error { return s.CreateToken(ended, token) },
		"Token":           func() error { _, err := s.Token(ended, stays.Hash); return err },
		"Tokens":          func() error { _, err := s.Tokens(ended, account); return err },
		"RevokeToken":     func() error { return s.RevokeToken(ended, account, stays.ID) },
		"AddSealingKey":   func() error { _, err := s.AddSealingKey(ended, key); return err },
		"SealingKeys":     func() error { _, err := s.SealingKeys(ended); return err },
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
		existing, err := s.Webhooks(live, account)
		if err != nil {
			t.Fatal(err)
		}
		for i, err := range errs {
			switch {
			case err == nil:
				if !slices.ContainsFunc(existing, func(w webhook.Webhook) bool { return w.ID == batch[i].ID }) {
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

// mustStats has a new delivery to w come to an attempt at a time, with
// statistics.
func (s *suite) mustStats(t *testing.T, w webhook.Webhook, stats webhook.StatsUpdate, attempted time.Time) {
	t.Helper()
	d := s.mustKeep(t, newDueTo(w, s.moment()))
	now := failed(d, d.Due)
	if stats == webhook.StatsSent {
		now = sent(d)
	}
	now.AttemptedAt = attempted
	s.mustRecord(t, webhook.AttemptResult{Was: d, Now: now, Stats: stats})
	now.AttemptedAt = toMilli(attempted)
	s.mustStand(t, now)
}

// A failure counts one and sets its time, a success sets its own and counts
// anew, and nothing else of the webhook changes.
func testStats(t *testing.T, s *suite) {
	w := newWebhook(newAccount(), "event")
	w.SealedKey, w.RetiredKeys, w.SendPayload = allBytes(), retired(2), true
	beside := newWebhook(w.Account, "beside")
	s.mustCreate(t, creation(w))
	s.mustCreate(t, creation(beside))
	prague := time.FixedZone("CEST", 2*60*60)
	for _, tt := range []struct {
		stats     webhook.StatsUpdate
		attempted time.Time
		want      webhook.Statistics
	}{
		{webhook.NoStats, at, webhook.Statistics{}},
		{webhook.StatsFailed, at.Add(2), webhook.Statistics{LastFailedAt: at, FailedAttempts: 1, Since: at, LastStatus: 503}},
		{webhook.StatsFailed, at.Add(time.Hour).In(prague), webhook.Statistics{LastFailedAt: at.Add(time.Hour), FailedAttempts: 2, Since: at, LastStatus: 503}},
		{webhook.NoStats, at.Add(2 * time.Hour), webhook.Statistics{LastFailedAt: at.Add(time.Hour), FailedAttempts: 2, Since: at, LastStatus: 503}},
		{webhook.StatsFailed, at.Add(time.Minute), webhook.Statistics{LastFailedAt: at.Add(time.Minute), FailedAttempts: 3, Since: at, LastStatus: 503}},
		{webhook.StatsSent, at.Add(time.Second), webhook.Statistics{LastFailedAt: at.Add(time.Minute), LastSentAt: at.Add(time.Second), Since: at.Add(time.Second), LastStatus: 204}},
		{webhook.StatsSent, at.Add(2 * time.Second), webhook.Statistics{LastFailedAt: at.Add(time.Minute), LastSentAt: at.Add(2 * time.Second), Since: at.Add(time.Second), LastStatus: 204}},
		{webhook.StatsFailed, at, webhook.Statistics{LastFailedAt: at, LastSentAt: at.Add(2 * time.Second), FailedAttempts: 1, Since: at, LastStatus: 503}},
	} {
		s.mustStats(t, w, tt.stats, tt.attempted)
		w.Statistics = tt.want
		s.mustHold(t, w.Account, beside, w)
	}
	s.mustStats(t, beside, webhook.StatsSent, at)
	beside.Statistics.LastSentAt, beside.Statistics.Since, beside.Statistics.LastStatus = at, at, 204
	s.mustHold(t, w.Account, beside, w)
}

// Only the webhook is counted that has the delivery's id under its event; the
// delivery is recorded all the same.
func testStatsElsewhere(t *testing.T, s *suite) {
	ctx := s.context(t)
	w := newWebhook(newAccount(), "event")
	updates := []webhook.StatsUpdate{webhook.StatsFailed, webhook.StatsSent}
	all := func(w webhook.Webhook) {
		t.Helper()
		for _, update := range updates {
			s.mustStats(t, w, update, at)
		}
	}
	all(w) // never created
	s.mustBeFree(t, w.Account, w.Event)
	s.mustHold(t, w.Account)

	twin := w // of another account
	twin.Account = newAccount()
	s.mustCreate(t, creation(w))
	s.mustCreate(t, creation(twin))
	s.mustStats(t, w, webhook.StatsFailed, at)
	s.mustRead(t, twin)

	moved := next(w, onto("elsewhere"))
	moved.Statistics = webhook.Statistics{FailedAttempts: 5}
	s.mustChange(t, changing(w, moved))
	all(w)
	s.mustHold(t, w.Account, moved)

	follower := newWebhook(w.Account, w.Event)
	s.mustCreate(t, creation(follower))
	all(w)
	for _, update := range updates { // directed to the follower while the attempt was under way
		d := s.mustKeep(t, newDueTo(w, s.moment()))
		s.mustRecord(t, webhook.AttemptResult{Was: d, Now: d.For(follower).Retried(d.Next.Add(time.Second))})
		s.mustRecord(t, webhook.AttemptResult{Was: d, Now: sent(d), Stats: update})
	}
	s.mustHold(t, w.Account, moved, follower)

	if err := s.Delete(ctx, []webhook.Webhook{follower}); err != nil {
		t.Fatal(err)
	}
	all(follower)
	s.mustBeFree(t, w.Account, w.Event)
	s.mustHold(t, w.Account, moved)
}

// Statistics are no change: who has read the webhook before may still change
// it, and the change leaves them.
func testStatsChange(t *testing.T, s *suite) {
	was := newWebhook(newAccount(), "event")
	s.mustCreate(t, creation(was))
	s.mustStats(t, was, webhook.StatsFailed, at)
	now := next(was, withURL("https://elsewhere.example/"))
	s.mustChange(t, changing(was, now))
	s.mustStats(t, was, webhook.StatsFailed, at.Add(time.Hour))
	now.Statistics = webhook.Statistics{LastFailedAt: at.Add(time.Hour), FailedAttempts: 2, Since: at, LastStatus: 503}
	s.mustRead(t, now)

	disabled := next(now, func(w *webhook.Webhook) { w.Disabled, w.DisabledReason = true, "answered 410" })
	s.mustChange(t, changing(now, disabled))
	s.mustStats(t, now, webhook.StatsSent, at.Add(2*time.Hour))
	disabled.Statistics = webhook.Statistics{
		LastFailedAt: at.Add(time.Hour), LastSentAt: at.Add(2 * time.Hour), Since: at.Add(2 * time.Hour), LastStatus: 204,
	}
	s.mustRead(t, disabled)
}

// Concurrent failures of different deliveries to one webhook are all counted,
// also while it is changed.
func testStatsRace(t *testing.T, s *suite) {
	const failures, changes = 12, 3
	ctx, store := s.context(t), s.Store
	for round := range min(s.rounds, 50) {
		w := newWebhook(newAccount(), "event")
		s.mustCreate(t, creation(w))
		given := make([]webhook.Delivery, failures)
		for i := range given {
			given[i] = s.mustKeep(t, newDueTo(w, s.moment()))
		}
		last := w
		errs := make([]error, failures+1)
		race(len(errs), func(i int) {
			if i < failures {
				now := failed(given[i], given[i].Due)
				_, errs[i] = store.RecordAttempt(ctx, webhook.AttemptResult{Was: given[i], Now: now, Stats: webhook.StatsFailed})
				return
			}
			for range changes {
				now := next(last, withURL("https://receiver.example/"+newID()))
				errs[i] = errors.Join(errs[i], s.Change(ctx, changing(last, now)))
				last = now
			}
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		last.Statistics = webhook.Statistics{
			FailedAttempts: failures, LastFailedAt: failed(given[0], at).AttemptedAt, Since: failed(given[0], at).AttemptedAt, LastStatus: 503,
		}
		s.mustRead(t, last)
	}
}
