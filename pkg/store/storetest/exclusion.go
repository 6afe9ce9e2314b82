package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

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
