package local

import "time"

// room returns how many more attempts may start in a lane.
func (q *Queue) room(s lane) int {
	free := q.slots - q.running[unproven] - q.running[trusted] - q.running[suspect]
	if s == trusted {
		return free
	}
	other, reserved := suspect, q.slots/4
	if s == suspect {
		other, reserved = unproven, q.slots*3/8
	}
	return min(free, max(q.slots*7/8, 1)-q.running[s]-max(q.running[other], reserved))
}

// left returns how many more attempts the part may start without its least
// share, which is one: it may have a quarter of what it leaves of the room, so
// that many accounts leave room for one more. With trusted webhooks it may have
// as many as it leaves, less those that have become slow; the last quarter of
// all slots is reserved for the least shares.
func (q *Queue) left(p *part) int {
	if p.lane != trusted {
		return q.room(p.lane)/4 - p.running
	}
	return q.room(trusted) - q.slots/4 - p.account.parts[suspect].running - p.running
}

// mayStart reports whether the part may start an attempt.
func (q *Queue) mayStart(p *part) bool { return p.running == 0 || q.left(p) > 0 }

// limit returns how many attempts the line may have running: a quarter of what
// its part could still start, but at least one.
func (q *Queue) limit(l *line) int {
	if l.lane == unproven {
		return 1
	}
	return min(q.perWebhook, max(q.left(l.part())/4, 1))
}

// queueUp lets the line take turns if it may start an attempt. A line that may
// not has running attempts; queueUp is called again when one of them ends.
func (q *Queue) queueUp(l *line) {
	if l.node.in == nil && l.ready.first != nil && l.running < q.limit(l) {
		l.part().turns.push(&l.node)
	}
	q.queueUpPart(l.part())
}

// queueUpPart lets the part take turns if one of its lines does. If it has as
// many attempts running as it may, it is blocked until some end.
func (q *Queue) queueUpPart(p *part) {
	turns := &q.turns[p.lane]
	if p.node.in == turns {
		return // and keeps its place; see nextOf
	}
	p.node.leave()
	switch {
	case p.turns.first == nil:
	case q.mayStart(p):
		turns.push(&p.node)
	default:
		q.blocked[p.lane].push(&p.node)
	}
}

// unblock looks at one blocked part of each lane when the room has grown. All
// blocked parts have running attempts, so that none waits in vain.
func (q *Queue) unblock() {
	for s := range lanes {
		if n := q.blocked[s].first; n != nil {
			q.queueUpPart(n.owner)
		}
	}
}

// move puts the line into another lane.
func (q *Queue) move(l *line, s lane) {
	if l.lane == s {
		return
	}
	l.node.leave()
	l.part().held -= l.held
	q.heldBy[l.lane] -= l.held
	l.lane = s
	l.part().held += l.held
	q.heldBy[l.lane] += l.held
	q.queueUp(l)
}

// next starts an attempt. Lanes that have room take turns, and so do the
// accounts of each lane and the webhooks of each account. It returns nil if
// there is nothing to start.
func (q *Queue) next(now time.Time) *entry {
	if !q.open {
		return nil
	}
	for range lanes {
		q.turn = (q.turn + 1) % lanes
		if e := q.nextOf(q.turn); e != nil {
			e.started = now
			q.fresh.push(&e.node)
			return e
		}
	}
	return nil
}

func (q *Queue) nextOf(s lane) *entry {
	for q.room(s) > 0 && q.turns[s].first != nil {
		p := q.turns[s].first.owner
		p.node.leave()
		if !q.mayStart(p) {
			q.queueUpPart(p) // what it may have has decreased
			continue
		}
		if e := q.nextIn(p); e != nil {
			return e
		}
	}
	return nil
}

func (q *Queue) nextIn(p *part) *entry {
	for p.turns.first != nil {
		l := p.turns.first.owner
		l.node.leave()
		if l.running >= q.limit(l) {
			continue // the limit has decreased; see queueUp
		}
		e := l.ready.first.owner
		e.node.leave()
		l.running++
		q.count(e, p)
		q.queueUp(l)
		return e
	}
	return nil
}

// count counts a running attempt in a part, and no longer in the one before.
func (q *Queue) count(e *entry, p *part) {
	if was := e.part; was != nil {
		was.running--
		q.running[was.lane]--
		defer q.queueUpPart(was)
	}
	if e.part = p; p != nil {
		p.running++
		q.running[p.lane]++
	}
}

// suspectSlow suspects the webhooks whose attempts have become slow.
func (q *Queue) suspectSlow(now time.Time) {
	for q.fresh.first != nil && now.Sub(q.fresh.first.owner.started) >= slow {
		e := q.fresh.first.owner
		e.node.leave()
		e.overdue = true
		e.line.overdue++
		if e.part.lane == trusted {
			q.count(e, &e.line.account.parts[suspect])
		}
		q.move(e.line, suspect)
	}
}

// finish ends an attempt. catchUp has already noted whether it was slow.
func (q *Queue) finish(e *entry) {
	e.node.leave()
	l := e.line
	l.running--
	q.count(e, nil)
	switch {
	case e.overdue:
		l.overdue--
	case l.overdue == 0:
		q.move(l, trusted)
	}
	delete(q.known, keyOf(e.message))
	q.hold(l, -1)
	q.queueUp(l)
	q.unblock()
	q.tellFreed(l.account)
}
