package delivery_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// fakeStart is the time at which a bubble's clock starts (testing/synctest).
var fakeStart = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

// simulation is a publisher, workers, and receivers that fail at random, in a
// bubble of virtual time. It notes every message that arrives and every request
// that is made.
type simulation struct {
	*env
	t         *testing.T
	eventKeys []webhook.EventKey
	queue     delivery.Queue
	// precise says that no message is early, late or lost.
	precise bool
	// failing is how many of a hundred attempts fail.
	failing int64

	mu        sync.Mutex
	random    *rand.Rand
	published map[string]webhook.Event // by the delivery's id
	arrivals  map[attemptKey][]time.Time
	planned   map[attemptKey]time.Time // when the message says that it is due
	requests  map[attemptKey][]request
}

// attemptKey names an attempt of a delivery.
type attemptKey struct {
	id     string
	number int64
}

// request is one that was made.
type request struct {
	began, ended time.Time
	response     delivery.Response
	id           string
}

// newSimulation has so many accounts of each API. The seed is printed if the
// test fails.
func newSimulation(t *testing.T, accounts int, seed uint64) *simulation {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d: what is drawn is the same, but not who draws first", seed)
		}
	})
	s := &simulation{
		env: emptyEnv(t, fakeStart), t: t, random: rand.New(rand.NewPCG(seed, 0)),
		published: map[string]webhook.Event{}, arrivals: map[attemptKey][]time.Time{},
		planned: map[attemptKey]time.Time{}, requests: map[attemptKey][]request{},
	}
	for i := range accounts {
		for _, eventKey := range eventKeys {
			eventKey.Account.ID = fmt.Sprint(1000 + i)
			s.addAccount(t, eventKey.Account)
			s.register(t, eventKey, fmt.Sprintf("%s-%d", eventKey.Account.API, i))
			s.eventKeys = append(s.eventKeys, eventKey)
		}
	}
	return s
}

// draw gives a number from 0 to below n.
func (s *simulation) draw(n int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Int64N(n)
}

// chance happens so often of a hundred times.
func (s *simulation) chance(percent int64) bool { return s.draw(100) < percent }

// upTo draws a time.
func (s *simulation) upTo(d time.Duration) time.Duration { return time.Duration(s.draw(int64(d))) }

// publish publishes an event a minute and a half to each webhook until the
// time given, and now and then one twice.
func (s *simulation) publish(ctx context.Context, until time.Time) {
	publisher := s.publisher(func(c *delivery.PublisherConfig) { c.Queue, c.Now = s.queue, time.Now })
	var all sync.WaitGroup
	for _, eventKey := range s.eventKeys {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-faketime.After(time.Minute + s.upTo(time.Minute)):
				}
				if time.Now().After(until) {
					return
				}
				e := event(eventKey, fmt.Sprint(n))
				e.Time = time.Now()
				r := publisher.Publish(ctx, []webhook.Event{e})[0]
				if r.Status != delivery.Accepted {
					s.t.Errorf("%+v", r)
				}
				s.mu.Lock()
				s.published[r.Delivery] = e
				s.mu.Unlock()
				if s.chance(10) && publisher.Publish(ctx, []webhook.Event{e})[0].Status != delivery.Duplicate {
					s.t.Error("an event that was published again is no duplicate")
				}
			}
		})
	}
	all.Wait()
}

// numberKey is what the number of an attempt is in a context under.
type numberKey struct{}

// attempter gives what makes the attempt that a message asks for. It may be
// called by many at once.
func (s *simulation) attempter() func(context.Context, webhook.Message) {
	worker := s.worker(func(c *delivery.WorkerConfig) {
		c.Queue, c.Sender, c.Now, c.Jitter = s.queue, s, time.Now, s.upTo
	})
	return func(ctx context.Context, m webhook.Message) {
		key := attemptKey{m.ID, m.Attempt}
		s.mu.Lock()
		s.arrivals[key] = append(s.arrivals[key], time.Now())
		if was, there := s.planned[key]; there && !was.Equal(m.At) {
			s.t.Errorf("attempt %d of %s was due at %v and at %v", m.Attempt, m.ID, was, m.At)
		}
		s.planned[key] = m.At
		s.mu.Unlock()
		_, err := worker.Attempt(context.WithValue(ctx, numberKey{}, key), m)
		if err != nil && ctx.Err() == nil {
			s.t.Error(err)
		}
	}
}

// Send is the receivers: attempts fail in all ways.
func (s *simulation) Send(ctx context.Context, r delivery.Request) delivery.Response {
	response := delivery.Response{Status: 200}
	lasts := s.upTo(900 * time.Millisecond)
	if s.chance(s.failing) {
		switch s.draw(5) {
		case 0:
			response = failing(500)
		case 1:
			response = failing(404)
		case 2:
			response = failing(503)
		case 3:
			response = failing(429)
			response.RetryAfter = s.upTo(20 * time.Minute)
		default:
			response, lasts = delivery.Response{Reason: "timed out"}, r.Timeout
		}
	}
	began := time.Now()
	select {
	case <-ctx.Done():
		return delivery.Response{Interrupted: true}
	case <-faketime.After(lasts):
	}
	key, _ := ctx.Value(numberKey{}).(attemptKey)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[key] = append(s.requests[key], request{began, time.Now(), response, r.Header["webhook-id"]})
	return response
}

// base is the wait after an attempt, without jitter (docs/contracts, Delivery).
func base(d webhook.Delivery, number int64, response delivery.Response) (time.Duration, bool) {
	delays := schedules[shoptetAccount]
	if d.Account.API != "shoptet" {
		delays = tenAttempts
	}
	if number > int64(len(delays)) {
		return 0, false
	}
	wait := delays[number-1]
	if response.Status == 429 || response.Status == 503 {
		wait = max(wait, time.Minute)
	}
	return max(wait, response.RetryAfter), true
}

// check holds all that happened to the schedules, and gives the highest number
// of an attempt.
func (s *simulation) check(end time.Time) (last int64) {
	s.t.Helper()
	for id, e := range s.published {
		d, err := s.store.Store.Delivery(context.Background(), e.Account, id)
		if err != nil {
			s.t.Fatal(err)
		}
		made, requests, success := int64(0), 0, false
		for n := int64(1); len(s.requests[attemptKey{id, n}]) > 0; n++ {
			made = n
			for _, r := range s.requests[attemptKey{id, n}] {
				requests++
				success = success || r.response.Reason == ""
				if r.id != id && r.id != "" {
					s.t.Errorf("webhook-id %s of %s", r.id, id)
				}
			}
			s.checkAttempt(d, n)
		}
		last = max(last, made)
		if overdue := d.Next.Before(end.Add(-30 * time.Minute)); d.Open() && overdue {
			s.t.Errorf("forgotten: %+v", d)
		}
		_, more := base(d, d.Attempts, delivery.Response{})
		if d.Attempts > int64(requests) || d.Attempts < made || success != (d.Status == webhook.StatusDelivered) ||
			d.Open() && success || d.Attempts > 0 && !success && d.Open() != more {
			s.t.Errorf("%d requests, %d attempts, success %t: %+v", requests, made, success, d)
		}
	}
	s.t.Logf("%d deliveries, up to %d attempts", len(s.published), last)
	return last
}

// checkAttempt: an attempt is made when the first message arrives that is not
// early, and was planned by the end of the attempt before.
func (s *simulation) checkAttempt(d webhook.Delivery, n int64) {
	s.t.Helper()
	key := attemptKey{d.ID(), n}
	early := time.Second
	if s.precise {
		early = 0
	}
	at := s.planned[key]
	for _, arrived := range s.arrivals[key] {
		if !arrived.Before(at.Add(-early)) {
			if began := s.requests[key][0].began; len(s.requests[key]) == 1 && !began.Equal(arrived) {
				s.t.Errorf("attempt %d of %s, due %v: the message came at %v, the request at %v", n, key.id, at, arrived, began)
			}
			break
		}
	}
	for _, r := range s.requests[key] {
		if r.began.Before(at.Add(-early)) {
			s.t.Errorf("attempt %d of %s, due %v, was made at %v", n, key.id, at, r.began)
		}
		if late := r.began.Sub(at); s.precise && late > lateness {
			s.t.Errorf("attempt %d of %s, due %v, was %v late", n, key.id, at, late)
		}
	}
	if n == 1 {
		if e := s.published[key.id]; at.Before(e.Time.Add(-time.Millisecond)) || at.After(e.Time) {
			s.t.Errorf("the first attempt of %s, published at %v, was due %v", key.id, e.Time, at)
		}
		return
	}
	// Of requests for one attempt the one that ended first is written.
	before := s.requests[attemptKey{key.id, n - 1}][0]
	wait, _ := base(d, n-1, before.response)
	if got := at.Sub(before.ended); got < wait || got > wait+wait/10+time.Millisecond {
		s.t.Errorf("attempt %d of %s is due %v after the end of the one before, want %v plus up to a tenth", n, key.id, got, wait)
	}
}

// lateness is what "to the second" allows, where no message is lost or late:
// SQS counts delays in whole seconds.
const lateness = time.Second + 300*time.Millisecond
