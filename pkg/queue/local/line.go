package local

import (
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// entry is a message in the queue.
type entry struct {
	message webhook.Message
	line    *line
	// node is in the line's ready while the message waits for a slot, and in
	// the queue's fresh while its attempt runs and is not slow yet.
	node node[*entry]
	// started is when the attempt began.
	started time.Time
	// overdue is set when the attempt has become slow while it runs.
	overdue bool
}

// record says what a webhook's recent attempts make of it.
type record int

const (
	// unproven: no attempt has ended yet, as far as is remembered.
	unproven record = iota
	// trusted: the latest attempt was quick, and none under way is slow.
	trusted
	// suspect: an attempt under way is slow, or the latest was.
	suspect
	standings // how many there are
)

// line is what the queue holds for one event key, and what it remembers of it.
type line struct {
	key    webhook.EventKey
	record record
	// node is in the turns of its standing while the line may start another
	// attempt.
	node  node[*line]
	ready list[*entry]
	// held counts its messages: those to come, waiting, and under way.
	held int
	// running counts its attempts under way, overdue those that are slow.
	running, overdue int
	// refused is set when there was no room for another message.
	refused bool
}

// line gives the event key's, made if need be.
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

// forget drops what is remembered of idle subjects when it has become much: a
// few, picked by the map's random order, for each one that comes.
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

// room is how many more attempts may start for webhooks of a standing.
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

// limit is how many attempts the line may have under way: a quarter of what
// its like could still start, so that many of them leave room for one more.
// The last eighth of all slots is for one attempt each, and one each may always
// have.
func (q *Queue) limit(l *line) int {
	if l.record == unproven {
		return 1
	}
	return min(q.perWebhook, max((q.room(l.record)-q.slots/8)/4, 1))
}

// queueUp lets the line take turns if it may start an attempt. One that may
// not has some under way, and comes here when one of them ends.
func (q *Queue) queueUp(l *line) {
	if l.node.in == nil && l.ready.first != nil && l.running < q.limit(l) {
		q.turns[l.record].push(&l.node)
	}
}

// move gives the line another standing.
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

// next starts an attempt: of a standing that has room, in turn, and of a
// webhook of that standing, in turn. It gives nil when there is none to start.
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
			continue // the limit has sunk since; see queueUp
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

// suspectSlow marks the webhooks of attempts that have become slow.
func (q *Queue) suspectSlow(now time.Time) {
	for q.fresh.first != nil && now.Sub(q.fresh.first.owner.started) >= slow {
		e := q.fresh.first.owner
		e.node.leave()
		e.overdue = true
		e.line.overdue++
		q.move(e.line, suspect)
	}
}

// finish ends an attempt; catchUp has noted whether it was slow.
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
