package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// sweep sweeps everything.
func (w *env) sweep(tb testing.TB) delivery.Swept {
	tb.Helper()
	swept, err := w.sweeper().Sweep(context.Background(), time.Time{})
	if err != nil {
		tb.Fatal(err)
	}
	return swept
}

// events gives so many of a subject.
func events(s webhook.EventKey, count int) []webhook.Event {
	list := make([]webhook.Event, count)
	for i := range list {
		list[i] = event(s, fmt.Sprint(i))
	}
	return list
}

// acceptMany publishes as many events as are asked for, and forgets their
// messages.
func (w *env) acceptMany(tb testing.TB, s webhook.EventKey, count int) {
	tb.Helper()
	list := events(s, count)
	for len(list) > 0 {
		n := min(len(list), delivery.MaxEvents)
		w.accept(tb, list[:n]...)
		list = list[n:]
	}
}

// With the queue stopped for longer than ten leases, each record is sent at
// most five times: each lease is twice the last.
func TestLeasesDouble(t *testing.T) { leasesDouble(t, newEnv(t)) }

func leasesDouble(t testing.TB, w *env) {
	t.Helper()
	const lease = 2 * time.Minute
	w.acceptMany(t, eventKeys[0], 20)
	var sends []time.Duration
	for w.clock.Now().Before(start.Add(12 * lease)) {
		w.clock.Advance(time.Minute)
		swept := w.sweep(t)
		if got := len(w.queue.take()); got != swept.Sent || got != 0 && got != 20 {
			t.Fatalf("%d messages, %+v", got, swept)
		}
		if swept.Sent > 0 {
			sends = append(sends, w.clock.Now().Sub(start))
			if !swept.Oldest.Equal(start) {
				t.Errorf("oldest %v", swept.Oldest)
			}
		}
	}
	want := []time.Duration{lease, 2 * lease, 4 * lease, 8 * lease}
	if fmt.Sprint(sends) != fmt.Sprint(want) || len(sends)+1 > 5 {
		t.Errorf("sent after %v, want %v", sends, want)
	}
}

// The doubling has an end, so that a queue that was stopped for days is not
// left alone for days more; and what is attempted begins with a lease of the
// first length.
func TestLongestLease(t *testing.T) {
	w := newEnv(t)
	m := w.acceptOne(t, eventKeys[0])
	for range 15 {
		w.clock.Set(w.record(t, m).Due)
		w.sweep(t)
	}
	d := w.record(t, m)
	if got := d.Due.Sub(w.clock.Now()); got != 2*time.Minute<<9 || d.Sends != 15 {
		t.Errorf("lease %v after %d sends", got, d.Sends)
	}
	w.receiver.responses = []delivery.Response{failing(500)}
	w.attempt(t, m, delivery.Failed)
	if d := w.record(t, m); d.Sends != 0 || d.Due.Sub(d.Next) != 2*time.Minute {
		t.Errorf("record %+v", show(d))
	}
}

// What is in the queue is left to it; what is further ahead than a message can
// be is sent for ahead of its time, once.
func TestSweepAhead(t *testing.T) {
	w := newEnv(t)
	w.receiver.responses = []delivery.Response{failing(500)}
	m := w.acceptOne(t, eventKeys[1])
	w.jitter = 0.5
	w.attempt(t, m, delivery.Failed) // 15 minutes and some: no message
	next := w.record(t, m).Next
	for _, tt := range []struct {
		before time.Duration // of the attempt
		sent   int
	}{{90*time.Second + time.Millisecond, 0}, {90 * time.Second, 1}, {60 * time.Second, 0}, {0, 0}, {-119 * time.Second, 0}, {-120 * time.Second, 1}} {
		w.clock.Set(next.Add(-tt.before))
		swept := w.sweep(t)
		if swept.Sent != tt.sent || swept.Oldest.IsZero() == (tt.before < -119*time.Second) {
			t.Errorf("%v before: %+v, want %d sent", tt.before, swept, tt.sent)
		}
		for _, sent := range w.queue.take() {
			if want := w.record(t, m).Message(); sent != want || !sent.At.Equal(next) {
				t.Errorf("%v before: %+v, want %+v", tt.before, sent, want)
			}
		}
	}
}

// Of sweepers at once, one sends.
func TestSweepersAtOnce(t *testing.T) {
	w := newEnv(t)
	w.acceptMany(t, eventKeys[0], 300)
	w.clock.Advance(2 * time.Minute)
	total := make([]delivery.Swept, 4)
	var all sync.WaitGroup
	for i := range total {
		all.Go(func() { total[i] = w.sweep(t) })
	}
	all.Wait()
	sent := 0
	for _, swept := range total {
		sent += swept.Sent
		if swept.Failed != 0 {
			t.Errorf("%+v", swept)
		}
	}
	seen := map[string]int{}
	for _, m := range w.queue.take() {
		seen[m.ID]++
	}
	if sent != 300 || len(seen) != 300 {
		t.Errorf("%d sent, of %d deliveries", sent, len(seen))
	}
}

// What there is no room for is left as it is, and does not keep others from
// their turn.
func TestSweepNoRoom(t *testing.T) {
	w := newEnv(t)
	w.acceptMany(t, eventKeys[0], 150)
	other := w.acceptOne(t, eventKeys[2])
	w.clock.Advance(2 * time.Minute)
	w.queue.refuses[eventKeys[0]] = true
	if swept := w.sweep(t); swept.Refused != 150 || swept.Sent != 1 || !swept.Oldest.Equal(start) {
		t.Errorf("%+v", swept)
	}
	if sent := w.queue.take(); len(sent) != 1 || sent[0].ID != other.ID {
		t.Errorf("sent %+v", sent)
	}
	w.queue.refuses = nil
	if swept := w.sweep(t); swept.Sent != 150 {
		t.Errorf("%+v, want all sent", swept)
	}
}

// A queue with no room for anyone ends the sweep, however much is due; what was
// taken before is sent for.
func TestSweepFull(t *testing.T) {
	w := newEnv(t)
	w.acceptMany(t, eventKeys[0], 150)
	w.clock.Advance(2 * time.Minute)
	q := &fullQueue{queue: w.queue, room: 30}
	sweeper := w.sweeper()
	sweeper.Queue = q
	swept, err := sweeper.Sweep(t.Context(), time.Time{})
	if err != nil || swept.Sent != 30 || swept.Refused != 1 || len(w.queue.take()) != 30 {
		t.Errorf("%+v, %v", swept, err)
	}
}

// fullQueue has room for so many in all.
type fullQueue struct {
	*queue
	room int
}

func (q *fullQueue) Lease(s webhook.EventKey) (time.Duration, bool) {
	if q.room--; q.room < 0 {
		return 0, false
	}
	return q.queue.Lease(s)
}

func (q *fullQueue) Full() bool { return q.room <= 0 }

// Room that goes while a batch is gathered does not make a lease of nothing.
func TestSweepRoomGoes(t *testing.T) {
	w := newEnv(t)
	m := w.acceptOne(t, eventKeys[0])
	w.clock.Advance(2 * time.Minute)
	w.store.before = func(call string) error {
		if call == "Lease" {
			w.queue.refuses[eventKeys[0]] = true
		}
		return nil
	}
	w.sweep(t)
	if d := w.record(t, m); !d.Due.Equal(w.clock.Now().Add(2*time.Minute)) || d.Sends != 1 {
		t.Errorf("record %+v", show(d))
	}
}

// Faults cost no delivery: what could not be leased, or sent, comes again.
func TestSweepFails(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*env)
		want    delivery.Swept
		log     string
		again   time.Duration
	}{
		"lease":       {func(w *env) { w.store.before = failOn(errFault, "Lease") }, delivery.Swept{Failed: 2}, "lease a due delivery", 0},
		"lost answer": {func(w *env) { w.store.after = failOn(webhook.ErrUnknownOutcome, "Lease") }, delivery.Swept{Failed: 2}, "lease a due delivery", 2 * time.Minute},
		"send":        {func(w *env) { w.queue.err = errFault }, delivery.Swept{Failed: 2}, "send for due deliveries", 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			w.acceptMany(t, eventKeys[0], 2)
			w.clock.Advance(2 * time.Minute)
			tt.prepare(w)
			tt.want.Oldest = start
			if swept := w.sweep(t); swept != tt.want {
				t.Errorf("%+v, want %+v", swept, tt.want)
			}
			if log := w.log.String(); !strings.Contains(log, tt.log) {
				t.Errorf("log %s", log)
			}
			w.store.before, w.store.after, w.queue.err = nil, nil, nil
			w.clock.Advance(tt.again)
			if swept := w.deliverDue(t); swept.Sent != 2 || w.receiver.count() != 2 {
				t.Errorf("%+v, %d attempts", swept, w.receiver.count())
			}
		})
	}
}

// The store's error is the sweep's; a context that ends leaves the rest to the
// next sweep, quietly.
func TestSweepEnds(t *testing.T) {
	w := newEnv(t)
	w.acceptMany(t, eventKeys[0], 250)
	w.clock.Advance(2 * time.Minute)
	w.store.after = failOn(errFault, "Due")
	swept, err := w.sweeper().Sweep(t.Context(), time.Time{})
	if !errors.Is(err, errFault) || !strings.HasPrefix(err.Error(), "sweep: ") || swept.Sent != 250 {
		t.Errorf("%+v, %v", swept, err)
	}
	w.clock.Advance(2 * time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	var leases atomic.Int64
	w.store.after = func(call string) error {
		if call == "Lease" && leases.Add(1) == 40 {
			cancel()
		}
		return nil
	}
	w.queue.take()
	swept, err = w.sweeper().Sweep(ctx, time.Time{})
	if !errors.Is(err, context.Canceled) || swept.Sent != len(w.queue.take()) || swept.Sent < 40 || swept.Sent+swept.Failed != 100 {
		t.Errorf("%+v, %v", swept, err)
	}
	if log := w.log.String(); log != "" {
		t.Errorf("log %s", log)
	}
	w.store.after = nil
	w.clock.Advance(4 * time.Minute)
	// The store may write a lease after its caller has left, so late that this
	// sweep finds the delivery without it and cannot lease it; the next one can.
	w.deliverDue(t)
	w.deliverDue(t)
	if n := w.receiver.count(); n != 250 {
		t.Errorf("%d attempts", n)
	}
}

// A backlog whose first messages were all lost is delivered by one
// sweep, once each, and by no later one.
func TestSweepBacklog(t *testing.T) {
	count := long.Pick(2_000, 10_000)
	w := newEnv(t)
	w.acceptMany(t, eventKeys[0], count)
	w.clock.Advance(2 * time.Minute)
	if swept := w.deliverDue(t); swept.Sent != count || w.receiver.count() != count {
		t.Errorf("%+v, %d attempts", swept, w.receiver.count())
	}
	ids := map[string]bool{}
	for _, request := range w.receiver.got {
		ids[request.Header["webhook-id"]] = true
	}
	if len(ids) != count {
		t.Errorf("%d webhook-ids", len(ids))
	}
	w.clock.Advance(time.Hour)
	if swept := w.sweep(t); swept != (delivery.Swept{}) {
		t.Errorf("%+v of nothing", swept)
	}
}
