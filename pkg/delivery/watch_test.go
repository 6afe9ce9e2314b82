package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// watched is a sweeper that watches a world, in a bubble.
type watched struct {
	*env
	signal chan struct{}

	mu sync.Mutex
	// latest and whole count the sweeps over what has fallen due, and those over
	// everything.
	latest, whole int
	// sabotage is what sweeps fail with, lasts is how long those over everything
	// last.
	sabotage error
	lasts    time.Duration
	ended    time.Time // the last one of them
	rests    []time.Duration
	// unleased is how many more leases fail.
	unleased int
}

// begin and end come before and after each sweep.
func (w *watched) begin(call string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch call {
	default:
		return nil
	case "Lease":
		if w.unleased > 0 {
			w.unleased--
			return errFault
		}
		return nil
	case "Due latest":
		w.latest++
		return w.sabotage
	case "Due":
		w.whole++
	}
	if !w.ended.IsZero() {
		w.rests = append(w.rests, time.Since(w.ended))
	}
	return w.sabotage
}

func (w *watched) end(call string) error {
	if call != "Due" {
		return nil
	}
	w.mu.Lock()
	lasts := w.lasts
	w.mu.Unlock()
	<-faketime.After(lasts)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = time.Now()
	return nil
}

// set changes something while the sweeper watches.
func (w *watched) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// count is how many sweeps there were.
func (w *watched) count() (latest, whole int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latest, w.whole
}

// watch runs a test beside a sweeper that watches, by the bubble's clock.
func watch(t *testing.T, test func(*testing.T, *watched)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{env: newEnv(t), signal: make(chan struct{})}
		w.store.before, w.store.after = w.begin, w.end
		ctx, stop := context.WithCancel(t.Context())
		sweeper := delivery.NewSweeper(delivery.SweeperConfig{
			Store: w.store, Queue: w.queue, Now: time.Now, Log: w.logger(), Ahead: 2 * time.Second, Parallel: 1,
		})
		ended := make(chan struct{})
		go func() { sweeper.Watch(ctx, w.signal); close(ended) }()
		synctest.Wait()
		test(t, w)
		stop()
		synctest.Wait()
		select {
		case <-ended:
		default:
			t.Error("Watch goes on though its context has ended")
		}
	})
}

// add puts a delivery into the store, with an attempt at next and to be looked
// at when due.
func (w *watched) add(t *testing.T, id string, next, due time.Time) {
	t.Helper()
	d := webhook.Delivery{
		Account: squakeAccount, Event: "order", EventID: id, Time: next, WebhookID: "w1",
		AcceptedAt: next, Next: next, Due: due,
	}
	if _, err := w.store.AddDelivery(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// sent checks how many messages were sent since the last time.
func (w *watched) sent(t *testing.T, want int) {
	t.Helper()
	synctest.Wait()
	if got := len(w.queue.take()); got != want {
		t.Errorf("%d messages, want %d", got, want)
	}
}

// What falls due is sent for each second, ahead of its time.
func TestWatchSweepsEachSecond(t *testing.T) {
	watch(t, func(t *testing.T, w *watched) {
		at := time.Now().Add(10 * time.Second)
		w.add(t, "1", at, at)
		faketime.Pass(7 * time.Second)
		w.sent(t, 0)
		faketime.Pass(time.Second)
		w.sent(t, 1)
		faketime.Pass(time.Hour)
		if latest, whole := w.count(); latest != 3608 || whole != 1+3608/30 {
			t.Errorf("%d sweeps over what fell due and %d over everything in 3608 seconds", latest, whole)
		}
	})
}

// What comes late, under a time that was swept already, is found: within a
// second if it is 2 seconds late, and within 30 otherwise.
func TestWatchOverlap(t *testing.T) {
	watch(t, func(t *testing.T, w *watched) {
		faketime.Pass(40*time.Second + time.Millisecond)
		w.add(t, "a little late", time.Now().Add(-2*time.Second), time.Now().Add(-2*time.Second))
		faketime.Pass(time.Second)
		w.sent(t, 1)
		w.add(t, "late", time.Now().Add(-time.Hour), time.Now().Add(-time.Hour))
		faketime.Pass(time.Second)
		w.sent(t, 0)
		faketime.Pass(30 * time.Second)
		w.sent(t, 1)
	})
}

// A signal has everything swept at once.
func TestWatchSignal(t *testing.T) {
	watch(t, func(t *testing.T, w *watched) {
		faketime.Pass(5*time.Second + 300*time.Millisecond)
		w.queue.refuses[eventKeys[0]] = true
		w.add(t, "refused", time.Now().Add(-time.Hour), time.Now().Add(-time.Hour))
		_, before := w.count()
		w.signal <- struct{}{}
		w.sent(t, 0)
		w.queue.mu.Lock()
		delete(w.queue.refuses, eventKeys[0])
		w.queue.mu.Unlock()
		w.signal <- struct{}{}
		w.sent(t, 1)
		if _, whole := w.count(); whole-before != 2 {
			t.Errorf("%d sweeps for two signals", whole-before)
		}
	})
}

// A sweep that failed is made up for, and the log says so.
func TestWatchFaults(t *testing.T) {
	watch(t, func(t *testing.T, w *watched) {
		faketime.Pass(10*time.Second + time.Millisecond)
		w.set(func() { w.sabotage = errFault })
		at := time.Now()
		w.add(t, "1", at, at)
		faketime.Pass(20 * time.Second)
		w.sent(t, 0)
		w.set(func() { w.sabotage = nil })
		faketime.Pass(time.Second)
		w.sent(t, 1)
		const failed = 20 + 1 // one of them over everything
		if n := strings.Count(w.log.String(), `"level":"ERROR","msg":"sweep","error":"sweep: a fault"`); n != failed {
			t.Errorf("the log tells of %d of %d sweeps", n, failed)
		}
	})
}

// A sweep over everything that sends for little is followed by a rest three
// times as long, signals or not, so that a backlog leaves the processor to the
// attempts. What falls due meanwhile does not wait for it.
func TestWatchRests(t *testing.T) {
	watch(t, func(t *testing.T, w *watched) {
		faketime.Pass(time.Millisecond)
		latest, whole := w.count()
		w.set(func() { w.lasts, w.rests = 2*time.Second, nil })
		w.signalOften(t)
		faketime.Pass(time.Minute)
		latestNow, wholeNow := w.count()
		if got := wholeNow - whole; got < 7 || got > 9 {
			t.Errorf("%d sweeps of 8 s in a minute", got)
		}
		if got := latestNow - latest; got < 59 {
			t.Errorf("%d sweeps over what fell due in a minute", got)
		}
		w.set(func() {
			for _, rest := range w.rests[2:] { // the first came before
				if rest != 6*time.Second {
					t.Errorf("rested %v", rest)
				}
			}
		})
	})
}

// signalOften gives a signal whenever one is waited for.
func (w *watched) signalOften(t *testing.T) {
	go func() {
		for {
			select {
			case w.signal <- struct{}{}:
			case <-t.Context().Done():
				return
			}
		}
	}()
}

// A sweep over everything that sends for much is followed by the next one at
// once: a backlog for which there is room waits for nothing.
func TestWatchGoesOn(t *testing.T) {
	watch(t, func(t *testing.T, w *watched) {
		faketime.Pass(time.Millisecond)
		for i := range 99 {
			w.add(t, fmt.Sprint(i), time.Now(), time.Now().Add(-time.Hour))
		}
		w.add(t, "unleased", time.Now(), time.Now().Add(-time.Hour))
		w.set(func() { w.lasts, w.rests, w.unleased = 10*time.Second, nil, 1 })
		w.signal <- struct{}{}
		go func() { w.signal <- struct{}{} }()
		faketime.Pass(10*time.Second + 300*time.Millisecond) // 3 × 10 s × 1/100
		w.set(func() {
			if len(w.rests) != 2 || w.rests[1] != 300*time.Millisecond {
				t.Errorf("rested %v, want 300ms after the second", w.rests)
			}
		})
		faketime.Pass(10 * time.Second) // for the last one
	})
}
