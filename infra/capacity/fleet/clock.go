package fleet

import "time"

// happening is what an event of the simulation is.
type happening uint8

// The happenings.
const (
	receives     happening = iota // a poller asks the queue
	windowCloses                  // a poller has waited for more messages long enough
	batchEnds                     // an invocation ends
	arrives                       // a message that was delayed can be received
	responds                      // a slow receiver's attempt ends
	turnsSlow                     // an attempt passes the time that makes its webhook slow
	turnsQuick                    // an attempt for a slow webhook succeeds quickly
	ticks                         // a second passes
	sweeps                        // a minute passes
	leases                        // a sweep goes on
)

// event is something that happens in the simulation.
type event struct {
	at   time.Duration
	what happening
	lane uint8
	// failed says how an attempt ends.
	failed  bool
	message message
	// index is a poller's collector, or a webhook; size a batch's.
	index, size int
}

// clock holds the events to come, as a heap with four children a node: pushes,
// which are as many as pops, cost half.
type clock struct{ events []event }

func (c *clock) push(e event) {
	c.events = append(c.events, e)
	i := len(c.events) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if c.events[parent].at <= e.at {
			break
		}
		c.events[i] = c.events[parent]
		i = parent
	}
	c.events[i] = e
}

// next returns the time of the first event. There is always a tick to come.
func (c *clock) next() time.Duration { return c.events[0].at }

func (c *clock) pop() event {
	first := c.events[0]
	n := len(c.events) - 1
	last := c.events[n]
	c.events = c.events[:n]
	if n == 0 {
		return first
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= n {
			break
		}
		least := child
		for k := child + 1; k < min(child+4, n); k++ {
			if c.events[k].at < c.events[least].at {
				least = k
			}
		}
		if last.at <= c.events[least].at {
			break
		}
		c.events[i] = c.events[least]
		i = least
	}
	c.events[i] = last
	return first
}
