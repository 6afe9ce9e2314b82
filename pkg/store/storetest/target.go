package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// mustAim fails the test unless Targets gives want for the subjects.
func (s *suite) mustAim(t *testing.T, subjects []webhook.Subject, want ...webhook.Target) {
	t.Helper()
	got, err := s.Store.Targets(s.context(t), subjects)
	if err != nil {
		t.Fatalf("Targets of %d subjects: %v", len(subjects), err)
	}
	same(t, "targets", got, want)
}

// newTarget creates an account with a key and a webhook in it, and gives them
// as they are read.
func (s *suite) newTarget(t *testing.T, event string) webhook.Target {
	t.Helper()
	account := webhook.AccountInfo{Account: newAccount(), CreatedAt: at, SealedKey: []byte(newID())}
	if err := s.CreateAccount(s.context(t), account); err != nil {
		t.Fatal(err)
	}
	w := newWebhook(account.Account, event)
	w.URL, w.SealedKey, w.RetiredKeys = longURL(), allBytes(), retired(4)
	w.SendPayload, w.Statistics.FailedAttempts = true, 3
	s.mustCreate(t, creation(w))
	return webhook.Target{Webhook: w, Account: account}
}

// subject is what a target is found by.
func subject(x webhook.Target) webhook.Subject {
	return webhook.Subject{Account: x.Account.Account, Event: x.Webhook.Event}
}

// Webhooks and accounts come in the order of the subjects, as often as they
// are asked for, and zero where there is none.
func testTargets(t *testing.T, s *suite) {
	first, second := s.newTarget(t, "event"), s.newTarget(t, "ž 😀#'\"")
	bare := webhook.Target{Account: webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at}}
	homeless := webhook.Target{Webhook: newWebhook(newAccount(), "event")}
	s.mustCreate(t, creation(homeless.Webhook))
	unregistered := webhook.Target{Account: first.Account}

	s.mustAim(t, []webhook.Subject{subject(first)}, first)
	for _, event := range []string{"even", "events", "EVENT", "event ", second.Webhook.Event} {
		s.mustAim(t, []webhook.Subject{{Account: first.Account.Account, Event: event}}, unregistered)
	}
	unknown := webhook.Subject{Account: newAccount(), Event: "event"}
	s.mustAim(t, []webhook.Subject{unknown}, webhook.Target{})
	s.mustAim(t, []webhook.Subject{unknown, unknown}, webhook.Target{}, webhook.Target{})
	bareSubject := webhook.Subject{Account: bare.Account.Account, Event: "event"}
	homelessSubject := webhook.Subject{Account: homeless.Webhook.Account, Event: "event"}
	missing := webhook.Subject{Account: first.Account.Account, Event: second.Webhook.Event}
	s.mustAim(t,
		[]webhook.Subject{subject(second), unknown, subject(first), bareSubject, subject(second), missing, homelessSubject, subject(first), unknown},
		second, webhook.Target{}, first, bare, second, unregistered, homeless, first, webhook.Target{})

	subjects := []webhook.Subject{subject(first), subject(first)}
	got, err := s.Store.Targets(s.context(t), subjects)
	if err != nil {
		t.Fatal(err)
	}
	clear(got[0].Webhook.SealedKey)
	clear(got[0].Webhook.RetiredKeys[0].Sealed)
	clear(got[0].Webhook.RetiredKeys)
	clear(got[0].Account.SealedKey)
	same(t, "the same target", got[1:], []webhook.Target{first})
	s.mustAim(t, subjects, first, first)
}

// What was changed or deleted is seen so at once.
func testTargetsNow(t *testing.T, s *suite) {
	ctx := s.context(t)
	target := s.newTarget(t, "event")
	subjects := []webhook.Subject{subject(target)}
	now := next(target.Webhook, func(w *webhook.Webhook) {
		w.URL, w.Disabled, w.DisabledReason = "https://elsewhere.example/", true, "answered 410"
	})
	s.mustChange(t, changing(target.Webhook, now))
	target.Webhook = now
	s.mustAim(t, subjects, target)
	if err := s.SetAccountKey(ctx, target.Account.Account, []byte("another")); err != nil {
		t.Fatal(err)
	}
	target.Account.SealedKey = []byte("another")
	s.mustAim(t, subjects, target)
	s.mustClose(t, target.Account.Account)
	target.Account.Closing = true
	s.mustAim(t, subjects, target)
	if err := s.Delete(ctx, []webhook.Webhook{target.Webhook}); err != nil {
		t.Fatal(err)
	}
	target.Webhook = webhook.Webhook{}
	s.mustAim(t, subjects, target)
	if err := s.DeleteAccount(ctx, target.Account.Account); err != nil {
		t.Fatal(err)
	}
	s.mustAim(t, subjects, webhook.Target{})
}

// 100 subjects come at once, of one account, of ten, and of as many accounts
// as subjects.
func testTargetsMany(t *testing.T, s *suite) {
	const most = 100
	for _, each := range []int{most, most / 10, 1} {
		t.Run(fmt.Sprint(most/each), func(t *testing.T) {
			var subjects []webhook.Subject
			var want []webhook.Target
			for range most / each {
				account := webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at}
				for i, event := range numbered("event", each) {
					target := webhook.Target{Account: account}
					if i%7 != 3 { // some events have none
						target.Webhook = newWebhook(account.Account, event)
						target.Webhook.URL = longURL()
						s.mustCreate(t, creation(target.Webhook))
					}
					subjects = append(subjects, webhook.Subject{Account: account.Account, Event: event})
					want = append(want, target)
				}
			}
			s.mustAim(t, subjects, want...)
			slices.Reverse(subjects)
			slices.Reverse(want)
			s.mustAim(t, subjects, want...)
			for i := range subjects {
				subjects[i], want[i] = subjects[i%3], want[i%3]
			}
			s.mustAim(t, subjects, want...)
		})
	}
}
