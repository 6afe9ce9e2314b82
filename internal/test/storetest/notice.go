package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// numberedNotices counts the ids that were made: those of later notices are
// greater.
var numberedNotices atomic.Int64

func noticeID() string { return fmt.Sprintf("%012d-%s", numberedNotices.Add(1), newID()) }

// notices gives the notices of an account, read in pages of limit.
func (s *suite) notices(t *testing.T, a webhook.Account, limit int) []webhook.Notice {
	t.Helper()
	var own []webhook.Notice
	for after := ""; ; {
		page, err := s.Notices(s.context(t), after, limit)
		if err != nil || len(page) > limit {
			t.Fatalf("Notices(%q, %d) = %d, %v", after, limit, len(page), err)
		}
		for _, n := range page {
			if n.ID <= after {
				t.Fatalf("notice %s comes after %s", n.ID, after)
			}
			if after = n.ID; n.Account == a {
				own = append(own, n)
			}
		}
		if len(page) == 0 {
			return own
		}
	}
}

// notice is one about a webhook, as it is now.
func (s *suite) notice(t *testing.T, w webhook.Webhook, of webhook.NoticeType) webhook.Notice {
	t.Helper()
	w, err := s.Webhook(s.context(t), w.Account, w.Event)
	if err != nil {
		t.Fatal(err)
	}
	return w.Notice(noticeID(), of, at.Add(time.Hour))
}

// mustTell fails the test unless the notice can be stored, or is refused.
func (s *suite) mustTell(t *testing.T, n webhook.Notice, want error) {
	t.Helper()
	if err := s.Tell(s.context(t), n); !errors.Is(err, want) {
		t.Fatalf("Tell(%s since %v) = %v, want %v", n.Type, n.StateSince, err, want)
	}
}

// attempted records the result of an attempt, and returns the notice that would
// be stored with a success.
func (s *suite) attempted(t *testing.T, w webhook.Webhook, stats webhook.StatsUpdate, minute int) webhook.Notice {
	t.Helper()
	d := s.mustKeep(t, newDueTo(w, s.moment()))
	now := failed(d, d.Due)
	if stats == webhook.StatsSent {
		now = sent(d)
	}
	now.AttemptedAt = at.Add(time.Duration(minute) * time.Minute)
	recovered := webhook.Notice{
		ID: noticeID(), Type: webhook.NoticeRecovered, At: now.AttemptedAt, Account: w.Account, WebhookID: w.ID,
		Events: []string{w.Event}, StateSince: now.AttemptedAt, LastStatus: now.StatusCode,
	}
	s.mustRecord(t, webhook.AttemptResult{Was: d, Now: now, Stats: stats, Recovered: &recovered})
	return recovered
}

// A notice of each type is stored once a change: about failures while it fails,
// about a disabling with it, and that it works again with the success that ends
// what was told.
func testNotices(t *testing.T, s *suite) {
	w := newWebhook(newAccount(), "event # ž")
	s.mustCreate(t, creation(w))
	var want []webhook.Notice
	mustHold := func() {
		t.Helper()
		same(t, "notices", s.notices(t, w.Account, 1000), want)
	}
	told := func(n webhook.Notice) { want = append(want, n) }
	tell := func(of webhook.NoticeType) {
		t.Helper()
		n := s.notice(t, w, of)
		s.mustTell(t, n, nil)
		told(n)
		s.mustTell(t, s.notice(t, w, of), webhook.ErrChanged)
	}

	s.mustTell(t, s.notice(t, w, webhook.NoticeFailing), webhook.ErrChanged) // it does not fail
	s.attempted(t, w, webhook.StatsSent, 0)
	s.attempted(t, w, webhook.StatsFailed, 1)
	s.attempted(t, w, webhook.StatsSent, 2) // nobody was told
	mustHold()

	s.attempted(t, w, webhook.StatsFailed, 3)
	late := s.notice(t, w, webhook.NoticeFailing)
	late.StateSince = late.StateSince.Add(-time.Minute)
	s.mustTell(t, late, webhook.ErrChanged) // another run of failures
	other := s.notice(t, w, webhook.NoticeFailing)
	other.WebhookID = newID()
	s.mustTell(t, other, webhook.ErrChanged)
	tell(webhook.NoticeFailing)
	s.attempted(t, w, webhook.StatsFailed, 4)
	tell(webhook.NoticeExhausted)
	told(s.attempted(t, w, webhook.StatsSent, 5))
	s.attempted(t, w, webhook.StatsSent, 6)
	mustHold()

	// It flaps: each change is told, in order.
	for minute := range 3 {
		s.attempted(t, w, webhook.StatsFailed, 10+2*minute)
		tell(webhook.NoticeFailing)
		told(s.attempted(t, w, webhook.StatsSent, 11+2*minute))
	}
	mustHold()
	for _, n := range want[:2] {
		for range 2 {
			if err := s.RemoveNotice(s.context(t), n.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	want = want[2:]
	mustHold()
	same(t, "notices in pages", s.notices(t, w.Account, 2), want)

	// What is deleted is told of no more, and keeps what was stored.
	s.attempted(t, w, webhook.StatsFailed, 20)
	last := s.notice(t, w, webhook.NoticeFailing)
	if err := s.Delete(s.context(t), []webhook.Webhook{w}); err != nil {
		t.Fatal(err)
	}
	s.mustTell(t, last, webhook.ErrChanged)
	mustHold()
}

// A change stores its notice or does nothing, and marks every record. A webhook
// that is disabled has not recovered.
func testNoticeOfChange(t *testing.T, s *suite) {
	account := newAccount()
	v, w := newWebhook(account, "event 1"), newWebhook(account, "event 2")
	w.ID, w.RequestID, w.Position = v.ID, v.RequestID, 1
	s.mustCreate(t, creation(v, w))
	was := []webhook.Webhook{v, w}
	n := webhook.Notice{
		ID: noticeID(), Type: webhook.NoticeDisabled, At: at, Account: account, WebhookID: v.ID, Events: []string{"event 1", "event 2"},
		StateSince: at, LastStatus: 410,
	}
	disable := webhook.Change{Was: was, Now: []webhook.Webhook{next(v, disabled(at)), next(w, disabled(at))}, Notice: &n}
	s.mustChange(t, disable)
	if err := s.Change(s.context(t), disable); !errors.Is(err, webhook.ErrChanged) {
		t.Fatalf("the same change again: %v", err)
	}
	want := []webhook.Notice{n}
	same(t, "notices", s.notices(t, account, 1000), want)
	v, w = disable.Now[0], disable.Now[1]
	for _, x := range []*webhook.Webhook{&v, &w} {
		x.Statistics.Told = webhook.ToldOf(webhook.NoticeDisabled)
		s.mustRead(t, *x)
	}
	s.attempted(t, v, webhook.StatsSent, 1) // was under way
	same(t, "notices", s.notices(t, account, 1000), want)

	for _, x := range []webhook.Webhook{v, w} {
		s.mustChange(t, changing(x, next(x, enabled)))
		want = append(want, s.attempted(t, x, webhook.StatsSent, 2))
		s.attempted(t, x, webhook.StatsSent, 3)
	}
	same(t, "notices", s.notices(t, account, 1000), want)

	// Where nobody wants notices, a success ends what was told, without one.
	s.attempted(t, v, webhook.StatsFailed, 4)
	s.mustTell(t, s.notice(t, v, webhook.NoticeFailing), nil)
	s.mustStats(t, v, webhook.StatsSent, at.Add(5*time.Minute))
	s.attempted(t, v, webhook.StatsSent, 6)
	if got := s.notices(t, account, 1000); len(got) != len(want)+1 || got[len(want)].Type != webhook.NoticeFailing {
		t.Errorf("notices: %+v", got)
	}
}

// Of several that tell of the same, and of several successes, one stores a
// notice.
func testNoticeRace(t *testing.T, s *suite) {
	for round := range s.rounds {
		w := newWebhook(newAccount(), "event")
		s.mustCreate(t, creation(w))
		s.attempted(t, w, webhook.StatsFailed, round)
		var notices []webhook.Notice
		for range contestants / 8 {
			notices = append(notices, s.notice(t, w, webhook.NoticeFailing))
		}
		errs := make([]error, len(notices))
		race(len(notices), func(i int) { errs[i] = s.Tell(s.context(t), notices[i]) })
		winners := 0
		for _, err := range errs {
			if err == nil {
				winners++
			} else if !errors.Is(err, webhook.ErrChanged) {
				t.Fatal(err)
			}
		}
		deliveries := make([]webhook.Delivery, 4)
		for i := range deliveries {
			deliveries[i] = s.mustKeep(t, newDueTo(w, s.moment()))
		}
		errs = make([]error, len(deliveries))
		race(len(deliveries), func(i int) {
			n := w.Notice(noticeID(), webhook.NoticeRecovered, at)
			_, errs[i] = s.RecordAttempt(s.context(t), webhook.AttemptResult{
				Was: deliveries[i], Now: sent(deliveries[i]), Stats: webhook.StatsSent, Recovered: &n,
			})
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		var types []webhook.NoticeType
		for _, n := range s.notices(t, w.Account, 1000) {
			types = append(types, n.Type)
		}
		slices.Sort(types)
		if winners != 1 || !slices.Equal(types, []webhook.NoticeType{webhook.NoticeFailing, webhook.NoticeRecovered}) {
			t.Errorf("%d told, notices %v", winners, types)
		}
	}
}
