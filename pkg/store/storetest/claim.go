package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

// Of concurrent creations of one event exactly one succeeds, and all others
// learn the winner's id.
func testClaim(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	var want []webhook.Webhook
	for round := range s.rounds {
		event := fmt.Sprintf("event-%05d", round)
		rivals := make([]webhook.Webhook, contestants)
		for i := range rivals {
			rivals[i] = newWebhook(account, event)
		}
		got := make([][]webhook.Webhook, contestants)
		errs := make([]error, contestants)
		race(contestants, func(i int) { got[i], errs[i] = s.Create(ctx, creation(rivals[i])) })
		winner := oneWinner(t, errs)
		same(t, "created webhooks", got[winner], rivals[winner:winner+1])
		mustBeTaken(t, errs, winner, map[string]string{event: rivals[winner].ID})
		want = append(want, rivals[winner])
	}
	s.mustHold(t, account, want...)
}

// oneWinner gives the place of the only nil in errs.
func oneWinner(t *testing.T, errs []error) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("requests %d and %d both succeeded", winner, i)
		case err == nil:
			winner = i
		}
	}
	if winner < 0 {
		t.Fatalf("no request succeeded; the first failed with: %v", errs[0])
	}
	return winner
}

// mustBeTaken fails the test unless all but the winner's error say want.
func mustBeTaken(t *testing.T, errs []error, winner int, want map[string]string) {
	t.Helper()
	for i, err := range errs {
		if i != winner {
			mustSayTaken(t, err, want)
		}
	}
}

// mustSayTaken fails the test unless err is a TakenError of exactly want.
func mustSayTaken(t *testing.T, err error, want map[string]string) {
	t.Helper()
	var taken *webhook.TakenError
	if !errors.As(err, &taken) {
		t.Fatalf("error = %v, want a TakenError of %v", err, want)
	}
	if diff := cmp.Diff(want, taken.IDs); diff != "" {
		t.Fatalf("TakenError.IDs (-want +got):\n%s", diff)
	}
	if errors.Is(err, webhook.ErrExcluded) {
		t.Errorf("error %v is both taken and excluded", err)
	}
}

// A webhook is refused for as long as one stands, and what stands is not
// touched; each is read the moment its creation has returned.
func testClaimSequence(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	s.mustHold(t, account)
	var want []webhook.Webhook
	for i := range 10 {
		w := newWebhook(account, fmt.Sprintf("event-%d", i))
		same(t, "created webhooks", s.mustCreate(t, creation(w)), []webhook.Webhook{w})
		want = append(want, w)
		s.mustHold(t, account, want...)

		_, err := s.Create(ctx, creation(newWebhook(account, w.Event)))
		mustSayTaken(t, err, map[string]string{w.Event: w.ID})
		s.mustHold(t, account, want...)
	}
}
