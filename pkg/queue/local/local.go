// Package local implements a queue within one process, which also runs the
// attempts that its messages ask for.
//
// Accounts take turns, and so do the webhooks of an account. A webhook is
// unproven until an attempt has ended, unless it is known to have succeeded
// before, and has one attempt running until then. It is a suspect while its
// attempts are slow, and trusted while they are quick. Of the slots an eighth is
// for trusted webhooks only, a quarter for suspects and three eighths for
// unproven ones, so that hanging receivers, however many, do not delay the
// others.
//
// An account may have as many slots for its trusted webhooks as it leaves to
// the others, and a quarter of that for unproven ones and for suspects, but
// always one. The same holds for the messages in the queue, so that a backlog
// leaves room for others.
//
// Tests of a webhook have a line of their own, so that they make it neither
// trusted nor a suspect.
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
	// remembered is how many idle webhooks' lanes are kept.
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
	// Proven reports whether the latest attempt for an event key succeeded. It
	// is asked when the queue does not remember the event key, such as after a
	// restart. If it is nil, no attempt is known to have succeeded.
	Proven func(context.Context, webhook.EventKey) bool
}

// Queue is a queue that runs its messages' attempts. It is safe for concurrent
// use.
type Queue struct {
	slots, perWebhook, capacity int
	now                         func() time.Time
	proven                      func(context.Context, webhook.EventKey) bool
	freed                       chan struct{}

	mu      sync.Mutex
	attempt func(webhook.Message) // nil before Run
	// open reports that attempts may start, stopped that no more will.
	open, stopped bool
	workers       sync.WaitGroup

	lines    map[lineKey]*line
	accounts map[webhook.Account]*account
	known    map[attemptKey]*entry
	later    later
	held     int
	heldBy   [lanes]int // by the lane of the webhook
	// full reports that a message was refused because the queue was full.
	full bool

	// turns has the parts of accounts that may start an attempt, blocked those
	// that could if they had not as many running as they may have.
	turns, blocked [lanes]list[*part]
	turn           lane // the latest that had its turn
	running        [lanes]int
	fresh          list[*entry] // running attempts that are not slow yet, oldest first
}

// New returns an empty queue. It accepts messages at once, and attempts them
// when it runs.
func New(c Config) *Queue {
	q := &Queue{
		slots: c.Slots, perWebhook: c.PerWebhook, capacity: c.Capacity, now: c.Now, proven: c.Proven,
		freed:    make(chan struct{}, 1),
		lines:    map[lineKey]*line{},
		accounts: map[webhook.Account]*account{},
		known:    map[attemptKey]*entry{},
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

// Send queues messages, each to be attempted at its At or as soon afterwards as
// a slot is free. It never blocks. It drops a message for an attempt that is
// already queued, unless it is to be made sooner, as a retry asks for: it then
// replaces one whose time has not come. It refuses messages that the queue has
// no room for, and all messages after the queue has stopped; the error says how
// many. The error wraps [webhook.ErrInvalid] for messages more than 15 minutes
// ahead; Send queues the others.
func (q *Queue) Send(ctx context.Context, messages []webhook.Message) error {
	proven := q.askProven(ctx, messages)
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	refused, ahead := 0, 0
	for _, m := range messages {
		queued := q.known[keyOf(m)]
		switch {
		case queued != nil:
			q.catchUp(now) // what is due is not for later
			q.later.hasten(queued, m)
		case m.At.Sub(now) > maxDelay:
			ahead++
		case q.stopped:
			refused++
		case q.held >= q.capacity:
			q.full = true
			refused++
		default:
			q.add(m, now, !m.Test && proven[m.EventKey()])
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

// askProven returns which event keys of the messages are proven, of those that
// the queue does not remember. It asks without holding the lock.
func (q *Queue) askProven(ctx context.Context, messages []webhook.Message) map[webhook.EventKey]bool {
	if q.proven == nil {
		return nil
	}
	unknown := map[webhook.EventKey]bool{}
	q.mu.Lock()
	for _, m := range messages {
		if key := keyOfLine(m); !key.test && q.lines[key] == nil {
			unknown[key.EventKey] = false
		}
	}
	q.mu.Unlock()
	for key := range unknown {
		unknown[key] = q.proven(ctx, key)
	}
	return unknown
}

// add queues a message.
func (q *Queue) add(m webhook.Message, now time.Time, proven bool) {
	l := q.line(keyOfLine(m), proven)
	e := &entry{message: m, line: l, index: out}
	e.node.owner = e
	q.known[keyOf(m)] = e
	q.hold(l, 1)
	if m.At.After(now) {
		q.later.push(e)
		return
	}
	l.ready.push(&e.node)
	q.queueUp(l)
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
	q.later.stop() // it has fired, though the clock may say that it has yet to
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
