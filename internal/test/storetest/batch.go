package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

// batchSize is the most webhooks that a creation may have.
const batchSize = 50

// numbered gives n event names whose order is that of their numbers.
func numbered(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%05d", prefix, i)
	}
	return names
}

// A creation of 50 stands whole, and is returned in its own order even when
// that is not the order of events.
func testBatch(t *testing.T, s *suite) {
	account := newAccount()
	events := numbered("event", batchSize)
	slices.Reverse(events)
	batch := newBatch(account, events...)
	same(t, "created webhooks", s.mustCreate(t, creation(batch...)), batch)
	slices.Reverse(batch)
	s.mustHold(t, account, batch...)
}

// A conflict names all taken events with the ids that hold them, and nothing
// of the creation is stored.
func testBatchConflict(t *testing.T, s *suite) {
	ctx := s.context(t)
	events := numbered("event", batchSize)
	for name, takenAt := range map[string][]int{
		"first":  {0},
		"middle": {17, 18, 31},
		"last":   {batchSize - 1},
		"all":    allPositions(batchSize),
	} {
		t.Run(name, func(t *testing.T) {
			account := newAccount()
			var stand []webhook.Webhook
			want := map[string]string{}
			for _, i := range takenAt {
				w := newWebhook(account, events[i])
				s.mustCreate(t, creation(w))
				stand = append(stand, w)
				want[w.Event] = w.ID
			}
			_, err := s.Create(ctx, creation(newBatch(account, events...)...))
			mustSayTaken(t, err, want)
			s.mustHold(t, account, stand...)
		})
	}
}

func allPositions(n int) []int {
	keys := make([]int, n)
	for i := range keys {
		keys[i] = i
	}
	return keys
}

// Overlapping creations race: each stands whole or not at all, at least one
// succeeds, and whoever fails is told ids that truly stand.
func testBatchRace(t *testing.T, s *suite) {
	const rivals, width = 12, 6
	ctx := s.context(t)
	for range s.rounds {
		account := newAccount()
		events := numbered("event", rivals+width)
		batches := make([][]webhook.Webhook, rivals)
		for i := range batches {
			own := slices.Clone(events[i : i+width])
			if i%2 == 1 { // opposite orders invite deadlocks
				slices.Reverse(own)
			}
			batches[i] = newBatch(account, own...)
		}
		errs := make([]error, rivals)
		race(rivals, func(i int) { _, errs[i] = s.Create(ctx, creation(batches[i]...)) })

		holders := map[string]string{}
		var want []webhook.Webhook
		for i, err := range errs {
			if err == nil {
				want = append(want, batches[i]...)
				for _, w := range batches[i] {
					holders[w.Event] = w.ID
				}
			}
		}
		if len(want) == 0 {
			t.Fatalf("no creation succeeded; the first failed with: %v", errs[0])
		}
		slices.SortFunc(want, byEvent)
		s.mustHold(t, account, want...)
		for i, err := range errs {
			if err != nil {
				mustNameHolders(t, err, batches[i], holders)
			}
		}
	}
}

// mustNameHolders fails the test unless err names events of the batch only,
// with the ids that hold them. Which of them were taken when the batch was
// checked depends on the race, so it need not be all.
func mustNameHolders(t *testing.T, err error, batch []webhook.Webhook, holders map[string]string) {
	t.Helper()
	var taken *webhook.TakenError
	if !errors.As(err, &taken) || len(taken.IDs) == 0 {
		t.Fatalf("error = %v, want a TakenError", err)
	}
	for event, id := range taken.IDs {
		inBatch := slices.ContainsFunc(batch, func(w webhook.Webhook) bool { return w.Event == event })
		if !inBatch || holders[event] != id {
			t.Errorf("TakenError says %s is held by %s; it is held by %q, in the batch: %t", event, id, holders[event], inBatch)
		}
	}
}

func byEvent(a, b webhook.Webhook) int { return strings.Compare(a.Event, b.Event) }

// excluding asks for ws on the condition that for no pair By is registered.
func excluding(xs []webhook.Exclusion, ws ...webhook.Webhook) webhook.Creation {
	return webhook.Creation{Webhooks: ws, Exclusions: xs}
}

// pair is the exclusion of one event by another.
func pair(event, by string) webhook.Exclusion { return webhook.Exclusion{Event: event, By: by} }

// mustSayExcluded fails the test unless err is an ExcludedError of want.
func mustSayExcluded(t *testing.T, err error, want ...webhook.Exclusion) {
	t.Helper()
	var excluded *webhook.ExcludedError
	if !errors.As(err, &excluded) {
		t.Fatalf("error = %v, want an ExcludedError of %v", err, want)
	}
	if diff := cmp.Diff(want, excluded.Found); diff != "" {
		t.Fatalf("ExcludedError.Found (-want +got):\n%s", diff)
	}
	if errors.Is(err, webhook.ErrTaken) {
		t.Errorf("error %v is both taken and excluded", err)
	}
}

// Whichever of two excluding events comes first keeps the other out; one
// whose partner is not registered goes in, alone or in a batch.
func testExclusion(t *testing.T, s *suite) {
	ctx := s.context(t)
	for _, first := range []string{"all", "some"} {
		second := map[string]string{"all": "some", "some": "all"}[first]
		t.Run(first, func(t *testing.T) {
			account := newAccount()
			w := newWebhook(account, first)
			got := s.mustCreate(t, excluding([]webhook.Exclusion{pair(first, second)}, w))
			same(t, "created webhooks", got, []webhook.Webhook{w})

			x := pair(second, first)
			_, err := s.Create(ctx, excluding([]webhook.Exclusion{x}, newWebhook(account, second)))
			mustSayExcluded(t, err, x)
			_, err = s.Create(ctx, excluding([]webhook.Exclusion{x}, newBatch(account, "other", second, "third")...))
			mustSayExcluded(t, err, x)
			s.mustHold(t, account, w)

			batch := newBatch(account, "x", "y")
			s.mustCreate(t, excluding([]webhook.Exclusion{pair("y", "nowhere"), pair("x", "nowhere")}, batch...))
			s.mustHold(t, account, w, batch[0], batch[1])

			elsewhere := newWebhook(newAccount(), second)
			s.mustCreate(t, excluding([]webhook.Exclusion{x}, elsewhere))
			s.mustHold(t, elsewhere.Account, elsewhere)
		})
	}
}

// All exclusions in the way are named, in the order of the creation, also
// where an event stands in several.
func testExclusionOrder(t *testing.T, s *suite) {
	account := newAccount()
	stand := newBatch(account, "v", "x", "z")
	s.mustCreate(t, creation(stand...))
	_, err := s.Create(s.context(t), excluding([]webhook.Exclusion{
		pair("b", "z"), pair("a", "y"), pair("a", "x"), pair("b", "w"), pair("b", "x"), pair("a", "v"),
	}, newBatch(account, "a", "b")...))
	mustSayExcluded(t, err, pair("b", "z"), pair("a", "x"), pair("b", "x"), pair("a", "v"))
	s.mustHold(t, account, stand...)
}

// Where an event is taken and another excluded, the taken ones are named.
func testExclusionTaken(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	stand := newBatch(account, "p", "x")
	s.mustCreate(t, creation(stand...))

	_, err := s.Create(ctx, excluding([]webhook.Exclusion{pair("q", "x")}, newBatch(account, "p", "q")...))
	mustSayTaken(t, err, map[string]string{"p": stand[0].ID})
	_, err = s.Create(ctx, excluding([]webhook.Exclusion{pair("p", "x")}, newWebhook(account, "p")))
	mustSayTaken(t, err, map[string]string{"p": stand[0].ID})
	s.mustHold(t, account, stand...)
}

// Of concurrent creations that exclude each other exactly one succeeds: one
// request a side, several a side, and a single against a batch.
func testExclusionRace(t *testing.T, s *suite) {
	for name, tt := range map[string]struct {
		copies int
		extra  []string
	}{
		"one each":     {1, nil},
		"eight each":   {8, nil},
		"with a batch": {2, []string{"extra-1", "extra-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for round := range s.rounds {
				s.raceExcluding(t, fmt.Sprintf("left-%d", round), fmt.Sprintf("right-%d", round), tt.copies, tt.extra)
			}
		})
	}
}

// raceExcluding runs one round: copies requests for left, and as many for
// right, which have the extra events too.
func (s *suite) raceExcluding(t *testing.T, left, right string, copies int, extra []string) {
	t.Helper()
	ctx := s.context(t)
	account := newAccount()
	creations := make([]webhook.Creation, 2*copies)
	for i := range creations {
		if i%2 == 0 {
			creations[i] = excluding([]webhook.Exclusion{pair(left, right)}, newWebhook(account, left))
			continue
		}
		events := append([]string{right}, extra...)
		creations[i] = excluding([]webhook.Exclusion{pair(right, left)}, newBatch(account, events...)...)
	}
	errs := make([]error, len(creations))
	race(len(creations), func(i int) { _, errs[i] = s.Create(ctx, creations[i]) })

	winner := oneWinner(t, errs)
	ids := map[string]string{}
	for _, w := range creations[winner].Webhooks {
		ids[w.Event] = w.ID
	}
	for i, err := range errs {
		switch {
		case i == winner:
		case i%2 == winner%2:
			mustSayTaken(t, err, ids)
		default:
			mustSayExcluded(t, err, creations[i].Exclusions...)
		}
	}
	want := map[string]string{}
	got, err := s.Webhooks(ctx, account)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range got {
		want[w.Event] = w.ID
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Fatalf("what stands is not what succeeded (-stands +succeeded):\n%s", diff)
	}
}

// newGroup makes the records of one registration with one id, one key and one
// time, as AbbeyCross has them.
func newGroup(a webhook.Account, events ...string) []webhook.Webhook {
	group := newBatch(a, events...)
	for i := range group {
		group[i].ID, group[i].RequestID, group[i].SealedKey = group[0].ID, group[0].RequestID, group[0].SealedKey
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
