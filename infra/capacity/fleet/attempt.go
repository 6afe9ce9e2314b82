package fleet

import "time"

// invoke hands a batch to the function: it makes the attempts, each of which
// needs its share of the CPU before it is sent.
func (s *simulation) invoke(l *lane, batch []entry) {
	table := s.set.Platform.Table
	began := s.now + s.set.Platform.Invoke
	if l.busy++; l.busy > l.warm {
		l.warm = l.busy
		began += s.set.Platform.ColdStart
	}
	l.busiest = max(l.busiest, l.busy)
	each := on(l.Memory, s.work.Attempt)
	// Those that are made at once share the CPU, and so seem to take longer.
	shared := each * time.Duration(min(len(batch), l.Parallel))
	end := began + table
	p := newParallel(l.Parallel, len(batch))
	for i, e := range batch {
		start := max(began+table, p.free()) + each*time.Duration(min(i, p.width)+1)
		if start-began > batchTime {
			s.clock.push(event{at: s.now + visibility, what: arrives, lane: l.number, message: e.message})
			continue
		}
		d := s.attempt(l, e.message, start, shared)
		p.use(start + d)
		end = max(end, start+d)
	}
	end += table
	l.used.batch(len(batch), l.busy, float64(l.Memory)/1024*(end-s.now).Seconds())
	s.clock.push(event{at: end, what: batchEnds, lane: l.number, size: len(batch)})
}

// attempt makes an attempt that begins at start, and returns how long its receiver
// takes. It seems to take as much longer as it shares the CPU. What a quick one
// leads to is recorded at once.
func (s *simulation) attempt(l *lane, m message, start, shared time.Duration) time.Duration {
	rec := s.records.get(m)
	if rec == nil {
		l.used.Dropped++
		return 0
	}
	w := rec.webhook
	k := s.traffic.kind(w, start)
	if rec.attempts == 0 && !s.traffic.Outage.has(rec.accepted) {
		s.result.attempted(start, start-rec.accepted, k, s.traffic.large(w))
	}
	l.used.Attempts++
	d, failed := s.traffic.Receivers.Response(s.traffic.random, k, s.traffic.Sending.Timeout)
	if d+shared <= slowAfter {
		if !failed && s.traffic.isSlow(w) {
			s.clock.push(event{at: start + d, what: turnsQuick, index: int(w)})
		}
		s.record(m, failed)
		return d
	}
	if s.set.Lanes && !s.traffic.isSlow(w) {
		s.clock.push(event{at: start + slowAfter, what: turnsSlow, index: int(w)})
	}
	if s.set.HandOver && l.number == fastLane {
		s.result.HandedOver++
		s.result.Sends++
		s.clock.push(event{at: start + slowAfter + s.set.Platform.Send, what: arrives, lane: slowLane, message: m})
		return slowAfter
	}
	s.clock.push(event{at: start + d, what: responds, lane: l.number, message: m, failed: failed})
	return d + min(s.tables.wait(s.traffic.account(w), s.now), writeTime)
}

// turnSlow writes or clears slow_since.
func (s *simulation) turnSlow(w uint32, now bool) {
	if s.set.Lanes && s.traffic.setSlow(w, now) {
		s.tables.writes++
	}
}

// record writes an attempt's result.
func (s *simulation) record(m message, failed bool) {
	rec := s.records.get(m)
	if rec == nil {
		return // the result of another attempt came first
	}
	units := 1
	if failed {
		units = failureWrites
	}
	if s.tables.write(s.traffic.account(rec.webhook), s.now, units) > writeTime {
		s.result.Unwritten++
		s.clock.push(event{at: s.now + visibility, what: arrives, lane: s.lane(rec.webhook, m.attempt).number, message: m})
		return
	}
	if !failed {
		s.tables.index(m.record, s.now, 1)
		s.result.Delivered++
		s.records.remove(m)
		return
	}
	s.tables.index(m.record, s.now, 2)
	s.result.Failed++
	rec.attempts++
	rec.leases = 0
	if int(rec.attempts) > len(s.traffic.Sending.Delays) {
		s.records.remove(m)
		return
	}
	s.retry(m.record)
}

// retry puts the next attempt of a record on its way: as a delayed message, or
// for the sweeper to find. What comes after the horizon is forgotten.
func (s *simulation) retry(i uint32) {
	rec := &s.records.list[i]
	delay := s.traffic.jitter(s.traffic.Sending.Delays[rec.attempts-1])
	rec.next = s.now + delay
	m := message{i, rec.generation, rec.attempts + 1}
	switch {
	case rec.next > s.horizon+sweepAhead:
		s.records.remove(m)
		s.result.Waiting++
	case delay > maxDelay:
		s.records.dueAt(m, rec.next)
	default:
		s.records.dueAt(m, rec.next+firstLease)
		s.result.Sends++
		if !s.traffic.Outage.has(s.now) {
			s.clock.push(event{at: rec.next, what: arrives, lane: s.lane(rec.webhook, m.attempt).number, message: m})
		}
	}
}
