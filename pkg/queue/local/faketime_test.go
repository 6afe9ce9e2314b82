package local

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/webhook"
)

// message asks for the first attempt of an event key's nth delivery. The event
// key is written "<account>" or "<account>/<event>".
func message(eventKey string, n int, at time.Time) webhook.Message {
	account, event, _ := strings.Cut(eventKey, "/")
	return webhook.Message{
		Account: webhook.Account{API: "squake", ID: account},
		ID:      fmt.Sprintf("%x-%032x", event, n), Event: event, Attempt: 1, At: at,
	}
}

// nameOf is the event key of a message as message takes it.
func nameOf(m webhook.Message) string {
	return strings.TrimSuffix(m.Account.ID+"/"+m.Event, "/")
}

func messages(eventKey string, first, count int, at time.Time) []webhook.Message {
	list := make([]webhook.Message, count)
	for i := range list {
		list[i] = message(eventKey, first+i, at)
	}
	return list
}

func eventKeyOf(name string) webhook.EventKey { return message(name, 0, time.Time{}).EventKey() }

// receivers plays those that attempts go to, and keeps account of them.
type receivers struct {
	// lasts is how long an attempt takes.
	lasts func(webhook.Message) time.Duration

	mu       sync.Mutex
	started  map[string][]time.Time // by event key
	running  map[string]int
	most     map[string]int // at once
	all, top int
	ended    int
}

func newReceivers(lasts func(webhook.Message) time.Duration) *receivers {
	return &receivers{
		lasts: lasts, started: map[string][]time.Time{}, running: map[string]int{}, most: map[string]int{},
	}
}

// hang is how long a receiver takes whose name has "hang" in it.
const hang = 30 * time.Second

func hangers(quick time.Duration) *receivers {
	return newReceivers(func(m webhook.Message) time.Duration {
		if strings.Contains(nameOf(m), "hang") {
			return hang
		}
		return quick
	})
}

func (r *receivers) attempt(_ context.Context, m webhook.Message) {
	name := nameOf(m)
	r.mu.Lock()
	r.started[name] = append(r.started[name], time.Now())
	r.running[name]++
	r.most[name] = max(r.most[name], r.running[name])
	r.all++
	r.top = max(r.top, r.all)
	r.mu.Unlock()
	<-faketime.After(r.lasts(m))
	r.mu.Lock()
	r.running[name]--
	r.all--
	r.ended++
	r.mu.Unlock()
}

func (r *receivers) count(name string) (started, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.started[name]), r.most[name]
}

func (r *receivers) under() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// inFakeTime runs a queue for a test, in a bubble of its own time. The bubble
// fails when a goroutine outlives the test.
func inFakeTime(t *testing.T, cfg Config, r *receivers, test func(t *testing.T, q *Queue)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		q := New(cfg)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			q.Run(ctx, r.attempt)
		}()
		synctest.Wait()
		defer func() {
			stop()
			<-ended
			if n := r.under(); n != 0 {
				t.Errorf("Run returned with %d attempts under way", n)
			}
		}()
		test(t, q)
	})
}

// send sends and waits until all goroutines are at rest.
func send(t *testing.T, q *Queue, list ...webhook.Message) {
	t.Helper()
	if err := q.Send(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// room reports whether the queue has room for an event key.
func room(q *Queue, s webhook.EventKey) bool {
	_, ok := q.Lease(s)
	return ok
}

// offer sends as many of an event key's messages as Lease allows, as a
// publisher does, and gives how many that were.
func offer(t *testing.T, q *Queue, list ...webhook.Message) (sent int) {
	t.Helper()
	for _, m := range list {
		if room(q, m.EventKey()) {
			send(t, q, m)
			sent++
		}
	}
	return sent
}

// signalled says whether Freed has signalled.
func signalled(q *Queue) bool {
	select {
	case <-q.Freed():
		return true
	default:
		return false
	}
}

// holding is what a queue has.
type holding struct {
	held, known int
	timer       bool
}

func holds(q *Queue) holding {
	q.mu.Lock()
	defer q.mu.Unlock()
	return holding{q.held, len(q.known), !q.later.at.IsZero()}
}
