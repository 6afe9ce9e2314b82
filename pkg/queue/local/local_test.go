package local

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/webhook"
)

// Attempts start at their time, to the millisecond and in its order, with
// whatever was sent before or after.
func TestDelays(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return 0 })
	inFakeTime(t, Config{}, r, func(t *testing.T, q *Queue) {
		began := time.Now()
		delays := []time.Duration{
			90 * time.Second, 15 * time.Minute, time.Millisecond, -time.Hour, 2 * time.Millisecond, 0, 899999 * time.Millisecond, 31 * time.Second,
		}
		for i, delay := range delays {
			send(t, q, message(fmt.Sprint("s", i), 0, began.Add(delay)))
		}
		faketime.Pass(16 * time.Minute)
		for i, delay := range delays {
			started := r.started[fmt.Sprint("s", i)]
			if len(started) != 1 || started[0].Sub(began) != max(delay, 0) {
				t.Errorf("delay %v: attempts at %v after %v", delay, started, began)
			}
		}
	})
}

// A message for an attempt that waits for its time makes it sooner, never later,
// and not once more.
func TestSooner(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return 0 })
	inFakeTime(t, Config{}, r, func(t *testing.T, q *Queue) {
		began := time.Now()
		for i, delay := range []time.Duration{15 * time.Minute, time.Minute, 5 * time.Minute, 2 * time.Minute, time.Hour / 6} {
			send(t, q, message(fmt.Sprint("s", i), 0, began.Add(delay)))
		}
		for _, delay := range []time.Duration{time.Second, time.Hour / 6, time.Second} {
			send(t, q, message("s0", 0, began.Add(delay)), message("s4", 0, began.Add(delay)))
		}
		faketime.Pass(time.Hour / 2)
		for i, want := range []time.Duration{time.Second, time.Minute, 5 * time.Minute, 2 * time.Minute, time.Second} {
			started := r.started[fmt.Sprint("s", i)]
			if len(started) != 1 || started[0].Sub(began) != want {
				t.Errorf("s%d: attempts at %v after %v, want one after %v", i, started, began, want)
			}
		}
		if got := holds(q); got != (holding{}) {
			t.Errorf("an empty queue has %+v", got)
		}
	})
}

// What was due once is not to be made sooner, though the clock went back since:
// it runs, or waits for a slot.
func TestSoonerAfterTheClockWentBack(t *testing.T) {
	var back atomic.Int64
	r := newReceivers(func(webhook.Message) time.Duration { return time.Second })
	cfg := Config{Slots: 1, Now: func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }}
	inFakeTime(t, cfg, r, func(t *testing.T, q *Queue) {
		due := time.Now().Add(time.Millisecond)
		for i := range 3 {
			send(t, q, message(fmt.Sprint("s", i), 0, due))
		}
		faketime.Pass(10 * time.Millisecond) // one runs, two wait
		back.Store(int64(time.Minute))
		for i := range 3 {
			send(t, q, message(fmt.Sprint("s", i), 0, due.Add(-time.Minute)))
		}
		faketime.Pass(2 * time.Minute)
		if r.all != 0 || r.ended != 3 || holds(q) != (holding{}) {
			t.Errorf("%d attempts run, %d ended, want 3; the queue has %+v", r.all, r.ended, holds(q))
		}
	})
}

// A timer that fires before the time of its message, since the clock went back
// a little, is set again.
func TestTimeComesThoughTheClockWentBack(t *testing.T) {
	for _, back := range []time.Duration{time.Millisecond, 5 * time.Second, 29 * time.Second, time.Hour} {
		var by atomic.Int64
		r := newReceivers(func(webhook.Message) time.Duration { return 0 })
		cfg := Config{Now: func() time.Time { return time.Now().Add(-time.Duration(by.Load())).Round(0) }}
		inFakeTime(t, cfg, r, func(t *testing.T, q *Queue) {
			send(t, q, message("s", 0, time.Now().Add(10*time.Second)))
			by.Store(int64(back))
			faketime.Pass(10*time.Second + back - 1)
			early, _ := r.count("s")
			faketime.Pass(1)
			if ended, _ := r.count("s"); early != 0 || ended != 1 {
				t.Errorf("back by %v: %d attempts before the time, %d at it", back, early, ended)
			}
		})
	}
}

func TestTooFarAhead(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return 0 })
	inFakeTime(t, Config{}, r, func(t *testing.T, q *Queue) {
		now := time.Now()
		err := q.Send(t.Context(), []webhook.Message{
			message("far", 0, now.Add(maxDelay+1)), message("near", 0, now.Add(maxDelay)),
		})
		if !errors.Is(err, webhook.ErrInvalid) || !strings.Contains(err.Error(), "1 of 2") {
			t.Errorf("Send = %v", err)
		}
		faketime.Pass(time.Hour)
		if far, _ := r.count("far"); far != 0 {
			t.Error("a message too far ahead was taken")
		}
		if near, _ := r.count("near"); near != 1 {
			t.Error("the other was not")
		}
	})
}

// A message for an attempt that waits, is to come, or is under way is dropped;
// one for another attempt is not, nor one that comes afterwards.
func TestNoDoubles(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return 100 * time.Millisecond })
	inFakeTime(t, Config{}, r, func(t *testing.T, q *Queue) {
		now := time.Now()
		running, waiting, coming := message("s", 1, now), message("s", 2, now), message("s", 3, now.Add(time.Second))
		second := running
		second.Attempt = 2
		for range 5 {
			send(t, q, running, waiting, coming, coming, second)
		}
		faketime.Pass(time.Minute)
		if started, _ := r.count("s"); started != 4 {
			t.Errorf("%d attempts, want 4", started)
		}
		send(t, q, running)
		faketime.Pass(time.Minute)
		if started, _ := r.count("s"); started != 5 {
			t.Errorf("%d attempts with one sent again afterwards, want 5", started)
		}
		if got := holds(q); got != (holding{}) {
			t.Errorf("an empty queue has %+v", got)
		}
	})
}

// An account may hold as many messages for trusted webhooks as are left to
// everyone, and an eighth of that for others; a webhook as many as it leaves to
// the others of its account. A refusal is followed by a signal.
func TestShareOfTheQueue(t *testing.T) {
	const capacity = 1600
	const usable = capacity - capacity/16
	r := hangers(10 * time.Millisecond)
	inFakeTime(t, Config{Capacity: capacity}, r, func(t *testing.T, q *Queue) {
		fill := func(name string, from int) (n int) {
			for room(q, eventKeyOf(name)) {
				send(t, q, message(name, from+n, time.Now()))
				n++
			}
			return n
		}
		hanging := fill("hang", 0)
		if want := usable / 17; hanging != want {
			t.Errorf("one that hangs holds %d, want %d", hanging, want)
		}
		send(t, q, message("quick", 0, time.Now()))
		faketime.Pass(time.Second)
		if n, want := fill("quick", 1), (usable-hanging)/3; n < want || n > want+2 {
			t.Errorf("one that is quick holds %d, want %d", n, want)
		}
		if signalled(q) {
			t.Error("signalled while there is no room")
		}
		if offer(t, q, message("other", 0, time.Now())) != 1 {
			t.Error("no room for another")
		}
		faketime.Pass(10 * time.Second)
		if !signalled(q) || !room(q, eventKeyOf("quick")) {
			t.Error("no signal after one that is quick has room again")
		}
		if room(q, eventKeyOf("hang")) {
			t.Error("one that hangs got room without an attempt's end")
		}
		for range 2 * hanging {
			faketime.Pass(hang)
		}
		if !signalled(q) || !room(q, eventKeyOf("hang")) {
			t.Error("no signal after one that hangs has room again")
		}
	})
}

// A backlog of 50,000 messages leaves room for others, whatever number of an
// account's webhooks it is for.
func TestShareOfAnAccount(t *testing.T) {
	const usable = defaultCapacity - defaultCapacity/16
	for _, tt := range []struct {
		name   string
		proven bool
		most   int
	}{{"proven", true, usable / 2}, {"unproven", false, usable / 9}} {
		t.Run(tt.name, func(t *testing.T) {
			q := New(Config{Proven: func(context.Context, webhook.EventKey) bool { return tt.proven }})
			offer := func(name string, n int) (sent int) {
				for i := range n {
					m := message(fmt.Sprintf("%s/%d", name, i%500), i, time.Now())
					if room(q, m.EventKey()) && q.Send(t.Context(), []webhook.Message{m}) == nil {
						sent++
					}
				}
				return sent
			}
			if sent := offer("busy", 50_000); sent < tt.most-50 || sent > tt.most+50 {
				t.Errorf("an account holds %d messages, want %d", sent, tt.most)
			}
			if n := offer("other", 1000); n != 1000 {
				t.Errorf("another has room for %d", n)
			}
		})
	}
}

// Send takes what Lease still promised, and refuses what is over the whole
// capacity. Freed signals once there is room for everyone, and then once.
func TestFull(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return 10 * time.Millisecond })
	inFakeTime(t, Config{Capacity: 160}, r, func(t *testing.T, q *Queue) {
		err := q.Send(t.Context(), messages("s", 0, 170, time.Now()))
		if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "10 of 170") {
			t.Errorf("Send = %v", err)
		}
		if got, ok := q.Lease(eventKeyOf("new")); ok || !q.Full() {
			t.Errorf("Lease of a full queue = %v, %t, full: %t", got, ok, q.Full())
		}
		// The first goes alone, then 16 at once: 159, 143 and 127 are left.
		for step, want := range []bool{false, false, true, false, false, false} {
			faketime.Pass(10 * time.Millisecond)
			if got := signalled(q); got != want {
				t.Errorf("step %d, %d held: signalled %t, want %t", step, holds(q).held, got, want)
			}
		}
		faketime.Pass(time.Minute)
		if started, _ := r.count("s"); started != 160 || signalled(q) {
			t.Errorf("%d attempts, want 160 and no signal more", started)
		}
	})
}

// After an event key was refused for its share there is one signal, when its
// account holds a quarter of that, and not one for each message that goes.
func TestOneSignalARejection(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return 10 * time.Millisecond })
	inFakeTime(t, Config{}, r, func(t *testing.T, q *Queue) {
		send(t, q, message("s", -1, time.Now()))
		faketime.Pass(time.Second)
		sent := offer(t, q, messages("s", 0, defaultCapacity, time.Now())...)
		signals, at := 0, 0
		for range 10_000 {
			faketime.Pass(10 * time.Millisecond)
			if signalled(q) {
				signals, at = signals+1, holds(q).held
			}
		}
		// held = left / 4, with left = usable - held.
		if want := (defaultCapacity - defaultCapacity/16) / 5; signals != 1 || at > want || at < want-2*defaultPerWebhook {
			t.Errorf("%d signals after %d messages, with %d left; want 1 with %d left", signals, sent, at, want)
		}
	})
}

// An event key that was refused for its share gets its signal though the queue
// was full when the last of its messages went.
func TestRefusedThenFull(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return 10 * time.Millisecond })
	inFakeTime(t, Config{Capacity: 16}, r, func(t *testing.T, q *Queue) {
		send(t, q, message("a", 0, time.Now()))
		if room(q, eventKeyOf("a")) || !room(q, eventKeyOf("b")) {
			t.Fatal("want a refused for its share, and no other")
		}
		send(t, q, messages("b", 0, 15, time.Now().Add(time.Minute))...)
		faketime.Pass(time.Second)
		if signalled(q) {
			t.Error("signalled without room")
		}
		faketime.Pass(2 * time.Minute)
		if !signalled(q) {
			t.Error("no signal though the queue is empty")
		}
	})
}

// What is sent before Run waits for it. The end of ctx starts no more, waits
// for what is under way, and leaves no goroutine.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceivers(func(webhook.Message) time.Duration { return hang })
		q := New(Config{Slots: 3})
		send(t, q, message("a", 0, time.Now()), message("b", 0, time.Now()), message("c", 0, time.Now()), message("d", 0, time.Now()))
		send(t, q, message("e", 0, time.Now().Add(time.Minute)))
		if n := r.under(); n != 0 {
			t.Errorf("%d attempts before Run", n)
		}
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		go q.Run(ctx, r.attempt)
		faketime.Pass(time.Second)
		q.Run(ctx, func(context.Context, webhook.Message) { t.Error("a second Run attempts") })
		stop()
		synctest.Wait()
		if room(q, eventKeyOf("a")) {
			t.Error("a stopped queue gives leases")
		}
		if err := q.Send(t.Context(), messages("z", 0, 2, time.Now())); !errors.Is(err, errStopped) {
			t.Errorf("Send to a stopped queue = %v", err)
		}
		q.workers.Wait()
		if holds(q).timer {
			t.Error("the timer runs on")
		}
		if took := time.Since(began); took != hang {
			t.Errorf("ended after %v, want when the attempts under way did: %v", took, hang)
		}
		faketime.Pass(2 * time.Hour)
		if r.ended != 2 { // of 3 slots one is not for webhooks that are unproven
			t.Errorf("%d attempts, want the 2 that were under way", r.ended)
		}
	})
}

// Proven is asked once for each event key, outside the lock, and what it says
// does not outweigh what the queue has seen.
func TestAsksWhoIsProven(t *testing.T) {
	r := hangers(0)
	var q *Queue
	asked := map[string]int{}
	cfg := Config{Proven: func(_ context.Context, key webhook.EventKey) bool {
		q.Full() // blocks while the lock is held
		asked[key.Account.ID]++
		return true
	}}
	inFakeTime(t, cfg, r, func(t *testing.T, queue *Queue) {
		q = queue
		for i := range 20 {
			send(t, q, message("hang", 2*i, time.Now()), message("quick", 2*i, time.Now()), message("hang", 2*i+1, time.Now()))
		}
		if _, most := r.count("hang"); most != defaultPerWebhook {
			t.Errorf("%d attempts at once for one that is proven, want %d", most, defaultPerWebhook)
		}
		faketime.Pass(2 * slow)
		send(t, q, message("hang", 100, time.Now()))
		if got := q.lines[lineKey{EventKey: eventKeyOf("hang")}].lane; got != suspect {
			t.Errorf("one that hangs is in lane %d", got)
		}
		if asked["hang"] != 1 || asked["quick"] != 1 {
			t.Errorf("asked %v, want once each", asked)
		}
	})
}

// A test says nothing about its webhook: one that is quick makes it no trusted
// one, and one that hangs no suspect. Nobody asks whether a test is proven.
func TestTestsHaveTheirOwnRecord(t *testing.T) {
	asked := 0
	cfg := Config{Proven: func(context.Context, webhook.EventKey) bool { asked++; return false }}
	inFakeTime(t, cfg, hangers(0), func(t *testing.T, q *Queue) {
		for name, want := range map[string]lane{"hang": suspect, "quick": trusted} {
			m := message(name, 0, time.Now())
			m.Test = true
			send(t, q, m)
			faketime.Pass(2 * hang)
			if got := q.lines[keyOfLine(m)].lane; got != want || q.lines[lineKey{EventKey: m.EventKey()}] != nil || asked != 0 {
				t.Errorf("%s: the tests are in lane %d, want %d; asked %d times", name, got, want, asked)
			}
		}
	})
}

// The attempt gets the context of Run.
func TestAttemptGetsContext(t *testing.T) {
	type contextKey struct{}
	synctest.Test(t, func(t *testing.T) {
		q := New(Config{})
		ctx, stop := context.WithCancel(context.WithValue(t.Context(), contextKey{}, "marked"))
		send(t, q, message("a", 0, time.Now()))
		q.Run(ctx, func(ctx context.Context, _ webhook.Message) {
			if ctx.Value(contextKey{}) != "marked" {
				t.Error("another context")
			}
			stop()
		})
	})
}

// An idle queue has no goroutine but that of Run, and no timer.
func TestIdleCostsNothing(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return time.Millisecond })
	inFakeTime(t, Config{}, r, func(t *testing.T, q *Queue) {
		before := goroutines(t)
		for i := range 300 {
			send(t, q, message(fmt.Sprint("s", i), 0, time.Now().Add(time.Duration(i)*time.Millisecond)))
		}
		faketime.Pass(time.Minute)
		if after := goroutines(t); after > before {
			t.Errorf("%d goroutines, %d before", after, before)
		}
		if holds(q).timer {
			t.Error("the timer runs")
		}
	})
}

// goroutines counts those of the bubble that it is called in: others come and
// go, such as the runtime's.
func goroutines(t *testing.T) int {
	t.Helper()
	own := make([]byte, 1<<10)
	head, _, _ := strings.Cut(string(own[:runtime.Stack(own, false)]), "\n")
	_, fakeTime, found := strings.Cut(head, "synctest bubble ")
	if !found {
		t.Fatalf("the stack of a goroutine in a bubble begins with %q", head)
	}
	every := make([]byte, 1<<20)
	return strings.Count(string(every[:runtime.Stack(every, true)]), "synctest bubble "+fakeTime)
}
