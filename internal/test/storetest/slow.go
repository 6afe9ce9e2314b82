package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// SlowSince is set and cleared without another version, and a change leaves it
// unless it is one of the URL.
func testSlow(t *testing.T, s *suite) {
	ctx := s.context(t)
	w := newWebhook(newAccount(), "event")
	w.SealedKey, w.RetiredKeys, w.Statistics.FailedAttempts = allBytes(), retired(2), 3
	beside := newWebhook(w.Account, "beside")
	s.mustCreate(t, creation(w))
	s.mustCreate(t, creation(beside))
	set := func(since time.Time) {
		t.Helper()
		if err := s.SetSlow(ctx, w, since); err != nil {
			t.Fatal(err)
		}
		w.SlowSince = since
		s.mustHold(t, w.Account, beside, toMillis(w))
		w = toMillis(w)
	}
	edit := func(change func(*webhook.Webhook)) {
		t.Helper()
		now := next(w, change)
		s.mustChange(t, changing(w, now))
		w = now
	}
	prague := time.FixedZone("CEST", 2*60*60)
	set(at.Add(2 + time.Hour).In(prague))
	set(at.Add(time.Minute))
	set(time.Time{})
	set(time.Time{})
	set(at)
	edit(func(w *webhook.Webhook) { w.Disabled, w.SendPayload = true, true })
	s.mustHold(t, w.Account, beside, w)
	edit(withURL("https://elsewhere.example/"))
	w.SlowSince = time.Time{}
	s.mustHold(t, w.Account, beside, w)
	set(at)
	edit(onto("moved"))
	s.mustHold(t, w.Account, beside, w)
	edit(func(w *webhook.Webhook) { w.Event, w.URL = "event", "https://third.example/" })
	w.SlowSince = time.Time{}
	s.mustHold(t, w.Account, beside, w)
}

// What was read too long ago decides nothing: another version, another
// SlowSince, another webhook.
func testSlowRefused(t *testing.T, s *suite) {
	ctx := s.context(t)
	first := newWebhook(newAccount(), "event")
	s.mustCreate(t, creation(first))
	slow := first
	slow.SlowSince = at
	stranger := first
	stranger.ID = newID()
	changed := next(first, withURL("https://elsewhere.example/"))
	refuse := func(w webhook.Webhook, since time.Time, want error) {
		t.Helper()
		if err := s.SetSlow(ctx, w, since); !errors.Is(err, want) {
			t.Errorf("SetSlow = %v, want %v", err, want)
		}
	}
	refuse(newWebhook(first.Account, "never"), at, webhook.ErrNotFound)
	refuse(stranger, at, webhook.ErrNotFound)
	refuse(slow, time.Time{}, webhook.ErrChanged)
	s.mustRead(t, first)
	if err := s.SetSlow(ctx, first, at); err != nil {
		t.Fatal(err)
	}
	refuse(first, at.Add(time.Hour), webhook.ErrChanged)
	s.mustRead(t, slow)
	s.mustChange(t, changing(slow, changed))
	refuse(first, at, webhook.ErrChanged)
	refuse(slow, time.Time{}, webhook.ErrChanged)
	s.mustRead(t, changed)
	if err := s.Delete(ctx, []webhook.Webhook{changed}); err != nil {
		t.Fatal(err)
	}
	refuse(changed, at, webhook.ErrNotFound)
	s.mustBeFree(t, first.Account, first.Event)
}

// Of several attempts that find a webhook slow at once, one writes it.
func testSlowRace(t *testing.T, s *suite) {
	ctx := s.context(t)
	for round := range min(s.rounds, 50) {
		w := newWebhook(newAccount(), "event")
		s.mustCreate(t, creation(w))
		errs := make([]error, 6)
		race(len(errs), func(i int) { errs[i] = s.SetSlow(ctx, w, at.Add(time.Duration(i)*time.Second)) })
		written := 0
		for i, err := range errs {
			switch {
			case err == nil:
				written++
				w.SlowSince = at.Add(time.Duration(i) * time.Second)
			case !errors.Is(err, webhook.ErrChanged):
				t.Errorf("round %d: %v", round, err)
			}
		}
		if written != 1 {
			t.Errorf("round %d: %d were written, want 1", round, written)
		}
		s.mustRead(t, w)
	}
}
