package local

import (
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// entry is a message in the queue.
type entry struct {
	message webhook.Message
	line    *line
	// node is in the line's ready list while the message waits for a slot, and
	// in the queue's fresh list while its attempt runs and is not slow yet.
	node node[*entry]
	// started is when the attempt began.
	started time.Time
	// overdue reports that the running attempt has become slow.
	overdue bool
}

// record is how a webhook's recent attempts went.
type record int

const (
	// unproven: no attempt has ended yet, as far as the queue remembers.
	unproven record = iota
	// trusted: the latest attempt was quick, and no running one is slow.
	trusted
	// suspect: the latest attempt was slow, or a running one is.
	suspect
	standings // the number of records
)

// line is what the queue holds and remembers for one event key.
type line struct {
	key    webhook.EventKey
	record record
	// node is in the turns of its record while the line may start another
	// attempt.
	node  node[*line]
	ready list[*entry]
	// held counts its messages: future, waiting, and running.
	held int
	// running counts its running attempts, overdue those that are slow.
	running, overdue int
	// refused reports that a message was refused for lack of room.
	refused bool
}

// line returns the line of an event key, and creates it if need be.
func (q *Queue) line(s webhook.EventKey) *line {
	if l := q.lines[s]; l != nil {
		return l
	}
	q.forget()
	l := &line{key: s}
	l.node.owner = l
	q.lines[s] = l
	return l
}

// forget drops idle lines when there are many: a few for each new one, in the
// map's random order.
func (q *Queue) forget() {
	if len(q.lines) < remembered {
		return
	}
	looked := 0
	for s, l := range q.lines {
		if l.held == 0 {
			delete(q.lines, s)
		}
		if looked++; looked == 8 {
			return
		}
	}
}

// room returns how many more attempts may start for webhooks with a record.
func (q *Queue) room(s record) int {
	free := q.slots - q.running[unproven] - q.running[trusted] - q.running[suspect]
	if s != trusted {
		free = min(free, max(q.slots*3/4, 1)-q.running[unproven]-q.running[suspect])
	}
	if s == suspect {
		free = min(free, max(q.slots/2, 1)-q.running[suspect])
	}
	return free
}

// limit returns how many attempts the line may have running: a quarter of what
// lines with the same record could still start, so that many of them leave room
// for one more. The last eighth of all slots is reserved for one attempt per
// line, which a line may always have.
func (q *Queue) limit(l *line) int {
	if l.record == unproven {
		return 1
	}
	return min(q.perWebhook, max((q.room(l.record)-q.slots/8)/4, 1))
}

// queueUp lets the line take turns if it may start an attempt. A line that may
// not has running attempts; queueUp is called again when one of them ends.
func (q *Queue) queueUp(l *line) {
	if l.node.in == nil && l.ready.first != nil && l.running < q.limit(l) {
		q.turns[l.record].push(&l.node)
	}
}

// move gives the line another record.
func (q *Queue) move(l *line, s record) {
	if l.record == s {
		return
	}
	l.node.leave()
	q.running[l.record] -= l.running
	q.running[s] += l.running
	l.record = s
	q.queueUp(l)
}

// next starts an attempt. Records that have room take turns, and so do the
// webhooks of each record. It returns nil if there is nothing to start.
func (q *Queue) next(now time.Time) *entry {
	if !q.open {
		return nil
	}
	for range standings {
		q.turn = (q.turn + 1) % standings
		if e := q.nextOf(q.turn, now); e != nil {
			return e
		}
	}
	return nil
}

func (q *Queue) nextOf(s record, now time.Time) *entry {
	for q.room(s) > 0 && q.turns[s].first != nil {
		l := q.turns[s].first.owner
		l.node.leave()
		if l.running >= q.limit(l) {
			continue // the limit has decreased; see queueUp
		}
		e := l.ready.first.owner
		e.node.leave()
		e.started = now
		q.fresh.push(&e.node)
		l.running++
		q.running[s]++
		q.queueUp(l)
		return e
	}
	return nil
}

// suspectSlow suspects the webhooks whose attempts have become slow.
func (q *Queue) suspectSlow(now time.Time) {
	for q.fresh.first != nil && now.Sub(q.fresh.first.owner.started) >= slow {
		e := q.fresh.first.owner
		e.node.leave()
		e.overdue = true
		e.line.overdue++
		q.move(e.line, suspect)
	}
}

// finish ends an attempt. catchUp has already noted whether it was slow.
func (q *Queue) finish(e *entry) {
	e.node.leave()
	l := e.line
	l.running--
	q.running[l.record]--
	switch {
	case e.overdue:
		l.overdue--
	case l.overdue == 0:
		q.move(l, trusted)
	}
	delete(q.known, keyOf(e.message))
	q.held--
	l.held--
	q.queueUp(l)
	q.tellFreed(l)
}
