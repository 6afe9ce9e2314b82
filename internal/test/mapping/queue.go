package mapping

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"
)

// Config is that of a queue, of its mapping and of the function.
type Config struct {
	// Batch is how many messages an invocation has at most, and Window how long
	// the mapping waits for them once it has one.
	Batch  int
	Window time.Duration
	// Visibility is how long after it was handed over a message comes back that
	// was not deleted.
	Visibility time.Duration
	// Timeout is the function's, which it is told as its deadline.
	Timeout time.Duration
}

// Queue is a standard queue with its mapping. It is safe for concurrent use.
type Queue struct {
	cfg Config

	mu sync.Mutex
	// visible is what can be received.
	visible []*message
	// idle are the pollers that have nothing, and collecting those that wait for
	// their batch to fill. turn is which of these gets the next message.
	idle, collecting []*poller
	turn             int
	// invocations are the batches under way, by the invocation's id.
	invocations      map[string][]*message
	received, failed int
}

// message is one in a queue.
type message struct {
	id, body string
	returns  *time.Timer // while it is in flight
}

// poller asks for one batch.
type poller struct {
	batch []*message
	ready chan struct{} // closed once the batch is to be handed over
}

// NewQueue returns an empty queue.
func NewQueue(cfg Config) *Queue { return &Queue{cfg: cfg, invocations: map[string][]*message{}} }

// Counts returns how many messages were handed over, each as often as it was, and
// how many of them the function failed.
func (q *Queue) Counts() (received, failed int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.received, q.failed
}

// Send puts messages into the queue, delayed ones when their time has come.
// Those that can be received arrive together.
func (q *Queue) Send(list []Sent) {
	var now []*message
	for _, s := range list {
		m := &message{id: rand.Text(), body: s.Body}
		if s.Delay > 0 {
			time.AfterFunc(s.Delay, func() { q.arrive(m) })
		} else {
			now = append(now, m)
		}
	}
	q.arrive(now...)
}

// arrive makes messages visible.
func (q *Queue) arrive(list ...*message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.visible = append(q.visible, list...)
	q.distribute()
}

// distribute gives pollers what is visible. Without a window one takes what there
// is. With a window they share what comes: those that have nothing get a message
// first, which makes batches as small as they can be.
func (q *Queue) distribute() {
	for len(q.visible) > 0 {
		switch {
		case len(q.idle) > 0 && q.cfg.Window == 0:
			p := q.idle[0]
			q.give(p, q.cfg.Batch)
			q.handOver(p)
		case len(q.idle) > 0:
			p := q.idle[0]
			q.idle, q.collecting = q.idle[1:], append(q.collecting, p)
			q.give(p, 1)
			time.AfterFunc(q.cfg.Window, func() {
				q.mu.Lock()
				defer q.mu.Unlock()
				q.handOver(p)
			})
		case len(q.collecting) > 0:
			q.turn++
			q.give(q.collecting[q.turn%len(q.collecting)], 1)
		default:
			return
		}
	}
}

// give adds up to n messages to a poller's batch, and hands it over if it is full.
func (q *Queue) give(p *poller, n int) {
	n = min(n, len(q.visible))
	for _, m := range q.visible[:n] {
		q.received++
		m.returns = time.AfterFunc(q.cfg.Visibility, func() { q.arrive(m) })
	}
	p.batch = append(p.batch, q.visible[:n]...)
	if q.visible = q.visible[n:]; len(p.batch) == q.cfg.Batch {
		q.handOver(p)
	}
}

// handOver ends a poller's wait, unless that has ended.
func (q *Queue) handOver(p *poller) {
	if q.remove(p) {
		close(p.ready)
	}
}

// remove reports whether a poller was waiting, and forgets it.
func (q *Queue) remove(p *poller) bool {
	waiting := len(q.idle) + len(q.collecting)
	same := func(other *poller) bool { return other == p }
	q.idle, q.collecting = slices.DeleteFunc(q.idle, same), slices.DeleteFunc(q.collecting, same)
	return len(q.idle)+len(q.collecting) < waiting
}

// receive waits for a batch. It returns nil if ctx ends first.
func (q *Queue) receive(ctx context.Context) []*message {
	p := &poller{ready: make(chan struct{})}
	q.mu.Lock()
	q.idle = append(q.idle, p)
	q.distribute()
	q.mu.Unlock()
	select {
	case <-p.ready:
		return p.batch
	case <-ctx.Done():
		q.mu.Lock()
		defer q.mu.Unlock()
		q.remove(p) // what it has returns after the visibility timeout
		return nil
	}
}

// waiting is how many pollers have nothing.
func (q *Queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.idle)
}
