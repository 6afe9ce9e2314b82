package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// next gives what w becomes by its next change: edit says how.
func next(w webhook.Webhook, edit func(w *webhook.Webhook)) webhook.Webhook {
	w.Version++
	w.UpdatedAt = at.Add(time.Duration(w.Version) * time.Minute)
	edit(&w)
	return w
}

// withURL is an edit that sets another URL.
func withURL(url string) func(*webhook.Webhook) {
	return func(w *webhook.Webhook) { w.URL = url }
}

// onto is an edit that moves a webhook onto another event.
func onto(event string) func(*webhook.Webhook) {
	return func(w *webhook.Webhook) { w.Event = event }
}

// changing asks for now in the place of was.
func changing(was, now webhook.Webhook) webhook.Change {
	return webhook.Change{Was: []webhook.Webhook{was}, Now: []webhook.Webhook{now}}
}

// mustChange does c and fails the test if that fails.
func (s *suite) mustChange(t *testing.T, c webhook.Change) {
	t.Helper()
	if err := s.Change(s.context(t), c); err != nil {
		t.Fatalf("Change: %v", err)
	}
}

// mustRefuse fails the test unless Change refuses c with want.
func (s *suite) mustRefuse(t *testing.T, what string, c webhook.Change, want error) {
	t.Helper()
	err := s.Change(s.context(t), c)
	if !errors.Is(err, want) {
		t.Fatalf("Change of %s: error = %v, want one that wraps %q", what, err, want)
	}
	for _, other := range []error{webhook.ErrNotFound, webhook.ErrChanged, webhook.ErrTaken} {
		if errors.Is(err, other) && !errors.Is(want, other) {
			t.Fatalf("Change of %s: error %v is both %q and %q", what, err, want, other)
		}
	}
}

// mustRead fails the test unless the event's webhook is want.
func (s *suite) mustRead(t *testing.T, want webhook.Webhook) {
	t.Helper()
	got, err := s.Webhook(s.context(t), want.Account, want.Event)
	if err != nil {
		t.Fatalf("Webhook(%v, %q): %v", want.Account, want.Event, err)
	}
	same(t, "webhook of "+want.Event, []webhook.Webhook{got}, []webhook.Webhook{want})
}

// mustBeFree fails the test unless the event has no webhook.
func (s *suite) mustBeFree(t *testing.T, a webhook.Account, event string) {
	t.Helper()
	if got, err := s.Webhook(s.context(t), a, event); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("Webhook(%v, %q) = %+v, %v, want ErrNotFound", a, event, got, err)
	}
}

// The webhook of an event is read the moment it is there, and only by its
// exact name in its own account.
func testWebhook(t *testing.T, s *suite) {
	account := newAccount()
	s.mustBeFree(t, account, "event")
	w := newWebhook(account, "event")
	s.mustCreate(t, creation(w))
	s.mustRead(t, w)
	for _, event := range []string{"even", "events", "EVENT", "event ", ""} {
		s.mustBeFree(t, account, event)
	}
	s.mustBeFree(t, newAccount(), "event")
	s.mustBeFree(t, webhook.Account{API: account.API, ID: account.ID + "x"}, "event")
	s.mustBeFree(t, webhook.Account{API: account.API + "x", ID: account.ID}, "event")
}

// Every field that a change may set comes back, set and unset again.
func testChangeFields(t *testing.T, s *suite) {
	account := newAccount()
	prague := time.FixedZone("CEST", 2*60*60)
	was := newWebhook(account, "event")
	s.mustCreate(t, creation(was))
	for _, edit := range []func(*webhook.Webhook){
		withURL(longURL()),
		func(w *webhook.Webhook) { w.SendPayload = true },
		func(w *webhook.Webhook) { w.Disabled = true },
		func(w *webhook.Webhook) { w.DisabledReason = "answered 410 ž 😀" },
		func(w *webhook.Webhook) { w.DisabledReason = "" },
		func(w *webhook.Webhook) { w.DisabledReason = "again" },
		func(w *webhook.Webhook) { w.SealedKey = allBytes() },
		func(w *webhook.Webhook) { w.RetiredKeys = retired(4) },
		func(w *webhook.Webhook) { w.RetiredKeys = w.RetiredKeys[:1] },
		func(w *webhook.Webhook) { w.UpdatedAt = time.Date(2031, 1, 2, 0, 30, 0, 999_999_999, prague) },
		func(w *webhook.Webhook) {
			w.RetiredKeys[0].Until = time.Date(2031, 1, 2, 0, 30, 0, 999_999_999, prague)
		},
		onto("ž 😀"),
		func(w *webhook.Webhook) { w.SendPayload, w.Disabled, w.DisabledReason = false, false, "" },
		func(w *webhook.Webhook) { w.SealedKey, w.RetiredKeys = nil, nil },
		func(*webhook.Webhook) {}, // only the version
	} {
		now := next(was, func(w *webhook.Webhook) {
			w.RetiredKeys = slices.Clone(w.RetiredKeys)
			edit(w)
		})
		s.mustChange(t, changing(was, now))
		now = toMillis(now)
		s.mustRead(t, now)
		s.mustHold(t, account, now)
		was = now
	}
	got, err := s.Webhook(s.context(t), account, was.Event)
	if err != nil {
		t.Fatal(err)
	}
	mustBeUTC(t, got.CreatedAt, got.UpdatedAt)
	if got.SealedKey != nil || got.RetiredKeys != nil {
		t.Errorf("keys that were taken away: %v, %v", got.SealedKey, got.RetiredKeys)
	}
}

// retired makes n retired keys, the latest first.
func retired(n int) []webhook.RetiredKey {
	keys := make([]webhook.RetiredKey, n)
	for i := range keys {
		keys[i] = webhook.RetiredKey{
			Sealed: append(allBytes(), byte(i)), Until: at.Add(time.Duration(-i) * time.Millisecond),
		}
	}
	return keys
}

// toMillis gives w with all times as they are kept.
func toMillis(w webhook.Webhook) webhook.Webhook {
	milli := func(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }
	w.CreatedAt, w.UpdatedAt = milli(w.CreatedAt), milli(w.UpdatedAt)
	w.Statistics.LastSentAt, w.Statistics.LastFailedAt = milli(w.Statistics.LastSentAt), milli(w.Statistics.LastFailedAt)
	w.SlowSince = milli(w.SlowSince)
	w.RetiredKeys = slices.Clone(w.RetiredKeys)
	for i := range w.RetiredKeys {
		w.RetiredKeys[i].Until = milli(w.RetiredKeys[i].Until)
	}
	return w
}

// What a change has stored does not change when the caller changes what it
// passed in, or what it has read.
func testChangeStored(t *testing.T, s *suite) {
	account := newAccount()
	was := newWebhook(account, "event")
	s.mustCreate(t, creation(was))
	now := next(was, func(w *webhook.Webhook) { w.SealedKey, w.RetiredKeys = allBytes(), retired(2) })
	want := now
	want.SealedKey, want.RetiredKeys = allBytes(), retired(2)
	s.mustChange(t, changing(was, now))
	clear(now.SealedKey)
	clear(now.RetiredKeys)
	got, err := s.Webhook(s.context(t), account, "event")
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Webhooks(s.context(t), account)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range append(list, got) {
		same(t, "webhook", []webhook.Webhook{w}, []webhook.Webhook{want})
		clear(w.SealedKey)
		clear(w.RetiredKeys[0].Sealed)
		clear(w.RetiredKeys)
	}
	s.mustRead(t, want)
	s.mustHold(t, account, want)
}

// A change that stays on its event leaves the statistics that stand, whatever
// it says; one that moves takes its own along.
func testChangeStatistics(t *testing.T, s *suite) {
	account := newAccount()
	first := newWebhook(account, "a")
	first.Statistics = webhook.Statistics{LastSentAt: at.Add(time.Second), LastFailedAt: at.Add(time.Minute), FailedAttempts: 7}
	plain := newWebhook(account, "b")
	s.mustCreate(t, creation(first))
	s.mustCreate(t, creation(plain))
	s.mustHold(t, account, first, plain)

	none := func(w *webhook.Webhook) { w.Statistics = webhook.Statistics{} }
	now := next(first, none)
	s.mustChange(t, changing(first, now))
	now.Statistics = first.Statistics
	s.mustRead(t, now)

	some := webhook.Statistics{LastFailedAt: at.Add(999_999 * time.Nanosecond), FailedAttempts: 1 << 40}
	other := next(plain, func(w *webhook.Webhook) { w.Statistics = some })
	s.mustChange(t, changing(plain, other))
	other.Statistics = webhook.Statistics{}
	s.mustRead(t, other)

	moved := next(other, func(w *webhook.Webhook) { w.Event, w.Statistics = "c", some })
	s.mustChange(t, changing(other, moved))
	moved = toMillis(moved)
	s.mustHold(t, account, now, moved)

	cleared := next(now, func(w *webhook.Webhook) { w.Event, w.Statistics = "d", webhook.Statistics{} })
	s.mustChange(t, changing(now, cleared))
	s.mustHold(t, account, moved, cleared)
}

// A change is refused when its record is gone, another, or changed since, and
// then changes nothing; a record that is gone or another comes first.
func testChangeRefused(t *testing.T, s *suite) {
	account := newAccount()
	edit := withURL("https://elsewhere.example/")
	unknown := newWebhook(account, "event")
	s.mustRefuse(t, "an unknown event", changing(unknown, next(unknown, edit)), webhook.ErrNotFound)
	s.mustHold(t, account)

	w := newWebhook(account, "event")
	s.mustCreate(t, creation(w))
	stranger := w
	stranger.ID = newID()
	s.mustRefuse(t, "another id", changing(stranger, next(stranger, edit)), webhook.ErrNotFound)
	stranger.Version = 7
	s.mustRefuse(t, "another id and version", changing(stranger, next(stranger, edit)), webhook.ErrNotFound)
	foreign := w
	foreign.Account = newAccount()
	s.mustRefuse(t, "another account's", changing(foreign, next(foreign, edit)), webhook.ErrNotFound)
	s.mustHold(t, foreign.Account)
	s.mustRead(t, w)

	now := next(w, edit)
	s.mustChange(t, changing(w, now))
	late := next(w, withURL("https://late.example/"))
	s.mustRefuse(t, "a record that was changed", changing(w, late), webhook.ErrChanged)
	s.mustRefuse(t, "a record that was changed, to move it", changing(w, next(w, onto("other"))), webhook.ErrChanged)
	early := now
	early.Version++
	s.mustRefuse(t, "a version to come", changing(early, next(early, edit)), webhook.ErrChanged)
	s.mustHold(t, account, now)

	if err := s.Delete(s.context(t), []webhook.Webhook{now}); err != nil {
		t.Fatal(err)
	}
	s.mustRefuse(t, "a deleted record", changing(now, next(now, edit)), webhook.ErrNotFound)
	s.mustHold(t, account)
	fresh := newWebhook(account, "event")
	fresh.Version = now.Version
	s.mustCreate(t, creation(fresh))
	s.mustRefuse(t, "a record that another one followed", changing(now, next(now, edit)), webhook.ErrNotFound)
	s.mustHold(t, account, fresh)
}

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

	sameRequestID := newWebhook(account, "c") // one request's records do not give way to each other
	sameRequestID.RequestID, sameRequestID.ID = holder.RequestID, holder.ID
	s.mustCreate(t, creation(sameRequestID))
	mustSayTaken(t, s.Change(ctx, changing(sameRequestID, next(sameRequestID, onto("b")))), map[string]string{"b": holder.ID})
	s.mustHold(t, account, w, holder, sameRequestID)

	now := next(w, withURL("https://elsewhere.example/"))
	s.mustChange(t, changing(w, now))
	s.mustRefuse(t, "a changed record, onto a taken event", move, webhook.ErrChanged)
	if err := s.Delete(ctx, []webhook.Webhook{now}); err != nil {
		t.Fatal(err)
	}
	s.mustRefuse(t, "a deleted record, onto a taken event", move, webhook.ErrNotFound)
	s.mustHold(t, account, holder, sameRequestID)
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
	var errs []error
	race(2, func(i int) {
		if i == 1 {
			for open := true; open; {
				select {
				case <-moving:
					open = false
				default:
				}
				_, err := s.Create(ctx, creation(newBatch(account, "a", "b")...))
				errs = append(errs, err)
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
	for _, err := range errs {
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
		recipients := numbered("target", rivals)
		errs := make([]error, rivals)
		race(rivals, func(i int) { errs[i] = s.Change(ctx, changing(was, next(was, onto(recipients[i])))) })
		winner := oneWinner(t, errs)
		for i, err := range errs {
			if i != winner && !errors.Is(err, webhook.ErrNotFound) {
				t.Fatalf("move %d, which came late: error = %v, want ErrNotFound", i, err)
			}
		}
		s.mustHold(t, account, next(was, onto(recipients[winner])))
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
