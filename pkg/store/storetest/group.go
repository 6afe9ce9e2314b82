package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// newGroup makes the records of one registration with one id, one key and one
// time, as AbbeyCross has them.
func newGroup(a webhook.Account, events ...string) []webhook.Webhook {
	group := newBatch(a, events...)
	for i := range group {
		group[i].ID, group[i].Claim, group[i].SealedKey = group[0].ID, group[0].Claim, group[0].SealedKey
	}
	return group
}

// nextAll gives what the records become by their next change.
func nextAll(was []webhook.Webhook, edit func(*webhook.Webhook)) []webhook.Webhook {
	now := make([]webhook.Webhook, len(was))
	for i, w := range was {
		now[i] = next(w, edit)
	}
	return now
}

// A change of several records, of one id or of several, is done whole, in
// whatever order they come.
func testChangeGroup(t *testing.T, s *suite) {
	for name, newRecords := range map[string]func(webhook.Account, ...string) []webhook.Webhook{
		"one id": newGroup, "own ids": newBatch,
	} {
		t.Run(name, func(t *testing.T) {
			account := newAccount()
			was := newRecords(account, numbered("event", batchSize)...)
			bystander := newWebhook(account, "zz")
			s.mustCreate(t, creation(was...))
			s.mustCreate(t, creation(bystander))
			now := nextAll(was, func(w *webhook.Webhook) { w.RetiredKeys, w.SealedKey = retired(1), []byte("new") })
			slices.Reverse(was)
			slices.Reverse(now)
			s.mustChange(t, webhook.Change{Was: was, Now: now})
			slices.Reverse(now)
			s.mustHold(t, account, append(slices.Clone(now), bystander)...)

			moved := nextAll(now, func(w *webhook.Webhook) { w.Event += "-moved" }) // the most that a change can be
			s.mustChange(t, webhook.Change{Was: now, Now: moved})
			s.mustHold(t, account, append(moved, bystander)...)
		})
	}
}

// One record that is gone, another or changed since refuses the whole group,
// and nothing is changed. What is gone comes before what was changed, and
// both before what is taken.
func testChangeGroupRefused(t *testing.T, s *suite) {
	account := newAccount()
	was := newGroup(account, "a", "b", "c")
	taken := newBatch(account, "x", "y")
	s.mustCreate(t, creation(was...))
	s.mustCreate(t, creation(taken...))
	second := next(was[1], withURL("https://elsewhere.example/"))
	s.mustChange(t, changing(was[1], second))
	stand := []webhook.Webhook{was[0], second, was[2], taken[0], taken[1]}
	edit := withURL("https://group.example/")

	s.mustRefuse(t, "a group of which one was changed", webhook.Change{Was: was, Now: nextAll(was, edit)}, webhook.ErrChanged)
	s.mustHold(t, account, stand...)

	gone := append(slices.Clone(was), was[2])
	gone[3].Event = "gone"
	s.mustRefuse(t, "a group of which one is gone and one was changed",
		webhook.Change{Was: gone, Now: nextAll(gone, edit)}, webhook.ErrNotFound)
	other := slices.Clone(was)
	other[2].ID = newID()
	s.mustRefuse(t, "a group of which one is another and one was changed",
		webhook.Change{Was: other, Now: nextAll(other, edit)}, webhook.ErrNotFound)
	s.mustHold(t, account, stand...)

	moved := nextAll(was, edit)
	moved[0].Event = "x"
	s.mustRefuse(t, "a group of which one was changed and one is to move onto a taken event",
		webhook.Change{Was: was, Now: moved}, webhook.ErrChanged)
	fresh := []webhook.Webhook{was[0], second, was[2]}
	moved = nextAll(fresh, edit)
	moved[0].Event, moved[2].Event = "x", "y"
	err := s.Change(s.context(t), webhook.Change{Was: fresh, Now: moved})
	mustSayTaken(t, err, map[string]string{"x": taken[0].ID, "y": taken[1].ID})
	s.mustHold(t, account, stand...)
}

// The records of one change may take each other's events: two of them swap,
// three go round, and one follows another that moves away.
func testChangeSwap(t *testing.T, s *suite) {
	account := newAccount()
	was := newBatch(account, "a", "b", "c", "d")
	was[0].Statistics.FailedAttempts = 3
	s.mustCreate(t, creation(was...))
	for _, events := range [][]string{
		{"b", "a", "c", "d"}, // a swap
		{"a", "c", "b", "d"}, // three go round
		{"c", "e", "b", "d"}, // one follows another
		{"b", "c", "d", "e"}, // all go round
	} {
		now := nextAll(was, func(*webhook.Webhook) {})
		for i := range now {
			now[i].Event = events[i]
		}
		s.mustChange(t, webhook.Change{Was: was, Now: now})
		want := slices.Clone(now)
		slices.SortFunc(want, byEvent)
		s.mustHold(t, account, want...)
		was = now
	}
	for _, event := range []string{"a", "f"} {
		s.mustBeFree(t, account, event)
	}

	// Part of a swap with one that stands in the way outside changes nothing.
	now := nextAll(was[:2], func(*webhook.Webhook) {})
	now[0].Event, now[1].Event = was[1].Event, was[2].Event
	err := s.Change(s.context(t), webhook.Change{Was: was[:2], Now: now})
	mustSayTaken(t, err, map[string]string{was[2].Event: was[2].ID})
	s.mustHold(t, account, was...)
}

// Of concurrent changes from one version exactly one is done, whole, and the
// others are told that it came first: single records, and groups that come in
// opposite orders.
func testChangeRace(t *testing.T, s *suite) {
	const rivals = 6
	ctx := s.context(t)
	for round := range s.rounds {
		account := newAccount()
		was := newGroup(account, numbered("event", 1+round%4)...)
		s.mustCreate(t, creation(was...))
		changes := make([]webhook.Change, rivals)
		for i := range changes {
			url := "https://rival.example/" + newID()
			changes[i] = webhook.Change{Was: slices.Clone(was), Now: nextAll(was, withURL(url))}
			if i%2 == 1 {
				slices.Reverse(changes[i].Was)
				slices.Reverse(changes[i].Now)
			}
		}
		errs := make([]error, rivals)
		race(rivals, func(i int) { errs[i] = s.Change(ctx, changes[i]) })
		winner := oneWinner(t, errs)
		for i, err := range errs {
			if i != winner && !errors.Is(err, webhook.ErrChanged) {
				t.Fatalf("round %d: change %d, which came late: error = %v, want ErrChanged", round, i, err)
			}
		}
		want := changes[winner].Now
		slices.SortFunc(want, byEvent)
		s.mustHold(t, account, want...)
	}
}
