package fleet

import (
	"slices"
	"time"
)

// recurring are the attempts of one number that deliveries from before the
// simulation have to come, where a message carries them.
type recurring struct {
	attempt uint8
	rate    float64 // a second
	next    time.Duration
	until   time.Duration
}

// recurringBefore returns what deliveries from before the start still want in a stack that
// has run for long: of attempt k as many a second as there are deliveries whose
// attempts all fail, until those of the simulation itself get there.
func (s *simulation) recurringBefore() []recurring {
	var list []recurring
	t := s.traffic
	rate := t.Rate * (1 - t.Customer.Share) * (t.Hanging + t.Dead)
	if t.Fresh || rate == 0 {
		return nil
	}
	for len(s.failures) < manyFailures {
		if w := t.pick(); !t.large(w) && t.kind(w, 0) >= Dead {
			s.failures = append(s.failures, w)
		}
	}
	var age time.Duration
	for i, delay := range t.Sending.Delays {
		age += time.Duration(float64(delay) * (1 + jitterShare/2))
		r := recurring{attempt: uint8(i + 2), rate: rate, until: age, next: t.gap(rate)}
		if delay > maxDelay {
			// The last sweep before the start has sent for the first ones, and the
			// first one after it finds the others.
			list = append(list, recurring{attempt: r.attempt, rate: rate, until: age, next: -1})
			r.until = sweepAhead - sweepInterval/2
		}
		list = append(list, r)
	}
	return list
}

const never = time.Duration(1<<63 - 1)

// nextRecurring returns the first message of before.
func (s *simulation) nextRecurring() (time.Duration, int) {
	at, which := never, -1
	for i := range s.before {
		if r := &s.before[i]; r.next >= 0 && r.next < r.until && r.next < at {
			at, which = r.next, i
		}
	}
	return at, which
}

// recur has a message of before arrive.
func (s *simulation) recur(which int) {
	r := &s.before[which]
	r.next += s.traffic.gap(r.rate)
	m := s.failing(r.attempt)
	s.records.dueAt(m, s.now+firstLease)
	s.result.Sends++
	s.arrive(s.lane(s.records.list[m.record].webhook, m.attempt), m)
}

// manyFailures are enough webhooks to draw those from that always fail.
const manyFailures = 20_000

// failing adds a delivery from before the start, of which all attempts fail.
func (s *simulation) failing(attempt uint8) message {
	w := s.failures[s.traffic.random.IntN(len(s.failures))]
	return s.records.add(w, -time.Hour, attempt-1)
}

// found adds to the index what deliveries from before the start want from the
// sweeper, due between two times.
func (s *simulation) found(from, to time.Duration) {
	for i := range s.before {
		r := &s.before[i]
		end := min(to, r.until)
		if r.next >= 0 || end <= from {
			continue
		}
		for range s.traffic.poisson(r.rate * (end - from).Seconds()) {
			m := s.failing(r.attempt)
			at := from + time.Duration(s.traffic.random.Float64()*float64(end-from))
			s.records.list[m.record].next = at
			s.records.dueAt(m, at)
		}
	}
}

// sweep leases what is due and sends for it, as much as it has time for.
func (s *simulation) sweep() {
	s.found(s.now-sweepInterval+sweepAhead, s.now+sweepAhead)
	if s.traffic.Outage.has(s.now) {
		return
	}
	s.records.late = slices.Concat(s.records.late, s.records.deferred, s.due())
	s.records.deferred = nil
	s.sweepUntil = s.now + sweepTime
	s.lease()
}

// leaseStep is how often leases are counted: those of a step are made together.
const leaseStep = 50 * time.Millisecond

// lease makes as many leases as the sweepers make in a step.
func (s *simulation) lease() {
	rate := s.set.LeaseRate(s.work)
	n := min(max(1, int(rate*leaseStep.Seconds())), len(s.records.late))
	for _, m := range s.records.late[:n] {
		s.leaseOne(m)
	}
	s.records.late = s.records.late[n:]
	if len(s.records.late) > 0 && s.now+leaseStep < s.sweepUntil {
		s.clock.push(event{at: s.now + leaseStep, what: leases})
		return
	}
}

// due returns what a sweep finds: what it had no time for before, what is late,
// and what was never sent for and is due soon.
func (s *simulation) due() []message {
	var found []message
	last := min(int((s.now+sweepAhead)/time.Second), len(s.records.due)-1)
	for second := s.records.from; second <= last; second++ {
		bucket := s.records.due[second]
		if len(bucket) == 0 {
			continue
		}
		late := time.Duration(second)*time.Second < s.now
		var rest []message
		for _, m := range bucket {
			rec := s.records.get(m)
			switch {
			case rec == nil || int(rec.due/time.Second) != second:
			case late || rec.due == rec.next:
				found = append(found, m)
			default:
				rest = append(rest, m)
			}
		}
		s.records.due[second] = rest
	}
	s.records.from = int(s.now / time.Second)
	return found
}

// leaseOne gives a record a new lease and sends its message.
func (s *simulation) leaseOne(m message) {
	rec := s.records.get(m)
	if rec == nil {
		return
	}
	if s.tables.write(s.traffic.account(rec.webhook), s.now, 1) > writeTime {
		s.records.deferred = append(s.records.deferred, m)
		return
	}
	s.tables.index(m.record, s.now, 2)
	s.result.Leases++
	s.records.dueAt(m, max(rec.next, s.now)+firstLease<<min(rec.leases, maxDoublings))
	rec.leases++
	l := s.lanes[len(s.lanes)-1]
	s.clock.push(event{at: max(rec.next, s.now), what: arrives, lane: l.number, message: m})
}
