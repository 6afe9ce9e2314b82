// Package local carries messages within one process, and runs the
// attempts that they ask for.
//
// Webhooks take turns. One has a bounded number of attempts under way at once,
// and one whose attempts are slow is a suspect: all suspects together may use
// half of the slots, so that receivers that hang, however many, do not delay
// the others. A quick attempt clears the mark. A webhook that was not attempted
// yet has one attempt under way until that ends; those and the suspects
// together may use three quarters. In the same way a webhook may hold only
// part of what is left of the queue, so that a backlog leaves room for others.
//
// The queue is in memory and bounded. What it has no room for it refuses, and
// what it holds is lost with the process: the records of the deliveries are
// what is kept. It never has two messages for the same attempt of a delivery.
// An idle queue has no goroutine and no timer.
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
	// lease is how long an attempt is left to the queue. A message is not lost
	// while the process lives, so this only bounds a backlog.
	lease = 120 * time.Second
	// maxDelay is how far ahead of its time a message may come: as for SQS,
	// so that both queues take the same.
	maxDelay = 15 * time.Minute
	// slow is how long an attempt may last without making its webhook a
	// suspect.
	slow = time.Second
	// remembered is how many webhooks' standing is kept while they are idle.
	remembered = 10_000
	// maxNap bounds the timer, which stands still while the machine sleeps.
	maxNap = 30 * time.Second
)

// The sizes of a queue that is not told any.
const (
	defaultSlots      = 512
	defaultPerWebhook = 16
	defaultCapacity   = 50_000
)

// Config says how much a Queue does at once. 0 stands for a default.
type Config struct {
	// Slots is how many attempts run at once; by default 512.
	Slots int
	// PerWebhook is how many of them one webhook may have; by default 16. It
	// never has more than a fifth of the slots, if that is more than one.
	PerWebhook int
	// Capacity is how many messages the queue holds, those of attempts under
	// way included; by default 50,000.
	Capacity int
	// Now is the clock; by default time.Now.
	Now func() time.Time
}

// Queue is a queue and runs what it holds. It is safe for concurrent use.
type Queue struct {
	slots, perWebhook, capacity int
	now                         func() time.Time
	freed                       chan struct{}

	mu      sync.Mutex
	attempt func(webhook.Message) // nil before Run
	// open says that attempts may start, stopped that none will any more.
	open, stopped bool
	workers       sync.WaitGroup

	lines map[webhook.EventKey]*line
	known map[attemptKey]struct{}
	later later
	held  int
	// full is set when a message was refused for want of any room.
	full bool

	turns   [standings]list[*line]
	turn    record // the latest that had its turn
	running [standings]int
	fresh   list[*entry] // attempts under way that are not slow yet, oldest first
}

// New gives an empty queue. It takes messages at once, and attempts them when
// it runs.
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

// attemptKey is what a message asks for.
type attemptKey struct {
	account webhook.Account
	id      string
	attempt int64
}

func keyOf(m webhook.Message) attemptKey { return attemptKey{m.Account, m.ID, m.Attempt} }

// spare is the part of the queue that Lease does not give away, so that what
// came between Lease and Send finds room all the same.
func (q *Queue) spare() int { return q.capacity / 16 }

// share is how many messages a line of a standing may hold: as many as are
// left to everyone if it is trusted, else an eighth of that.
func (q *Queue) share(s record) int {
	left := q.capacity - q.spare() - q.held
	if s != trusted && left > 0 {
		return max(left/8, 1)
	}
	return left
}

// Lease returns how long an attempt is left to the queue: 120 seconds. ok is
// false when there is no room for the subject: because the queue is full, or
// because the subject holds as much as is left to the others, or because the
// queue has stopped. Then see Freed.
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

// Full reports whether there is no room for anyone, or the queue has stopped.
// When it is, see Freed.
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

// Send takes messages, each to be attempted at its At or as soon after it as
// there is a slot. It never blocks. A message for an attempt that one is there
// for already is dropped. What there is no room for at all is refused, as is
// everything after the queue has stopped: the error says how many. It wraps
// webhook.ErrInvalid for messages more than 15 minutes ahead; the others are
// taken.
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

// add takes a message.
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

// Freed signals that there may be room again, after a refusal: when there is
// some for everyone, or when a subject that was refused is down to half of its
// share.
func (q *Queue) Freed() <-chan struct{} { return q.freed }

// tellFreed signals it, after a message of the line has gone.
func (q *Queue) tellFreed(l *line) {
	left := q.share(trusted)
	all := q.full && left > 0 && left >= q.spare()
	if l.refused && l.held == 0 && left <= 0 {
		l.refused, q.full = false, true // nothing of it is left to signal by
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
	default: // there is a signal already
	}
}

// Run makes attempts until ctx ends; then it starts no more, waits for those
// under way, and returns. The function gets ctx as it is; it may be called from
// many goroutines at once, and must recover from its own panics, which would
// end the process. What is in the queue then is dropped. A queue runs once: a
// second call returns at once.
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

// dispatch starts what can start, and sets the timer for what comes later.
func (q *Queue) dispatch(now time.Time) {
	q.catchUp(now)
	for e := q.next(now); e != nil; e = q.next(now) {
		q.workers.Go(func() { q.work(e) })
	}
	if q.open {
		q.later.wake(now, q.tick)
	}
}

// catchUp notes what time alone has changed: whose attempts have become slow,
// and which messages have become due.
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

// work makes an attempt, and then others as long as there are any.
func (q *Queue) work(e *entry) {
	for e != nil {
		q.attempt(e.message)
		e = q.done(e)
	}
}

// done ends an attempt and gives the next one for the same goroutine.
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
