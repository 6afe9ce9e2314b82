package local

import "time"

// Stats is what a queue holds at a moment.
type Stats struct {
	// Unproven, Trusted and Suspect are by what is known of the webhooks.
	Unproven, Trusted, Suspect Lane
	// Later counts the messages whose time has not come.
	Later int
	// Ready counts those whose time has come and that wait for a slot. Since is
	// the time of the oldest; zero if there is none.
	Ready int
	Since time.Time
	// Capacity is how many messages the queue holds at most, Slots how many
	// attempts run at once.
	Capacity, Slots int
}

// Lane is a part of a queue: the messages that it holds, those of running
// attempts included, and the running attempts.
type Lane struct{ Held, Running int }

// Stats counts what the queue holds.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	count := func(l lane) Lane { return Lane{Held: q.heldBy[l], Running: q.running[l]} }
	s := Stats{
		Unproven: count(unproven), Trusted: count(trusted), Suspect: count(suspect),
		Later: len(q.later.heap), Capacity: q.capacity, Slots: q.slots,
	}
	s.Ready = q.held - s.Later - s.Unproven.Running - s.Trusted.Running - s.Suspect.Running
	if s.Ready == 0 {
		return s
	}
	for _, l := range q.lines {
		if n := l.ready.first; n != nil && (s.Since.IsZero() || n.owner.message.At.Before(s.Since)) {
			s.Since = n.owner.message.At
		}
	}
	return s
}
