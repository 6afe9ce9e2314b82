package local

import (
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// spare returns the room that Lease does not give away, so that messages sent
// between Lease and Send still find room.
func (q *Queue) spare() int { return q.capacity / 16 }

// share returns how many messages an account may hold for its webhooks in a
// lane: as many as remain for all others if they are trusted, otherwise an
// eighth of that.
func (q *Queue) share(s lane) int {
	left := q.capacity - q.spare() - q.held
	if s != trusted && left > 0 {
		return max(left/8, 1)
	}
	return left
}

// Lease returns how long an attempt is left to the queue: 120 seconds. ok is
// false if there is no room for the event key: the queue is full or has
// stopped, or the event key holds as much as its account may still have. Then
// see [Queue.Freed].
func (q *Queue) Lease(s webhook.EventKey) (_ time.Duration, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return 0, false
	}
	l, a := q.lines[lineKey{EventKey: s}], q.accounts[s.Account]
	if l == nil {
		l = new(line)
	}
	share := q.share(l.lane)
	if share <= 0 {
		q.full = true
	}
	if a == nil {
		return lease, share > 0
	}
	p := &a.parts[l.lane]
	if l.held < share-p.held {
		return lease, true
	}
	if p.held > 0 {
		p.refused = true
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

// hold counts messages of a line that come, or go if n is negative.
func (q *Queue) hold(l *line, n int) {
	q.held += n
	q.heldBy[l.lane] += n
	l.held += n
	l.part().held += n
}

// Freed returns a channel that signals that there may be room again after a
// refusal: when the queue has room for all, or when an account that was refused
// holds a quarter of its share.
func (q *Queue) Freed() <-chan struct{} { return q.freed }

// tellFreed sends the signal after a message of the account is done.
func (q *Queue) tellFreed(a *account) {
	left := q.share(trusted)
	freed := q.full && left > 0 && left >= q.spare()
	if freed {
		q.full = false
	}
	for s := range lanes {
		p := &a.parts[s]
		switch {
		case !p.refused:
		case left > 0 && p.held <= q.share(s)/4:
			p.refused, freed = false, true
		case a.held() == 0:
			p.refused, q.full = false, true // no message of it is left that could signal
		}
	}
	if !freed {
		return
	}
	select {
	case q.freed <- struct{}{}:
	default: // a signal is pending
	}
}
