// Package local implements a queue within one process, which also runs the
// attempts that its messages ask for.
//
// Webhooks take turns. Each has a bounded number of attempts running at once. A
// webhook whose attempts are slow is a suspect: all suspects together may use
// half of the slots, so that hanging receivers, however many, do not delay the
// others. A quick attempt clears the suspicion. A webhook without a finished
// attempt has one attempt running until that ends; these and the suspects
// together may use three quarters. Likewise a webhook may hold only part of the
// room left in the queue, so that a backlog leaves room for others.
//
// The queue is in memory and bounded. It refuses messages that it has no room
// for, and loses its messages with the process: only the records of deliveries
// are kept. It never holds two messages for the same attempt of a delivery. An
// idle queue has no goroutine and no timer.
package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// lease is how long an attempt is left to the queue. No message is lost
	// while the process lives, so lease only bounds a backlog.
	lease = 120 * time.Second
	// maxDelay is how far ahead of its time a message may be sent. It is the
	// same as for SQS, so that both queues accept the same messages.
	maxDelay = 15 * time.Minute
	// slow is how long an attempt may take without making its webhook a
	// suspect.
	slow = time.Second
	// remembered is how many idle webhooks' records are kept.
	remembered = 10_000
	// maxNap bounds the timer, which stops while the machine sleeps.
	maxNap = 30 * time.Second
)

// Default sizes of a queue.
const (
	defaultSlots      = 512
	defaultPerWebhook = 16
	defaultCapacity   = 50_000
)

// Config sets how much a Queue does at once. A field of 0 means its default.
type Config struct {
	// Slots is how many attempts run at once; 512 by default.
	Slots int
	// PerWebhook is how many of them one webhook may have; 16 by default. It is
	// limited to a fifth of the slots, but at least one.
	PerWebhook int
	// Capacity is how many messages the queue holds, including those of running
	// attempts; 50,000 by default.
	Capacity int
	// Now is the clock; time.Now by default.
	Now func() time.Time
}

// Queue is a queue that runs its messages' attempts. It is safe for concurrent
// use.
type Queue struct {
	slots, perWebhook, capacity int
	now                         func() time.Time
	freed                       chan struct{}

	mu      sync.Mutex
	attempt func(webhook.Message) // nil before Run
	// open reports that attempts may start, stopped that no more will.
	open, stopped bool
	workers       sync.WaitGroup

	lines map[webhook.EventKey]*line
	known map[attemptKey]struct{}
	later later
	held  int
	// full reports that a message was refused because the queue was full.
	full bool

	turns   [standings]list[*line]
	turn    record // the latest that had its turn
	running [standings]int
	fresh   list[*entry] // running attempts that are not slow yet, oldest first
}

// New returns an empty queue. It accepts messages at once, and attempts them
// when it runs.
func New(c Config) *Queue {
	q := &Queue{
		slots: c.Slots, perWebhook: c.PerWebhook, capacity: c.Capacity, now: c.Now,
		freed: make(chan struct{}, 1),
		lines: map[webhook.EventKey]*line{},
		known: map[attemptKey]struct{}{},
	}
	if q.slots <= 0 {
		q.slots = defaultSlots
	}
	if q.perWebhook <= 0 {
		q.perWebhook = defaultPerWebhook
	}
	if q.capacity <= 0 {
		q.capacity = defaultCapacity
	}
	if q.now == nil {
		q.now = time.Now
	}
	return q
}

// attemptKey identifies an attempt.
type attemptKey struct {
	account webhook.Account
	id      string
	attempt int64
}

func keyOf(m webhook.Message) attemptKey { return attemptKey{m.Account, m.ID, m.Attempt} }

// spare returns the room that Lease does not give away, so that messages sent
// between Lease and Send still find room.
func (q *Queue) spare() int { return q.capacity / 16 }

// share returns how many messages a line with a record may hold: as many as
// remain for all others if it is trusted, otherwise an eighth of that.
func (q *Queue) share(s record) int {
	left := q.capacity - q.spare() - q.held
	if s != trusted && left > 0 {
		return max(left/8, 1)
	}
	return left
}

// Lease returns how long an attempt is left to the queue: 120 seconds. ok is
// false if there is no room for the event key: the queue is full or has
// stopped, or the event key holds as much as remains for the others. Then see
// [Queue.Freed].
func (q *Queue) Lease(s webhook.EventKey) (_ time.Duration, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return 0, false
	}
	held, of := 0, unproven
	l := q.lines[s]
	if l != nil {
		held, of = l.held, l.record
	}
	share := q.share(of)
	if held < share {
		return lease, true
	}
	if share <= 0 {
		q.full = true
	}
	if l != nil && held > 0 {
		l.refused = true
	}
	return 0, false
}

// Full reports whether the queue has no room at all or has stopped. If so, see
// [Queue.Freed].
func (q *Queue) Full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return true
	}
	if q.share(unproven) > 0 {
		return false
	}
	q.full = true
	return true
}

// Send queues messages, each to be attempted at its At or as soon afterwards as
// a slot is free. It never blocks. It drops a message for an attempt that is
// already queued. It refuses messages that the queue has no room for, and all
// messages after the queue has stopped; the error says how many. The error
// wraps [webhook.ErrInvalid] for messages more than 15 minutes ahead; Send
// queues the others.
func (q *Queue) Send(_ context.Context, messages []webhook.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	refused, ahead := 0, 0
	for _, m := range messages {
		_, known := q.known[keyOf(m)]
		switch {
		case known:
		case m.At.Sub(now) > maxDelay:
			ahead++
		case q.stopped:
			refused++
		case q.held >= q.capacity:
			q.full = true
			refused++
		default:
			q.add(m, now)
		}
	}
	q.dispatch(now)
	var errs []error
	if ahead > 0 {
		errs = append(errs, fmt.Errorf("%d of %d messages: %w: more than %v ahead of their time", ahead, len(messages), webhook.ErrInvalid, maxDelay))
	}
	if refused > 0 {
		why := errFull
		if q.stopped {
			why = errStopped
		}
		errs = append(errs, fmt.Errorf("%d of %d messages: %w", refused, len(messages), why))
	}
	if len(errs) > 0 {
		return fmt.Errorf("send: %w", errors.Join(errs...))
	}
	return nil
}

var (
	errFull    = errors.New("the queue is full")
	errStopped = errors.New("the queue has stopped")
)

// add queues a message.
func (q *Queue) add(m webhook.Message, now time.Time) {
	l := q.line(m.EventKey())
	e := &entry{message: m, line: l}
	e.node.owner = e
	q.known[keyOf(m)] = struct{}{}
	q.held++
	l.held++
	if m.At.After(now) {
		q.later.push(e)
		return
	}
	l.ready.push(&e.node)
	q.queueUp(l)
}

// Freed returns a channel that signals that there may be room again after a
// refusal: when the queue has room for all, or when an event key that was
// refused holds half of its share.
func (q *Queue) Freed() <-chan struct{} { return q.freed }

// tellFreed sends the signal after a message of the line is done.
func (q *Queue) tellFreed(l *line) {
	left := q.share(trusted)
	all := q.full && left > 0 && left >= q.spare()
	if l.refused && l.held == 0 && left <= 0 {
		l.refused, q.full = false, true // no message of it is left that could signal
	}
	one := l.refused && left > 0 && l.held <= q.share(l.record)/2
	if !all && !one {
		return
	}
	if all {
		q.full = false
	}
	if one {
		l.refused = false
	}
	select {
	case q.freed <- struct{}{}:
	default: // a signal is pending
	}
}

// Run makes attempts until ctx ends. Then it starts no more, waits for the
// running ones, and returns; messages still in the queue are dropped. attempt
// is called with ctx from many goroutines at once, and must recover from its
// own panics, which would end the process. A queue runs only once: a second
// call returns immediately.
func (q *Queue) Run(ctx context.Context, attempt func(context.Context, webhook.Message)) {
	q.mu.Lock()
	if q.attempt != nil {
		q.mu.Unlock()
		return
	}
	q.attempt = func(m webhook.Message) { attempt(ctx, m) }
	q.open = true
	q.dispatch(q.now())
	q.mu.Unlock()
	<-ctx.Done()
	q.mu.Lock()
	q.open, q.stopped = false, true
	q.later.stop()
	q.mu.Unlock()
	q.workers.Wait()
}

// dispatch starts the attempts that can start, and sets the timer for later
// ones.
func (q *Queue) dispatch(now time.Time) {
	q.catchUp(now)
	for e := q.next(now); e != nil; e = q.next(now) {
		q.workers.Go(func() { q.work(e) })
	}
	if q.open {
		q.later.wake(now, q.tick)
	}
}

// catchUp notes what changes with time: which attempts have become slow, and
// which messages are due.
func (q *Queue) catchUp(now time.Time) {
	q.suspectSlow(now)
	for e := q.later.due(now); e != nil; e = q.later.due(now) {
		e.line.ready.push(&e.node)
		q.queueUp(e.line)
	}
}

// tick is called by the timer.
func (q *Queue) tick() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dispatch(q.now())
}

// work makes an attempt, then others as long as there are any.
func (q *Queue) work(e *entry) {
	for e != nil {
		q.attempt(e.message)
		e = q.done(e)
	}
}

// done ends an attempt and returns the next one for the same goroutine.
func (q *Queue) done(e *entry) *entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	q.catchUp(now)
	q.finish(e)
	next := q.next(now)
	q.dispatch(now)
	return next
}
