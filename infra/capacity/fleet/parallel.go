package fleet

import (
	"slices"
	"time"
)

// parallel says when the next attempt of a batch may begin, where not all are
// made at once.
type parallel struct {
	width int
	ends  []time.Duration // of those under way, in order; nil if all are made at once
}

func newParallel(width, batch int) *parallel {
	if width >= batch {
		return &parallel{width: batch}
	}
	return &parallel{width: width, ends: make([]time.Duration, 0, width)}
}

// free is when there is room for another.
func (p *parallel) free() time.Duration {
	if len(p.ends) < p.width || p.ends == nil {
		return 0
	}
	return p.ends[0]
}

// use takes the room until end.
func (p *parallel) use(end time.Duration) {
	if p.ends == nil {
		return
	}
	if len(p.ends) == p.width {
		p.ends = p.ends[1:]
	}
	at, _ := slices.BinarySearch(p.ends, end)
	p.ends = slices.Insert(p.ends, at, end)
}
