package storetest

import (
	"errors"
	"slices"
	"testing"

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
	foreign.ID, foreign.Claim = batch[1].ID, batch[1].Claim
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
			for _, place := range []int{0, batchSize / 2, batchSize - 1} {
				wrong := slices.Clone(group)
				wrong[place].ID = newID()
				s.mustNotDelete(t, "a group of which one is another", wrong...)
				wrong[place] = newWebhook(account, "gone")
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
