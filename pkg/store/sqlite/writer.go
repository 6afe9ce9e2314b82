package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// maxGroup is how many requests share a commit at most, so that none waits long
// for those behind it.
const maxGroup = 512

// writer lets concurrent requests share commits. One goroutine owns the
// connection. It takes all queued requests, runs them in one transaction, and
// replies when that is on disk. It never waits for more requests: while one
// group is committed the next one gathers.
type writer struct {
	open     func() (*session, error)
	logger   *slog.Logger
	observer Observer

	mu       sync.Mutex
	queue    []*request
	accepted int64 // how many requests were ever queued
	closed   bool

	wake  chan struct{} // holds one signal: the queue or closed has changed
	ended chan struct{} // closed when the goroutine has ended

	commits atomic.Int64 // how many groups were committed
	session *session     // nil after a failure, until the next group
	whole   bool         // the file is marked as whole; read after ended

	checkpointed time.Time     // when the log was last checkpointed
	every        time.Duration // checkpointInterval
}

// checkpointInterval is how often the log is checkpointed while no request
// waits, so that the file is never far behind. Under full load it is when the
// log has [checkpointPages].
const checkpointInterval = 2 * time.Second

// request is one write. Its do decides and writes; it must leave nothing
// half-written if it fails.
type request struct {
	do    func(*session) error
	state atomic.Int32
	reply chan error // holds the only reply
}

const (
	waiting int32 = iota // may still be dropped
	begun                // is part of a group
	left                 // its client has left; it is not to be written
)

func newWriter(first *session, open func() (*session, error), o Options) *writer {
	w := &writer{
		open: open, logger: o.Logger, observer: o.Observer, session: first, every: checkpointInterval,
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	go w.work()
	return w
}

// write runs do in a transaction and returns its error when the transaction is
// on disk.
//
//   - The context's error: the context ended first. Nothing was written if do
//     had not started; otherwise the write may have happened. The values that
//     do uses must remain unchanged.
//   - [webhook.ErrUnavailable]: nothing was written.
//   - errUncertain: the commit failed, but may have happened.
func (w *writer) write(ctx context.Context, do func(*session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{do: do, reply: make(chan error, 1)}
	if !w.enqueue(r) {
		return errClosed
	}
	select {
	case err := <-r.reply:
		return err
	case <-ctx.Done():
	}
	r.state.CompareAndSwap(waiting, left)
	select {
	case err := <-r.reply:
		return err
	default:
		return ctx.Err()
	}
}

// enqueue reports whether r will get a reply. It does not if the writer is
// closed.
func (w *writer) enqueue(r *request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.queue = append(w.queue, r)
	w.accepted++
	w.signal()
	return true
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// close ends the writer when all accepted requests have a reply, marks the file
// as whole, and reports whether it could. The session stays open.
func (w *writer) close() (whole bool) {
	w.mu.Lock()
	w.closed = true
	w.signal()
	w.mu.Unlock()
	<-w.ended
	return w.whole
}

// work is the goroutine that owns the session.
func (w *writer) work() {
	defer close(w.ended)
	for range w.wake {
		for w.pending() {
			w.commitGroup()
		}
		if w.isClosed() {
			break
		}
	}
	if err := w.markWhole(); err != nil {
		w.logger.Warn("the file keeps its log, as after a kill", "error", err)
		return
	}
	w.whole = true
}

// markWhole sets the file's mark, on a new connection if the last one was
// closed.
func (w *writer) markWhole() (err error) {
	if w.session == nil {
		if w.session, err = w.open(); err != nil {
			w.session = nil
			return err
		}
	}
	return w.session.setWhole()
}

// checkpoint checkpoints the log if it was not for a while, or at once.
func (w *writer) checkpoint(atOnce bool) {
	now := time.Now()
	if !atOnce && (now.Sub(w.checkpointed) < w.every || w.pending()) {
		return
	}
	w.checkpointed = now
	if err := w.session.checkpoint(); err != nil {
		w.logger.Warn("checkpoint of the store's log", "error", err)
	}
}

func (w *writer) pending() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) > 0
}

func (w *writer) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed && len(w.queue) == 0
}

// take moves up to n queued requests to group, except those whose clients have
// left.
func (w *writer) take(group []outcome, n int) []outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(n, len(w.queue))
	for _, r := range w.queue[:n] {
		if r.state.CompareAndSwap(waiting, begun) {
			group = append(group, outcome{request: r})
		}
	}
	rest := copy(w.queue, w.queue[n:])
	clear(w.queue[rest:])
	w.queue = w.queue[:rest]
	return group
}

// outcome is a request of the current group and its error.
type outcome struct {
	*request
	err error
}

// commitGroup runs the queued requests in one transaction and replies. Whatever
// happens, every request that it took gets a reply, and the session is clean or
// closed.
func (w *writer) commitGroup() {
	var group []outcome
	committing, began := false, time.Now()
	defer func() {
		if thrown := recover(); thrown != nil {
			err := fmt.Errorf("panic in the store's writer: %v", thrown)
			w.logger.Error("panic in the store's writer", "panic", thrown, "stack", string(debug.Stack()))
			w.fail(group, err, committing)
		}
	}()
	if err := w.begin(); err != nil {
		w.fail(w.take(nil, math.MaxInt), err, false)
		return
	}
	// Take the lock first: requests whose clients leave meanwhile are dropped,
	// and requests that arrive meanwhile are included.
	for done := 0; done < maxGroup; {
		runtime.Gosched() // clients that just got a reply are about to call again
		group = w.take(group, maxGroup-done)
		if done == len(group) {
			break
		}
		for ; done < len(group); done++ {
			o := &group[done]
			if o.err = o.do(w.session); !isOwn(o.err) {
				w.fail(group, o.err, false)
				return
			}
		}
	}
	committing = true
	if err := w.session.commit(); err != nil {
		w.fail(group, err, !isCertain(err))
		return
	}
	w.commits.Add(1)
	w.observer.committed(len(group), began)
	for _, o := range group {
		o.reply <- o.err
	}
	w.checkpoint(w.session.cleared)
}

// begin starts a transaction, on a new connection if the last one was closed.
func (w *writer) begin() (err error) {
	if w.session == nil {
		if w.session, err = w.open(); err != nil {
			w.session = nil
			return err
		}
		w.logger.Info("the store's connection is restored")
	}
	return whenFree(w.session.begin)
}

// fail closes the session, so that the next group starts clean, then replies to
// every request of the group.
func (w *writer) fail(group []outcome, err error, uncertain bool) {
	if w.session != nil {
		discardErr := w.session.discard()
		w.session = nil
		w.logger.Warn("the store's connection is replaced", "error", errors.Join(err, discardErr))
	}
	if uncertain {
		err = fmt.Errorf("%w: %w", errUncertain, err)
	} else {
		err = unavailable(err)
	}
	w.observer.failedWrites(len(group))
	for _, o := range group {
		o.reply <- err
	}
}
