package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// ended publishes an event and records its only attempt: a success, or a failure
// for good.
func (w *env) ended(t *testing.T, e webhook.Event, response delivery.Response) {
	t.Helper()
	w.attempted(t, w.accept(t, e)[0], response)
}

// attempted records the last attempt of a message.
func (w *env) attempted(t *testing.T, m webhook.Message, response delivery.Response) {
	t.Helper()
	was := w.record(t, m)
	now := was.Attempted(w.clock.Now(), response.Status, response.Reason, time.Time{})
	if _, err := w.store.Store.RecordAttempt(t.Context(), webhook.AttemptResult{Was: was, Now: now}); err != nil {
		t.Fatal(err)
	}
}

// recoverAll recovers until the end, and gives the totals.
func (w *env) recoverAll(t *testing.T, a webhook.Account, q delivery.Recovery) (all delivery.Recovered, calls int) {
	t.Helper()
	for calls = 1; ; calls++ {
		done, err := w.retrier().Recover(t.Context(), a, q)
		if err != nil || done.Resent > q.Limit || calls > 1000 {
			t.Fatalf("Recover(%+v) = %+v, %v, call %d", q, done, err, calls)
		}
		all = delivery.Recovered{Resent: all.Resent + done.Resent, Expired: all.Expired + done.Expired, AsOf: done.AsOf}
		if done.Next == "" {
			return all, calls
		}
		q.Cursor = done.Next
	}
}

// What failed, was cancelled or is held is attempted anew, and nothing else; a
// call that is repeated with the same AsOf sends nothing twice.
func TestRecover(t *testing.T) {
	for _, limit := range []int{1, 2, 1000} {
		w, s := newEnv(t), eventKeys[0]
		for i := range 3 {
			w.ended(t, event(s, fmt.Sprint("failed ", i)), failing(500))
		}
		w.ended(t, event(s, "delivered"), delivery.Response{Status: 200})
		open := w.accept(t, event(s, "open"))[0]
		w.able(t, s, false)
		w.publishes(t, event(s, "held"), delivery.Held)
		q := delivery.Recovery{From: start.Add(-time.Hour), Limit: limit}
		if all, _ := w.recoverAll(t, s.Account, q); all.Resent != 0 {
			t.Errorf("%d were resent to a disabled webhook", all.Resent)
		}
		w.able(t, s, true)
		w.clock.Advance(time.Hour)
		w.queue.take()

		dry := q
		dry.DryRun = true
		if all, _ := w.recoverAll(t, s.Account, dry); all.Resent != 4 || len(w.queue.take()) != 0 {
			t.Errorf("limit %d: a dry run counts %d, want 4, or sends something", limit, all.Resent)
		}
		all, calls := w.recoverAll(t, s.Account, q)
		messages := w.queue.take()
		if all.Resent != 4 || len(messages) != 4 || limit == 1000 && calls != 1 || limit == 1 && calls < 4 {
			t.Errorf("limit %d: %d resent by %d calls, %d messages", limit, all.Resent, calls, len(messages))
		}
		// Before they are attempted, and after they failed again.
		q.AsOf = all.AsOf
		if again, _ := w.recoverAll(t, s.Account, q); again.Resent != 0 {
			t.Errorf("limit %d: %d resent while they wait", limit, again.Resent)
		}
		w.clock.Advance(-time.Second) // the worker's clock is behind
		for _, m := range messages {
			if m.Fast {
				t.Errorf("limit %d: %+v is for the fast lane", limit, m)
			}
			w.attempted(t, m, failing(500))
		}
		if again, _ := w.recoverAll(t, s.Account, q); again.Resent != 0 {
			t.Errorf("limit %d: %d resent twice", limit, again.Resent)
		}
		w.clock.Advance(time.Minute)
		q.AsOf = time.Time{}
		if again, _ := w.recoverAll(t, s.Account, q); again.Resent != 4 {
			t.Errorf("limit %d: %d resent by a later recovery, want 4", limit, again.Resent)
		}
		if d := w.record(t, open); d.Status != webhook.StatusPending {
			t.Errorf("what was pending is %v", d.Status)
		}
	}
}

// readsTogether lets pages of deliveries go when several callers have read one.
type readsTogether struct {
	delivery.RetrierStore
	reading *sync.WaitGroup
}

func (s readsTogether) DeliveryPage(ctx context.Context, a webhook.Account, r webhook.DeliveryRange) ([]webhook.Delivery, bool, error) {
	list, more, err := s.RetrierStore.DeliveryPage(ctx, a, r)
	s.reading.Done()
	s.reading.Wait()
	return list, more, err
}

// A call that is repeated while the first one still runs sends nothing twice
// either, though both read the same.
func TestRecoverAtOnce(t *testing.T) {
	w, s := newEnv(t), eventKeys[0]
	for i := range 20 {
		w.ended(t, event(s, fmt.Sprint("failed ", i)), failing(500))
	}
	w.clock.Advance(time.Hour)
	w.queue.take()
	const callers = 4
	var reading, done sync.WaitGroup
	reading.Add(callers)
	retrier := delivery.NewRetrier(readsTogether{w.store, &reading}, w.queue, w.clock.Now)
	var resent atomic.Int64
	for range callers {
		done.Go(func() {
			got, err := retrier.Recover(t.Context(), s.Account, delivery.Recovery{From: start.Add(-time.Hour), Limit: 1000, AsOf: w.clock.Now()})
			if err != nil {
				t.Error(err)
			}
			resent.Add(int64(got.Resent))
		})
	}
	done.Wait()
	if messages := w.queue.take(); resent.Load() != 20 || len(messages) != 20 {
		t.Errorf("%d resent, %d messages, want 20", resent.Load(), len(messages))
	}
}

// Times and event select; what is past retention is counted, not sent; the
// cursor says where and as of when to go on.
func TestRecoverSelects(t *testing.T) {
	w, s, day := newEnv(t), eventKeys[0], 24*time.Hour
	for i := range 5 {
		e := event(s, fmt.Sprint(i))
		e.Time = start.Add(-time.Duration(i) * time.Hour)
		w.ended(t, e, failing(500))
	}
	w.clock.Advance(time.Hour)
	hour := func(n int) time.Time { return start.Add(-time.Duration(n) * time.Hour) }
	for name, tt := range map[string]struct {
		q    delivery.Recovery
		want int
	}{
		"all":    {delivery.Recovery{From: hour(10)}, 5},
		"from":   {delivery.Recovery{From: hour(2)}, 3},
		"until":  {delivery.Recovery{From: hour(10), Until: hour(2)}, 2},
		"event":  {delivery.Recovery{From: hour(10), Event: s.Event}, 5},
		"others": {delivery.Recovery{From: hour(10), Event: "certificate_document_available"}, 0},
		"as of":  {delivery.Recovery{From: hour(10), AsOf: start.Add(-time.Hour)}, 0},
	} {
		tt.q.Limit, tt.q.DryRun = 1000, true
		if all, _ := w.recoverAll(t, s.Account, tt.q); all.Resent != tt.want {
			t.Errorf("%s: %d, want %d", name, all.Resent, tt.want)
		}
	}
	q := delivery.Recovery{From: hour(10), Limit: 2}
	first, err := w.retrier().Recover(t.Context(), s.Account, q)
	if err != nil || first.Resent != 2 || first.Next == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	w.clock.Advance(time.Hour)
	q.Cursor = first.Next
	if second, err := w.retrier().Recover(t.Context(), s.Account, q); err != nil || second.Resent != 2 || !second.AsOf.Equal(first.AsOf) {
		t.Errorf("the second call: %+v, %v, want it as of %v", second, err, first.AsOf)
	}
	w.clock.Set(start.Add(6*day + time.Millisecond))
	q.Cursor = ""
	if late, err := w.retrier().Recover(t.Context(), s.Account, q); err != nil || late.Resent != 0 || late.Expired != 1 {
		t.Errorf("after retention: %+v, %v", late, err)
	}
}

// A call that fails or whose answers are lost is repeated, and in the end
// everything was sent once.
func TestRecoverThroughFaults(t *testing.T) {
	const count = 100
	w, s := newEnv(t), eventKeys[0]
	for i := range count {
		w.ended(t, event(s, fmt.Sprint(i)), failing(500))
	}
	w.clock.Advance(time.Hour)
	q := delivery.Recovery{From: start.Add(-time.Hour), Limit: 30, AsOf: w.clock.Now()}
	var calls atomic.Int64
	refuse := func(call string) error {
		if call == "RecordAttempt" && calls.Add(1)%13 == 0 {
			return errFault
		}
		return nil
	}
	w.store.before, w.store.after = refuse, refuse // also lost answers
	for tries := 0; ; tries++ {
		done, err := w.retrier().Recover(context.Background(), s.Account, q)
		if tries > 200 {
			t.Fatal("it does not end")
		}
		if err != nil {
			if !errors.Is(err, errFault) {
				t.Fatal(err)
			}
			continue
		}
		if done.Next == "" {
			break
		}
		q.Cursor = done.Next
	}
	w.store.before, w.store.after = nil, nil
	for range 3 { // what was written and not sent is swept
		w.clock.Advance(10 * time.Minute)
		w.deliverDue(t)
	}
	got := map[string]int{}
	for _, request := range w.receiver.got {
		got[request.Header["webhook-id"]]++
	}
	for id, n := range got {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if len(got) != count {
		t.Errorf("%d of %d were sent", len(got), count)
	}
}

func TestRecoverRefuses(t *testing.T) {
	w, s := newEnv(t), eventKeys[0]
	id := event(s, "1").DeliveryID()
	ahead := strconv.FormatInt(w.clock.Now().Add(delivery.MaxAhead).UnixMilli()+1, 10)
	for _, cursor := range []string{"x", "1." + id[1:], "." + id, "1" + id, strings.Repeat("1", 30) + "." + id, ahead + "." + id} {
		if _, err := w.retrier().Recover(t.Context(), s.Account, delivery.Recovery{Limit: 1, Cursor: cursor}); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("cursor %q: error = %v, want ErrInvalid", cursor, err)
		}
	}
	w.closeAccount(t, s.Account, false)
	if _, err := w.retrier().Recover(t.Context(), s.Account, delivery.Recovery{Limit: 1}); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("of a closing account: error = %v, want ErrNotFound", err)
	}
}
