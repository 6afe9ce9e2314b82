package modeltest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/record"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// customers are accounts of which half leave while all that the operator and
// workers do is done to all of them at once. Time stands still but for moments.
type customers struct {
	t      testing.TB
	clock  *record.Clock
	store  store.Store // fails
	direct store.Store
	manage http.Handler
	events http.Handler
	worker *delivery.Worker

	mu       sync.Mutex
	random   *mathrand.Rand
	waiting  []webhook.Message
	all      []webhook.Message // that ever were
	requests map[string]int    // that reached a receiver, by delivery
	excused  map[string]int    // of those, what may come again by the rules
	closed   bool              // no request is to be made any more
	lost     int               // messages and answers
}

func (c *customers) draw(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

// Send is the receivers, of which most fail.
func (c *customers) Send(_ context.Context, r delivery.Request) delivery.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := string(r.Body)
	if c.requests[id]++; c.closed {
		c.t.Errorf("%s was sent after its account was closed", id)
	}
	if c.random.IntN(4) > 0 {
		return delivery.Response{Status: 500, Reason: "answered 500", Body: "no"}
	}
	return delivery.Response{Status: 200}
}

// outgoing is the queue. Of four messages it loses one.
type outgoing struct{ *customers }

func (outgoing) Lease(webhook.EventKey) (time.Duration, bool) { return lease, true }

func (outgoing) Full() bool { return false }

func (q outgoing) Send(_ context.Context, messages []webhook.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range messages {
		q.all = append(q.all, m)
		if q.random.IntN(4) == 0 {
			q.lost++
			continue
		}
		q.waiting = append(q.waiting, m)
	}
	return nil
}

func newCustomers(t testing.TB, faulty, direct store.Store, seed uint64) *customers {
	c := &customers{
		t: t, clock: record.NewClock(startTime), store: faulty, direct: direct,
		random: mathrand.New(mathrand.NewPCG(seed, 0)), requests: map[string]int{}, excused: map[string]int{},
	}
	now := func() time.Time {
		c.clock.Advance(time.Millisecond)
		return c.clock.Now()
	}
	sendings := map[webhook.API]webhook.Sending{"squake": {
		CheckEvent: func(webhook.Event) error { return nil },
		Body:       func(d webhook.Delivery, _ webhook.Webhook) ([]byte, error) { return []byte(d.ID()), nil },
		Header:     func(webhook.Secret, time.Time, []byte) map[string]string { return nil },
		Statistics: true, Timeout: time.Second,
	}}
	log, keys := slog.New(slog.DiscardHandler), keygen.New(rand.Reader, now)
	c.manage = operator.NewManage(operator.ManageConfig{Store: faulty, Queue: outgoing{c}, APIs: all.APIs(), Sendings: sendings, Keys: keys, Now: now, Log: log})
	c.events = operator.New(operator.Config{
		Publisher: delivery.NewPublisher(delivery.PublisherConfig{
			Store: faulty, Queue: outgoing{c}, Sendings: sendings, Now: now, Log: log, NewID: func() (string, error) { return rand.Text(), nil },
		}),
		Keys: keys, Now: now, Log: log,
	})
	c.worker = delivery.NewWorker(delivery.WorkerConfig{
		Store: faulty, Queue: outgoing{c}, Sender: c, Opener: plain{}, Sendings: sendings, Now: now, Log: log,
		Jitter: func(time.Duration) time.Duration { return 0 },
	})
	return c
}

// call calls the operator's API until it is answered; one answer in eight is
// lost on the way.
func (c *customers) call(ctx context.Context, method, path string, body any, into any) int {
	handler := c.manage
	if path == operator.Path {
		handler = c.events
	}
	content, err := json.Marshal(body)
	if err != nil {
		c.t.Error(err)
	}
	for range 200 {
		r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(string(content)))
		r.Header.Set("Content-Type", "application/json")
		if body == nil {
			r = httptest.NewRequestWithContext(ctx, method, path, http.NoBody)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		switch {
		case w.Code >= http.StatusInternalServerError:
		case c.draw(8) == 0:
			c.mu.Lock()
			c.lost++
			c.mu.Unlock()
		default:
			if into != nil && w.Code < 300 {
				if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
					c.t.Error(err)
				}
			}
			return w.Code
		}
	}
	c.t.Errorf("%s %s is never answered", method, path)
	return 0
}

// drained returns when no message waits any more, or after a while.
func (c *customers) drained() {
	for range 100 {
		c.mu.Lock()
		n := len(c.waiting)
		c.mu.Unlock()
		if n == 0 {
			return
		}
		<-time.After(time.Millisecond)
	}
}

// work makes the attempts that are waiting, until stop is closed and none is.
func (c *customers) work(ctx context.Context, stop <-chan struct{}) {
	for {
		c.mu.Lock()
		var m webhook.Message
		n := len(c.waiting)
		if n > 0 {
			i := c.random.IntN(n)
			m = c.waiting[i]
			c.waiting = slices.Delete(c.waiting, i, i+1)
		}
		c.mu.Unlock()
		if n > 0 {
			c.attempt(ctx, m)
			continue
		}
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// attempt makes an attempt. One that was made and not recorded is made again.
func (c *customers) attempt(ctx context.Context, m webhook.Message) {
	for range 100 {
		if _, err := c.worker.Attempt(ctx, m); err == nil {
			return
		}
		c.mu.Lock()
		c.excused[m.ID]++
		c.mu.Unlock()
	}
	c.t.Errorf("attempt %d of %s fails each time", m.Attempt, m.ID)
}

// together runs all at once, and the workers until the others are done.
func (c *customers) together(ctx context.Context, list ...func()) {
	var group, workers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		workers.Go(func() { c.work(ctx, stop) })
	}
	for _, do := range list {
		group.Go(do)
	}
	group.Wait()
	close(stop)
	workers.Wait()
}

// count is how many requests reached a receiver.
func (c *customers) count() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.requests {
		n += times
	}
	return n
}
