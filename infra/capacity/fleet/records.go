package fleet

import "time"

// message asks for an attempt of a record. A record's place is used again, under
// another generation.
type message struct {
	record, generation uint32
	attempt            uint8
}

// record is a delivery that is not final.
type record struct {
	accepted   time.Duration
	next, due  time.Duration
	webhook    uint32
	generation uint32
	attempts   uint8
	leases     uint8
	open       bool
}

// records are the deliveries that are not final, and the index of what is due.
type records struct {
	list []record
	free []uint32
	// due has, for each second, the records whose lease ends in it or whose
	// attempt is due in it. Those whose time has changed stand in it twice.
	due [][]message
	// from is the first second that a sweep has not passed.
	from int
	// late are those that were due and that no sweep had time for.
	late []message
	// deferred are those whose partition had no room for a lease.
	deferred []message
}

func newRecords(horizon time.Duration) records {
	return records{due: make([][]message, int(horizon/time.Second)+2)}
}

// add makes a record and returns the message for its next attempt.
func (r *records) add(w uint32, accepted time.Duration, attempts uint8) message {
	if n := len(r.free); n > 0 {
		i := r.free[n-1]
		r.free = r.free[:n-1]
		generation := r.list[i].generation
		r.list[i] = record{accepted: accepted, webhook: w, attempts: attempts, generation: generation, open: true}
		return message{i, generation, attempts + 1}
	}
	r.list = append(r.list, record{accepted: accepted, webhook: w, attempts: attempts, open: true})
	return message{uint32(len(r.list) - 1), 0, attempts + 1} //nolint:gosec // memory ends sooner
}

// get returns the record of a message, nil if it is final or if the message is
// for another attempt.
func (r *records) get(m message) *record {
	rec := &r.list[m.record]
	if !rec.open || rec.generation != m.generation || rec.attempts+1 != m.attempt {
		return nil
	}
	return rec
}

// remove ends a record.
func (r *records) remove(m message) {
	rec := &r.list[m.record]
	rec.open = false
	rec.generation++
	r.free = append(r.free, m.record)
}

// dueAt puts a record into the index at a time.
func (r *records) dueAt(m message, at time.Duration) {
	r.list[m.record].due = at
	if second := int(at / time.Second); second < len(r.due) {
		r.due[second] = append(r.due[second], m)
	}
}
