package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// mustMark has a new delivery to w come to an attempt at a time, with a mark.
func (s *suite) mustMark(t *testing.T, w webhook.Webhook, mark webhook.Mark, attempted time.Time) {
	t.Helper()
	d := s.mustKeep(t, newDueTo(w, s.moment()))
	now := failed(d, d.Due)
	if mark == webhook.MarkSent {
		now = sent(d)
	}
	now.AttemptedAt = attempted
	s.mustSettle(t, webhook.Settlement{Was: d, Now: now, Mark: mark})
	now.AttemptedAt = toMilli(attempted)
	s.mustStand(t, now)
}

// A failure counts one and sets its time, a success sets its own and counts
// anew, and nothing else of the webhook changes.
func testMark(t *testing.T, s *suite) {
	w := newWebhook(newAccount(), "event")
	w.SealedKey, w.RetiredKeys, w.SendPayload = allBytes(), retired(2), true
	beside := newWebhook(w.Account, "beside")
	s.mustCreate(t, creation(w))
	s.mustCreate(t, creation(beside))
	prague := time.FixedZone("CEST", 2*60*60)
	for _, tt := range []struct {
		mark      webhook.Mark
		attempted time.Time
		want      webhook.Statistics
	}{
		{webhook.NoMark, at, webhook.Statistics{}},
		{webhook.MarkFailed, at.Add(2), webhook.Statistics{LastFailedAt: at, FailedAttempts: 1}},
		{webhook.MarkFailed, at.Add(time.Hour).In(prague), webhook.Statistics{LastFailedAt: at.Add(time.Hour), FailedAttempts: 2}},
		{webhook.NoMark, at.Add(2 * time.Hour), webhook.Statistics{LastFailedAt: at.Add(time.Hour), FailedAttempts: 2}},
		{webhook.MarkFailed, at.Add(time.Minute), webhook.Statistics{LastFailedAt: at.Add(time.Minute), FailedAttempts: 3}},
		{webhook.MarkSent, at.Add(time.Second), webhook.Statistics{LastFailedAt: at.Add(time.Minute), LastSentAt: at.Add(time.Second)}},
		{webhook.MarkSent, at.Add(2 * time.Second), webhook.Statistics{LastFailedAt: at.Add(time.Minute), LastSentAt: at.Add(2 * time.Second)}},
		{webhook.MarkFailed, at, webhook.Statistics{LastFailedAt: at, LastSentAt: at.Add(2 * time.Second), FailedAttempts: 1}},
	} {
		s.mustMark(t, w, tt.mark, tt.attempted)
		w.Statistics = tt.want
		s.mustHold(t, w.Account, beside, w)
	}
	s.mustMark(t, beside, webhook.MarkSent, at)
	beside.Statistics.LastSentAt = at
	s.mustHold(t, w.Account, beside, w)
}

// Only the webhook is marked that has the delivery's id under its event; the
// delivery is settled all the same.
func testMarkElsewhere(t *testing.T, s *suite) {
	ctx := s.context(t)
	w := newWebhook(newAccount(), "event")
	marks := []webhook.Mark{webhook.MarkFailed, webhook.MarkSent}
	all := func(w webhook.Webhook) {
		t.Helper()
		for _, mark := range marks {
			s.mustMark(t, w, mark, at)
		}
	}
	all(w) // never created
	s.mustBeFree(t, w.Account, w.Event)
	s.mustHold(t, w.Account)

	twin := w // of another account
	twin.Account = newAccount()
	s.mustCreate(t, creation(w))
	s.mustCreate(t, creation(twin))
	s.mustMark(t, w, webhook.MarkFailed, at)
	s.mustRead(t, twin)

	moved := next(w, onto("elsewhere"))
	moved.Statistics = webhook.Statistics{FailedAttempts: 5}
	s.mustChange(t, changing(w, moved))
	all(w)
	s.mustHold(t, w.Account, moved)

	follower := newWebhook(w.Account, w.Event)
	s.mustCreate(t, creation(follower))
	all(w)
	s.mustHold(t, w.Account, moved, follower)

	if err := s.Delete(ctx, []webhook.Webhook{follower}); err != nil {
		t.Fatal(err)
	}
	all(follower)
	s.mustBeFree(t, w.Account, w.Event)
	s.mustHold(t, w.Account, moved)
}

// A mark is no change: who has read the webhook before may still change it,
// and the change leaves the marks.
func testMarkChange(t *testing.T, s *suite) {
	was := newWebhook(newAccount(), "event")
	s.mustCreate(t, creation(was))
	s.mustMark(t, was, webhook.MarkFailed, at)
	now := next(was, withURL("https://elsewhere.example/"))
	s.mustChange(t, changing(was, now))
	s.mustMark(t, was, webhook.MarkFailed, at.Add(time.Hour))
	now.Statistics = webhook.Statistics{LastFailedAt: at.Add(time.Hour), FailedAttempts: 2}
	s.mustRead(t, now)

	disabled := next(now, func(w *webhook.Webhook) { w.Disabled, w.DisabledReason = true, "answered 410" })
	s.mustChange(t, changing(now, disabled))
	s.mustMark(t, now, webhook.MarkSent, at.Add(2*time.Hour))
	disabled.Statistics = webhook.Statistics{LastFailedAt: at.Add(time.Hour), LastSentAt: at.Add(2 * time.Hour)}
	s.mustRead(t, disabled)
}

// Concurrent failures of different deliveries to one webhook are all counted,
// also while it is changed.
func testMarkRace(t *testing.T, s *suite) {
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
				_, errs[i] = store.Settle(ctx, webhook.Settlement{Was: given[i], Now: now, Mark: webhook.MarkFailed})
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
			FailedAttempts: failures, LastFailedAt: failed(given[0], at).AttemptedAt,
		}
		s.mustRead(t, last)
	}
}
