package storetest

import (
	"errors"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// withStatus gives d with a status and what goes with it.
func withStatus(d webhook.Delivery, status webhook.Status) webhook.Delivery {
	switch status {
	case webhook.StatusPending:
		d = d.Retried(at)
	case webhook.StatusRetrying:
		d = d.Attempted(at, 500, "answered 500", at)
	case webhook.StatusDelivered:
		d = d.Attempted(at, 200, "", at)
	case webhook.StatusFailed:
		d = d.Attempted(at, 500, "cancelled: said the receiver", d.Next)
	case webhook.StatusCancelled:
		d = d.Cancelled("it was cancelled")
	}
	d.Status = status
	return d
}

// Each status is kept, whether a delivery is added with it or recorded with it
// from any other; what is no status is refused. One that was delivered may have
// another attempt to come.
func testStatuses(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	var want []webhook.Delivery
	for _, from := range webhook.Statuses() {
		for _, to := range webhook.Statuses() {
			was := withStatus(newDelivery(account, -len(want)), from)
			s.mustAdd(t, was)
			s.mustStand(t, was)
			now := withStatus(was, to)
			s.mustRecord(t, webhook.AttemptResult{Was: was, Now: now})
			want = append(want, now)
		}
	}
	repeated := withStatus(newDelivery(account, -len(want)), webhook.StatusDelivered).Retried(at)
	s.mustAdd(t, repeated)
	s.mustDeliver(t, account, at.AddDate(0, 0, -1), append(want, repeated)...)

	none := newDelivery(account, -len(want)-1)
	s.mustAdd(t, none)
	for i := len(webhook.Statuses()); i < 256; i += 50 {
		now := none
		now.Status = webhook.Status(i)
		if _, err := s.Store.RecordAttempt(ctx, webhook.AttemptResult{Was: none, Now: now}); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("RecordAttempt to %v: error = %v, want ErrInvalid", now.Status, err)
		}
		now.EventID = newID()
		if _, err := s.AddDelivery(ctx, now); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("AddDelivery of %v: error = %v, want ErrInvalid", now.Status, err)
		}
	}
	s.mustStand(t, none)
}
