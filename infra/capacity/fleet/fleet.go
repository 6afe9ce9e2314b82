// Package fleet simulates a stack of Hookline on AWS, event by event: publishers,
// receivers, SQS's queues and Lambda's mappings of them, the attempts of each
// batch, the limits of DynamoDB's partitions, retries by an API's schedule, and
// the sweeper.
//
// A simulation is determined by its arguments and its seed. It tells what follows
// from Hookline's design and from what AWS documents; what AWS does not document
// it assumes to be bad where that matters: pollers share what arrives, which
// makes batches as small as they can be; mappings grow by 300 batches a minute
// and shrink only by what was not needed for a minute; fair queues do nothing.
package fleet

import "time"

// simulation is a stack under a load.
type simulation struct {
	set     Settings
	traffic *traffic
	work    Work

	now, horizon time.Duration
	clock        clock
	lanes        []*lane
	records      records
	tables       tables
	// publishing is the time from an event's acceptance to its message's arrival.
	publishing time.Duration
	// turn is which collecting poller gets the next message.
	turn int
	// before are attempts of deliveries from before the start, of the webhooks in
	// failures.
	before     []recurring
	failures   []uint32
	sweepUntil time.Duration
	result     Result
}

const (
	fastLane = 0
	slowLane = 1
)

// Simulate runs a stack under a load until horizon. Its result leaves out what
// came before warm.
func Simulate(set Settings, load Load, work Work, seed uint64, warm, horizon time.Duration) Result {
	s := &simulation{
		set: set, traffic: newTraffic(load, seed), work: work, horizon: horizon,
		records: newRecords(horizon + 2*time.Minute),
		tables:  newTables(load),
		result:  newResult(set, load, work, warm, horizon),
	}
	// What is published together is stored together and then sent.
	s.publishing = s.result.publishing() + set.Platform.Table + set.Platform.Send
	s.lanes = []*lane{newLane(set.Fast, fastLane, pollersOfFast(set, load))}
	if set.Lanes {
		s.lanes = append(s.lanes, newLane(set.Slow, slowLane, pollersOfSlow(set, load)))
	}
	s.before = s.recurringBefore()
	s.run()
	return s.finish()
}

// pollersOfFast estimates the pollers that a mapping has after a long time, so
// that no simulation need begin with its ramp.
func pollersOfFast(set Settings, load Load) int {
	const batch = 0.5 // seconds, of ten quick receivers
	return int(load.Rate / float64(set.Fast.Batch) * batch * 1.1)
}

func pollersOfSlow(set Settings, load Load) int {
	if load.Fresh {
		return 0
	}
	attempts := load.Rate * load.Hanging * float64(1+len(load.Sending.Delays))
	return int(attempts / float64(set.Slow.Batch) * (load.Sending.Timeout + set.Slow.Window).Seconds() * 1.1)
}

// run processes events until the horizon.
func (s *simulation) run() {
	s.clock.push(event{at: time.Second, what: ticks})
	s.clock.push(event{at: sweepInterval / 2, what: sweeps})
	requests := s.traffic.Rate / float64(s.traffic.Events)
	request := s.traffic.request(requests)
	for {
		earlier, which := s.nextRecurring()
		s.now = min(request, earlier, s.clock.next())
		if s.now >= s.horizon {
			return
		}
		switch s.now {
		case s.clock.next():
			s.process(s.clock.pop())
		case request:
			for range s.traffic.Events {
				s.publish()
			}
			if request += s.traffic.request(requests); s.traffic.Until > 0 && request >= s.traffic.Until {
				request = never
			}
		default:
			s.recur(which)
		}
	}
}

func (s *simulation) process(e event) {
	l := s.lanes[e.lane]
	switch e.what {
	case receives:
		s.receive(l)
	case windowCloses:
		if c := &l.collectors[e.index]; c.open && c.generation == e.size {
			s.closeWindow(l, e.index)
		}
	case batchEnds:
		s.end(l, e.size)
	case arrives:
		s.arrive(l, e.message)
	case responds:
		s.record(e.message, e.failed)
	case turnsSlow:
		s.turnSlow(uint32(e.index), true) //nolint:gosec // it was one
	case turnsQuick:
		s.turnSlow(uint32(e.index), false) //nolint:gosec // it was one
	case leases:
		s.lease()
	case ticks:
		s.tick()
	case sweeps:
		s.sweep()
		s.clock.push(event{at: s.now + sweepInterval, what: sweeps})
	}
}

// tick is what happens each second.
func (s *simulation) tick() {
	for _, l := range s.lanes {
		l.scale(s.now)
		for range l.idle() {
			s.poll(l)
		}
	}
	s.result.look(s)
	s.clock.push(event{at: s.now + time.Second, what: ticks})
}

// lane returns the queue for an attempt.
func (s *simulation) lane(w uint32, attempt uint8) *lane {
	if s.set.Lanes && (attempt > 1 || s.traffic.isSlow(w)) {
		return s.lanes[slowLane]
	}
	return s.lanes[fastLane]
}

// publish accepts an event. Its message arrives now, so it was accepted a little
// before.
func (s *simulation) publish() {
	w := s.traffic.pick()
	if s.tables.write(s.traffic.account(w), s.now, 1) > writeTime {
		s.result.Refused++
		return
	}
	s.result.Accepted++
	accepted := s.now - s.publishing
	m := s.records.add(w, accepted, 0)
	s.tables.index(m.record, s.now, 1)
	s.records.list[m.record].next = accepted
	s.records.dueAt(m, max(accepted, 0)+firstLease)
	if !s.traffic.Outage.has(s.now) {
		s.arrive(s.lane(w, 1), m)
	}
}
