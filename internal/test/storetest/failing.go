package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// failing gives what Failing lists of an API, page by page, each of at most
// limit webhooks.
func (s *suite) failing(t *testing.T, api webhook.API, limit int) []webhook.Webhook {
	t.Helper()
	var all []webhook.Webhook
	for after, pages := "", 0; ; pages++ {
		list, next, err := s.Failing(s.context(t), api, after, limit)
		if err != nil || len(list) > limit || pages > 1000 {
			t.Fatalf("Failing(%s, %q, %d) = %d webhooks, %v, page %d", api, after, limit, len(list), err, pages)
		}
		if all = append(all, list...); next == "" {
			return all
		}
		after = next
	}
}

// mustFail fails the test unless Failing lists exactly want. An index may lag
// behind, so it looks again for a while.
func (s *suite) mustFail(t *testing.T, api webhook.API, limit int, want ...webhook.Webhook) {
	t.Helper()
	s.eventually(t, func() bool {
		return slices.EqualFunc(s.failing(t, api, limit), want, func(v, w webhook.Webhook) bool { return v.ID == w.ID })
	})
	same(t, fmt.Sprintf("failing webhooks of %s", api), s.failing(t, api, limit), want)
}

// eventually waits until do is true, up to 10 s; what it waits for is checked
// afterwards.
func (s *suite) eventually(t *testing.T, do func() bool) {
	ctx, cancel := context.WithTimeout(s.context(t), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !do() && ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// disabled is an edit that disables a webhook at a time.
func disabled(since time.Time) func(*webhook.Webhook) {
	return func(w *webhook.Webhook) { w.Disabled, w.DisabledAt = true, since }
}

// enabled is an edit that enables a webhook.
func enabled(w *webhook.Webhook) { w.Disabled, w.DisabledAt = false, time.Time{} }

// A webhook enters the list when its attempts begin to fail or it is disabled,
// and leaves it with a success, by which alone it works again.
func testFailing(t *testing.T, s *suite) {
	api := newAccount().API
	account := func() webhook.Account { return webhook.Account{API: api, ID: newID()} }
	w, v := newWebhook(account(), "event"), newWebhook(account(), "event # ž")
	s.mustCreate(t, creation(w))
	s.mustCreate(t, creation(v))
	s.mustFail(t, api, 10)
	update := func(w *webhook.Webhook, stats webhook.StatsUpdate, minutes int) {
		t.Helper()
		s.mustStats(t, *w, stats, at.Add(time.Duration(minutes)*time.Minute))
		got, err := s.Webhook(s.context(t), w.Account, w.Event)
		if err != nil {
			t.Fatal(err)
		}
		w.Statistics = got.Statistics // testStats holds what they are
	}
	change := func(w *webhook.Webhook, edit func(*webhook.Webhook)) {
		t.Helper()
		now := next(*w, edit)
		s.mustChange(t, changing(*w, now))
		*w = now
	}
	update(&w, webhook.StatsSent, 0)
	s.mustFail(t, api, 10)
	update(&w, webhook.StatsFailed, 2)
	s.mustFail(t, api, 10, w)
	update(&v, webhook.StatsFailed, 1)
	update(&w, webhook.StatsFailed, 3) // it fails since 2
	s.mustFail(t, api, 10, v, w)
	s.mustFail(t, newAccount().API, 10)

	change(&w, disabled(at)) // the longest now
	s.mustFail(t, api, 10, w, v)
	update(&w, webhook.StatsFailed, 4)
	s.mustFail(t, api, 10, w, v)
	change(&w, enabled) // fails since 2 again
	s.mustFail(t, api, 10, v, w)
	change(&v, disabled(at.Add(time.Hour)))
	s.mustFail(t, api, 10, w, v)
	update(&v, webhook.StatsSent, 5) // an attempt that was under way
	s.mustFail(t, api, 10, w, v)
	update(&w, webhook.StatsSent, 6)
	s.mustFail(t, api, 10, v)
	change(&v, withURL("https://elsewhere.example/"))
	s.mustFail(t, api, 10, v)
	change(&v, onto("moved"))
	s.mustFail(t, api, 10, v)
	change(&v, enabled)
	s.mustFail(t, api, 10)
	update(&v, webhook.StatsFailed, 7)
	s.mustFail(t, api, 10, v)
	if err := s.Delete(s.context(t), []webhook.Webhook{v}); err != nil {
		t.Fatal(err)
	}
	s.mustFail(t, api, 10)
}

// Pages of any size give each webhook once, longest first, also of many that
// fail since the same time, and while others come and go.
func testFailingPages(t *testing.T, s *suite) {
	const count = 60
	api := newAccount().API
	var all []webhook.Webhook
	for i := range count {
		w := newWebhook(webhook.Account{API: api, ID: newID()}, fmt.Sprint("event ", i%3))
		disabled(at.Add(time.Duration(i/20) * time.Millisecond))(&w)
		if i%2 == 0 {
			enabled(&w)
			w.Statistics = webhook.Statistics{FailedAttempts: 3, LastFailedAt: at.Add(time.Hour), Since: at.Add(time.Duration(i/20) * time.Millisecond)}
		}
		s.mustCreate(t, creation(w))
		all = append(all, w)
	}
	s.eventually(t, func() bool { return len(s.failing(t, api, 500)) == count })
	whole := s.failing(t, api, 500)
	if !slices.IsSortedFunc(whole, func(v, w webhook.Webhook) int { return v.FailingSince().Compare(w.FailingSince()) }) {
		t.Error("they are not in order")
	}
	byID := func(v, w webhook.Webhook) int { return strings.Compare(v.ID, w.ID) }
	same(t, "failing webhooks", slices.SortedFunc(slices.Values(whole), byID), slices.SortedFunc(slices.Values(all), byID))
	for _, limit := range []int{1, 7, 20, count, count + 1} {
		same(t, fmt.Sprintf("pages of %d", limit), s.failing(t, api, limit), whole)
	}
	// The webhook at a border goes, and one comes before it.
	first, next, err := s.Failing(s.context(t), api, "", 15)
	if err != nil || len(first) != 15 {
		t.Fatalf("%d webhooks, %v", len(first), err)
	}
	if err := s.Delete(s.context(t), first[14:]); err != nil {
		t.Fatal(err)
	}
	early := newWebhook(first[0].Account, "early")
	disabled(at.Add(-time.Hour))(&early)
	s.mustCreate(t, creation(early))
	s.eventually(t, func() bool { return s.failing(t, api, 1)[0].ID == early.ID })
	rest, _, err := s.Failing(s.context(t), api, next, 500)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the rest", rest, whole[15:])
	for _, cursor := range []string{"x", next[1:], "AAAA", "MSAwIGEgZQ==", " " + next} {
		if _, _, err := s.Failing(s.context(t), api, cursor, 10); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("cursor %q: error = %v, want ErrInvalid", cursor, err)
		}
	}
}
