package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

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
		"all":    allPlaces(batchSize),
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

func allPlaces(n int) []int {
	places := make([]int, n)
	for i := range places {
		places[i] = i
	}
	return places
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
// judged depends on the race, so it need not be all.
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
