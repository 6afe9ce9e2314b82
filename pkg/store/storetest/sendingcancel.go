package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// A context that has ended ends every call about deliveries with its error,
// and nothing is written, marked or put off.
func testSendingCancelled(t *testing.T, s *suite) {
	store := s.Store
	ended, cancel := context.WithCancel(s.context(t))
	cancel()
	target := s.newTarget(t, "event")
	base := s.moment()
	d := s.mustKeep(t, newDueTo(target.Webhook, base))
	unborn := newDue(d.Account, base)
	unborn.Payload = payload(2000)
	settlement := webhook.Settlement{Was: d, Now: failed(d, base.Add(time.Hour)), Mark: webhook.MarkFailed}
	yield := func(webhook.Pending) bool { t.Error("yield was called"); return true }
	for name, call := range map[string]func() error{
		"Targets":     func() error { _, err := store.Targets(ended, []webhook.Subject{subject(target)}); return err },
		"AddDelivery": func() error { _, err := store.AddDelivery(ended, unborn); return err },
		"Delivery":    func() error { _, err := store.Delivery(ended, d.Account, d.ID()); return err },
		"Task":        func() error { _, err := store.Task(ended, d.Message()); return err },
		"Settle":      func() error { _, err := store.Settle(ended, settlement); return err },
		"Due":         func() error { return store.Due(ended, base.Add(-time.Hour), base.Add(time.Hour), yield) },
		"Lease":       func() error { return store.Lease(ended, pending(d), base.Add(time.Hour)) },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error = %v, want one that wraps context.Canceled", name, err)
		}
	}
	s.mustStand(t, d)
	s.mustNotBe(s.context(t), t, unborn.Account, unborn.ID())
	s.mustRead(t, target.Webhook)
	s.mustBeDue(t, base.Add(-time.Hour), base.Add(2*time.Hour), d.Account, d)
}
