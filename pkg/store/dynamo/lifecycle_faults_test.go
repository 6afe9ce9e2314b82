package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// through runs do for each n below count, several at once.
func through(t *testing.T, count int, do func(ctx context.Context, n int) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hanging)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(workers)
	for n := range count {
		group.Go(func() error { return do(ctx, n) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// numbered names one account of a test.
func numbered(n int) webhook.Account {
	return webhook.Account{API: account.API, ID: fmt.Sprintf("account-%03d", n)}
}

// stand fails unless the account has exactly want, told past the faults.
func stand(ctx context.Context, direct *dynamo.Store, a webhook.Account, after string, want ...webhook.Webhook) error {
	got, err := direct.Webhooks(ctx, a)
	if err != nil {
		return err
	}
	byEvent := func(v, w webhook.Webhook) int { return strings.Compare(v.Event, w.Event) }
	want = slices.SortedFunc(slices.Values(want), byEvent)
	if len(got) == 0 && len(want) == 0 {
		return nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("after %s of %v (-want +got):\n%s", after, a, diff)
	}
	return nil
}

// Nobody else touches these records, so nothing is ever refused, and each step
// leaves exactly what was asked for.
func TestChangesThroughFaults(t *testing.T) {
	s, direct := faulty(t, 11)
	through(t, long.Pick(15, 40), func(ctx context.Context, n int) error {
		a := numbered(n)
		records := batch(a, 2)
		if _, err := direct.Create(ctx, webhook.Creation{Webhooks: records}); err != nil {
			return err
		}
		first, second := records[0].Event, records[1].Event
		for i, events := range [][2]string{
			{first, second}, {"moved", second}, {second, "moved"}, {"moved", second}, {first, "other"}, {first, "other"},
		} {
			now := []webhook.Webhook{changed(records[0], events[0]), changed(records[1], events[1])}
			now[0].URL = fmt.Sprintf("https://receiver.example/%d", i)
			now[1].Disabled = i%2 == 0
			step := fmt.Sprintf("change %d to %v", i, events)
			if err := s.Change(ctx, webhook.Change{Was: records, Now: now}); err != nil {
				return fmt.Errorf("%s: %w", step, err)
			}
			if err := stand(ctx, direct, a, step, now...); err != nil {
				return err
			}
			records = now
		}
		if err := s.Delete(ctx, records[:1]); err != nil {
			return err
		}
		if err := stand(ctx, direct, a, "deletion", records[1]); err != nil {
			return err
		}
		if err := s.Delete(ctx, records[:1]); !errors.Is(err, webhook.ErrNotFound) {
			return fmt.Errorf("deletion of what is gone: error = %w, want ErrNotFound", err)
		}
		return nil
	})
}

// rivals makes two calls at once and gives their errors.
func rivals(left, right func() error) (errs [2]error) {
	var group errgroup.Group
	group.Go(func() error { errs[0] = left(); return nil })
	group.Go(func() error { errs[1] = right(); return nil })
	_ = group.Wait() // the errors are in errs
	return errs
}

// winner tells who of two rivals was told that it won; the other one must have
// been refused with the error.
func winner(errs [2]error, refused error) (int, error) {
	for i := range errs {
		if errs[i] == nil && errors.Is(errs[1-i], refused) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("errors = %w and %w, want none and %w", errs[0], errs[1], refused)
}

// Of two changes of one record, one is done and the other is told so.
func TestRivalChangesThroughFaults(t *testing.T) {
	s, direct := faulty(t, 12)
	through(t, long.Pick(15, 40), func(ctx context.Context, n int) error {
		a := numbered(n)
		w := record(a, "event")
		if _, err := direct.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
			return err
		}
		for round := range 5 {
			now := [2]webhook.Webhook{changed(w, w.Event), changed(w, fmt.Sprintf("event-%d", round))}
			now[0].URL, now[1].URL = "https://left.example", "https://right.example"
			change := func(i int) func() error {
				return func() error {
					return s.Change(ctx, webhook.Change{Was: []webhook.Webhook{w}, Now: []webhook.Webhook{now[i]}})
				}
			}
			errs := rivals(change(0), change(1))
			won, err := winner(errs, webhook.ErrChanged)
			if errors.Is(errs[0], webhook.ErrNotFound) { // the other one moved it away
				won, err = winner(errs, webhook.ErrNotFound)
			}
			if err == nil {
				err = stand(ctx, direct, a, fmt.Sprintf("round %d", round), now[won])
			}
			if err != nil {
				return err
			}
			w = now[won]
		}
		return nil
	})
}

// Of two records that move to one event, one gets it, and the other stays and
// is told who has it.
func TestRivalMovesThroughFaults(t *testing.T) {
	s, direct := faulty(t, 13)
	through(t, long.Pick(15, 40), func(ctx context.Context, n int) error {
		a := numbered(n)
		was := batch(a, 2)
		if _, err := direct.Create(ctx, webhook.Creation{Webhooks: was}); err != nil {
			return err
		}
		for round := range 5 {
			recipient := fmt.Sprintf("target-%d", round)
			move := func(i int) func() error {
				return func() error {
					return s.Change(ctx, webhook.Change{Was: was[i : i+1], Now: []webhook.Webhook{changed(was[i], recipient)}})
				}
			}
			errs := rivals(move(0), move(1))
			won, err := winner(errs, webhook.ErrTaken)
			if err != nil {
				return err
			}
			was[won] = changed(was[won], recipient)
			var taken *webhook.TakenError
			if !errors.As(errs[1-won], &taken) || !maps.Equal(taken.IDs, map[string]string{recipient: was[won].ID}) {
				return fmt.Errorf("the loser was told %w, want that %s has %s", errs[1-won], was[won].ID, recipient)
			}
			if err := stand(ctx, direct, a, recipient, was...); err != nil {
				return err
			}
		}
		return nil
	})
}

// A change that races a deletion ends in one of the two orders.
func TestChangeRacesDeletionThroughFaults(t *testing.T) {
	s, direct := faulty(t, 14)
	through(t, long.Pick(30, 80), func(ctx context.Context, n int) error {
		a := numbered(n)
		w := record(a, "event")
		if _, err := direct.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
			return err
		}
		now := changed(w, []string{"event", "moved"}[n%2])
		errs := rivals(
			func() error {
				return s.Change(ctx, webhook.Change{Was: []webhook.Webhook{w}, Now: []webhook.Webhook{now}})
			},
			func() error { return s.Delete(ctx, []webhook.Webhook{w}) },
		)
		switch {
		case errs[0] == nil && errs[1] == nil && now.Event == w.Event,
			errors.Is(errs[0], webhook.ErrNotFound) && errs[1] == nil:
			return stand(ctx, direct, a, "deletion")
		case errs[0] == nil && errors.Is(errs[1], webhook.ErrNotFound) && now.Event != w.Event:
			return stand(ctx, direct, a, "the move", now)
		}
		return fmt.Errorf("change to %s: error = %w, deletion: error = %w", now.Event, errs[0], errs[1])
	})
}

// Each key that was set stands, and no late try of an earlier one undoes it;
// then the account ends, each step twice.
func TestAccountKeysThroughFaults(t *testing.T) {
	s, direct := faulty(t, 15)
	through(t, long.Pick(15, 40), func(ctx context.Context, n int) error {
		info := webhook.AccountInfo{Account: numbered(n), CreatedAt: createdAt}
		if err := direct.CreateAccount(ctx, info); err != nil {
			return err
		}
		for i := range 6 {
			info.SealedKey = fmt.Appendf(nil, "sealed %d", i)
			if err := s.SetAccountKey(ctx, info.Account, info.SealedKey); err != nil {
				return err
			}
			if got, err := direct.Account(ctx, info.Account); err != nil || !cmp.Equal(got, info) {
				return fmt.Errorf("account after key %d: %v, %w; want %v", i, got, err, info)
			}
		}
		info.Closing = true
		for range 2 {
			if err := s.CloseAccount(ctx, info.Account, createdAt); err != nil {
				return err
			}
		}
		if err := s.SetAccountKey(ctx, info.Account, []byte("late")); !errors.Is(err, webhook.ErrNotFound) {
			return fmt.Errorf("key of a closing account: error = %w, want ErrNotFound", err)
		}
		if got, err := direct.Account(ctx, info.Account); err != nil || !cmp.Equal(got, info) {
			return fmt.Errorf("account that is closing: %v, %w; want %v", got, err, info)
		}
		if err := s.DeleteAccount(ctx, info.Account); err != nil {
			return err
		}
		if err := s.DeleteAccount(ctx, info.Account); !errors.Is(err, webhook.ErrNotFound) {
			return fmt.Errorf("deleting it again: error = %w, want ErrNotFound", err)
		}
		return nil
	})
	if list, err := direct.Accounts(t.Context(), account.API); err != nil || len(list) != 0 {
		t.Errorf("%d accounts are left in the list, %v", len(list), err)
	}
}

// A delivery is added once: its own lost answer is no "exists", another one is.
func TestDeliveriesThroughFaults(t *testing.T) {
	s, direct := faulty(t, 16)
	deliveries := long.Pick(150, 400)
	through(t, deliveries, func(ctx context.Context, n int) error {
		d := delivery(account, n)
		errs := rivals(
			func() error { _, err := s.AddDelivery(ctx, d); return err },
			func() error { _, err := s.AddDelivery(ctx, d); return err },
		)
		_, err := winner(errs, webhook.ErrExists)
		return err
	})
	for name, st := range map[string]*dynamo.Store{"direct": direct, "through faults": s} {
		n := deliveries
		err := st.Deliveries(t.Context(), account, createdAt, func(d webhook.Delivery) bool {
			n--
			return d.Number == int64(n)
		})
		if err != nil || n != 0 {
			t.Errorf("%s: listed down to delivery %d, %v", name, n, err)
		}
	}
}

// Of two failures of one attempt the one that is recorded is kept, attempt after
// attempt, and a success that follows is shown after them.
func TestAttemptsThroughFaults(t *testing.T) {
	s, direct := faulty(t, 17)
	w := record(account, "offer-created")
	through(t, long.Pick(25, 60), func(ctx context.Context, n int) error {
		was, err := direct.AddDelivery(ctx, published(w, n, 200))
		if err != nil {
			return err
		}
		var want []webhook.Attempt
		for range 3 {
			var results [2]webhook.AttemptResult
			for i := range results {
				now := attempted(was)
				now.AttemptedAt = now.AttemptedAt.Add(time.Duration((i+n)%2) * time.Second)
				results[i] = webhook.AttemptResult{Was: was, Now: now, Response: fmt.Append(nil, "rival ", i)}
			}
			errs := rivals(
				func() error { _, err := s.RecordAttempt(ctx, results[0]); return err },
				func() error { _, err := s.RecordAttempt(ctx, results[1]); return err },
			)
			i, err := winner(errs, webhook.ErrChanged)
			if err != nil {
				return err
			}
			own, _ := results[i].FailedAttempt()
			want, was = append(want, own), results[i].Now
			got, err := direct.Attempts(ctx, was)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				return fmt.Errorf("after attempt %d: %w (-want +got):\n%s", was.Attempts, err, diff)
			}
		}
		done := delivered(was)
		if _, err := s.RecordAttempt(ctx, webhook.AttemptResult{Was: was, Now: done}); err != nil {
			return err
		}
		want = append(want, webhook.Attempt{Number: done.Attempts, At: done.AttemptedAt, StatusCode: done.StatusCode})
		got, err := s.Attempts(ctx, done)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			return fmt.Errorf("in the end: %w (-want +got):\n%s", err, diff)
		}
		return nil
	})
}
