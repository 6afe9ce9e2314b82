package storetest

import (
	"errors"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// A change that moves onto another event frees the old and claims the new.
func testMove(t *testing.T, s *suite) {
	account := newAccount()
	first := newWebhook(account, "old")
	s.mustCreate(t, creation(first))
	moved := next(first, onto("new"))
	s.mustChange(t, changing(first, moved))
	s.mustBeFree(t, account, "old")
	s.mustRead(t, moved)
	s.mustHold(t, account, moved)
	s.mustRefuse(t, "a record that has moved", changing(first, next(first, withURL("x"))), webhook.ErrNotFound)

	_, err := s.Create(s.context(t), creation(newWebhook(account, "new")))
	mustSayTaken(t, err, map[string]string{"new": first.ID})
	second := newWebhook(account, "old")
	s.mustCreate(t, creation(second))
	s.mustHold(t, account, moved, second)

	elsewhere := newWebhook(newAccount(), "new")
	s.mustCreate(t, creation(elsewhere))
	foreign := next(elsewhere, onto("old"))
	s.mustChange(t, changing(elsewhere, foreign))
	s.mustHold(t, elsewhere.Account, foreign)
	s.mustHold(t, account, moved, second)
}

// A move onto an event that has a webhook is refused with the id of that one,
// and changes nothing. That the mover is gone or changed comes first.
func testMoveTaken(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	batch := newBatch(account, "a", "b")
	w, holder := batch[0], batch[1]
	s.mustCreate(t, creation(batch...))
	move := changing(w, next(w, onto("b")))
	mustSayTaken(t, s.Change(ctx, move), map[string]string{"b": holder.ID})
	s.mustHold(t, account, w, holder)

	sameClaim := newWebhook(account, "c") // one request's records do not give way to each other
	sameClaim.Claim, sameClaim.ID = holder.Claim, holder.ID
	s.mustCreate(t, creation(sameClaim))
	mustSayTaken(t, s.Change(ctx, changing(sameClaim, next(sameClaim, onto("b")))), map[string]string{"b": holder.ID})
	s.mustHold(t, account, w, holder, sameClaim)

	now := next(w, withURL("https://elsewhere.example/"))
	s.mustChange(t, changing(w, now))
	s.mustRefuse(t, "a changed record, onto a taken event", move, webhook.ErrChanged)
	if err := s.Delete(ctx, []webhook.Webhook{now}); err != nil {
		t.Fatal(err)
	}
	s.mustRefuse(t, "a deleted record, onto a taken event", move, webhook.ErrNotFound)
	s.mustHold(t, account, holder, sameClaim)
}

// Of concurrent moves onto one free event exactly one succeeds; the others
// learn the winner's id and stay where they are.
func testMoveRace(t *testing.T, s *suite) {
	const rivals = 6
	ctx := s.context(t)
	for range s.rounds {
		account := newAccount()
		batch := newBatch(account, numbered("event", rivals)...)
		s.mustCreate(t, creation(batch...))
		errs := make([]error, rivals)
		race(rivals, func(i int) { errs[i] = s.Change(ctx, changing(batch[i], next(batch[i], onto("free")))) })
		winner := oneWinner(t, errs)
		mustBeTaken(t, errs, winner, map[string]string{"free": batch[winner].ID})
		want := append(batch[:winner:winner], batch[winner+1:]...)
		s.mustHold(t, account, append(want, next(batch[winner], onto("free")))...)
	}
}

// A creation races a move for the event that the move goes to: one of the two
// gets it, and the other is told who.
func testMoveCreateRace(t *testing.T, s *suite) {
	ctx := s.context(t)
	for range s.rounds {
		account := newAccount()
		was, created := newWebhook(account, "a"), newWebhook(account, "b")
		s.mustCreate(t, creation(was))
		moved := next(was, onto("b"))
		errs := make([]error, 2)
		race(2, func(i int) {
			if i == 0 {
				errs[0] = s.Change(ctx, changing(was, moved))
				return
			}
			_, errs[1] = s.Create(ctx, creation(created))
		})
		if oneWinner(t, errs) == 0 {
			mustSayTaken(t, errs[1], map[string]string{"b": was.ID})
			s.mustHold(t, account, moved)
			continue
		}
		mustSayTaken(t, errs[0], map[string]string{"b": created.ID})
		s.mustHold(t, account, was, created)
	}
}

// While a webhook moves back and forth between two events, it holds one of
// them at every moment: a creation of both is always refused.
func testMoveHolds(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	was := newWebhook(account, "a")
	s.mustCreate(t, creation(was))
	moving := make(chan struct{})
	var refusals []error
	race(2, func(i int) {
		if i == 1 {
			for open := true; open; {
				select {
				case <-moving:
					open = false
				default:
				}
				_, err := s.Create(ctx, creation(newBatch(account, "a", "b")...))
				refusals = append(refusals, err)
			}
			return
		}
		defer close(moving)
		for n := range 2 * s.rounds {
			now := next(was, onto([]string{"b", "a"}[n%2]))
			if err := s.Change(ctx, changing(was, now)); err != nil {
				t.Errorf("move %d: %v", n, err)
				return
			}
			was = now
		}
	})
	for _, err := range refusals {
		var taken *webhook.TakenError
		if !errors.As(err, &taken) || len(taken.IDs) == 0 {
			t.Fatalf("creation of both events: error = %v, want a TakenError", err)
		}
		for event, id := range taken.IDs {
			if id != was.ID {
				t.Fatalf("creation of both events: %s is said to be held by %q, want %q", event, id, was.ID)
			}
		}
	}
	s.mustHold(t, account, was)
}

// Two webhooks that concurrently ask for each other's event, each by a change
// of its own, are both refused: in either order the event is taken.
func testMoveCrossed(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	batch := newBatch(account, "a", "b")
	s.mustCreate(t, creation(batch...))
	for range s.rounds {
		errs := make([]error, 2)
		race(2, func(i int) { errs[i] = s.Change(ctx, changing(batch[i], next(batch[i], onto(batch[1-i].Event)))) })
		for i, err := range errs {
			mustSayTaken(t, err, map[string]string{batch[1-i].Event: batch[1-i].ID})
		}
	}
	s.mustHold(t, account, batch...)
}

// Of concurrent moves of one webhook to different events exactly one is done;
// the others do not find it where it was.
func testMoveAwayRace(t *testing.T, s *suite) {
	const rivals = 6
	ctx := s.context(t)
	for range s.rounds {
		account := newAccount()
		was := newWebhook(account, "event")
		s.mustCreate(t, creation(was))
		targets := numbered("target", rivals)
		errs := make([]error, rivals)
		race(rivals, func(i int) { errs[i] = s.Change(ctx, changing(was, next(was, onto(targets[i])))) })
		winner := oneWinner(t, errs)
		for i, err := range errs {
			if i != winner && !errors.Is(err, webhook.ErrNotFound) {
				t.Fatalf("move %d, which came late: error = %v, want ErrNotFound", i, err)
			}
		}
		s.mustHold(t, account, next(was, onto(targets[winner])))
	}
}

// One webhook moves on while another moves onto its event: the first always
// does, the second does or is told of the first.
func testMoveFollowRace(t *testing.T, s *suite) {
	ctx := s.context(t)
	for range s.rounds {
		account := newAccount()
		was := newBatch(account, "a", "b")
		now := []webhook.Webhook{next(was[0], onto("b")), next(was[1], onto("c"))}
		s.mustCreate(t, creation(was...))
		errs := make([]error, 2)
		race(2, func(i int) { errs[i] = s.Change(ctx, changing(was[i], now[i])) })
		if errs[1] != nil {
			t.Fatalf("the move onto a free event: %v", errs[1])
		}
		if errs[0] != nil {
			mustSayTaken(t, errs[0], map[string]string{"b": was[1].ID})
			now[0] = was[0]
		}
		s.mustHold(t, account, now...)
	}
}
