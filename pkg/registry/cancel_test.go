package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// More deliveries than are held at once are all cancelled, those that are
// accepted meanwhile too, and those that ended stay as they were.
func TestDeleteAccountCancelsManyDeliveries(t *testing.T) {
	const many, late = 1050, 5
	s := populated(t)
	for i := range many {
		publish(t, s, leaving, fmt.Sprint("event", i), i%3 != 0)
	}
	looks := 0
	racing := stepping(s, nil, func(step string) error {
		if step == "Deliveries" && looks < late {
			looks++
			publish(t, s, leaving, fmt.Sprint("late", looks), true)
		}
		return nil
	})
	done, err := registry.DeleteAccount(t.Context(), racing, leaving, now, recorded)
	if want := many*2/3 + late + 1; err != nil || done.Cancelled != want {
		t.Errorf("DeleteAccount = %+v, %v; want %d deliveries", done, err, want)
	}
	holds(t, s, leaving, false, 0, 0)
	holds(t, s, bystander, true, 2, 3)
	n := 0
	err = s.Deliveries(t.Context(), leaving, time.Time{}, func(webhook.Delivery) bool { n++; return true })
	if want := many + late + 2; err != nil || n != want {
		t.Errorf("%d deliveries are kept, %v; want %d", n, err, want)
	}
}

// A delivery of which an attempt ends between the look and the cancellation is
// looked at again: what it came to stands, and what would come is cancelled.
func TestDeleteAccountBesideAttempts(t *testing.T) {
	for name, success := range map[string]bool{"success": true, "failure": false} {
		t.Run(name, func(t *testing.T) {
			s := populated(t)
			attempted := false
			racing := stepping(s, func(step string) error {
				if step == "RecordAttempt" && !attempted {
					attempted = true
					return attempt(t.Context(), s, success)
				}
				return nil
			}, nil)
			done, err := registry.DeleteAccount(t.Context(), racing, leaving, now, recorded)
			want := registry.Deleted{Tokens: 2, Webhooks: 3, Cancelled: 1}
			if success {
				want.Cancelled = 0
			}
			if err != nil || done != want {
				t.Errorf("DeleteAccount = %+v, %v; want %+v", done, err, want)
			}
			d := pendingDelivery(t.Context(), t, s)
			if (d.Status == webhook.StatusDelivered) != success || d.Attempts != 1 || d.Open() {
				t.Errorf("delivery %+v after one attempt", d)
			}
		})
	}
}

// attempt writes that the pending delivery was attempted once.
func attempt(ctx context.Context, s *sqlite.Store, success bool) error {
	var was webhook.Delivery
	err := s.Deliveries(ctx, leaving, time.Time{}, func(d webhook.Delivery) bool {
		was = d
		return d.EventID != "pending"
	})
	now := was.Attempted(was.Next, 500, "answered 500", was.Next.Add(time.Minute))
	if success {
		now = was.Attempted(was.Next, 200, "", time.Time{})
	}
	_, recordErr := s.RecordAttempt(ctx, webhook.AttemptResult{Was: was, Now: now})
	return errors.Join(err, recordErr)
}

func pendingDelivery(ctx context.Context, t *testing.T, s *sqlite.Store) (found webhook.Delivery) {
	t.Helper()
	err := s.Deliveries(ctx, leaving, time.Time{}, func(d webhook.Delivery) bool {
		if d.EventID == "pending" {
			found = d
		}
		return true
	})
	if err != nil || found.EventID == "" {
		t.Fatalf("delivery %+v, %v", found, err)
	}
	return found
}

// Publications without end are an error, and leave the account closing.
func TestDeleteAccountGivesUpCancelling(t *testing.T) {
	s := populated(t)
	n := 0
	racing := stepping(s, func(step string) error {
		if step == "Deliveries" {
			n++
			publish(t, s, leaving, fmt.Sprint("late", n), true)
		}
		return nil
	}, nil)
	if _, err := registry.DeleteAccount(t.Context(), racing, leaving, now, recorded); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("DeleteAccount = %v, want ErrUnavailable", err)
	}
	complete(t, s)
}
