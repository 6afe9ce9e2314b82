package notice

import "time"

// Ages lists the times that a sweep leaves for later ones to compare with.
func (n *Notifier) Ages() []time.Time { return []time.Time{n.seen, n.whole} }
