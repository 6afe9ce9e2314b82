package fleet

import "time"

// entry is a message in a queue, and since when it can be received.
type entry struct {
	message message
	since   time.Duration
}

// lane is a queue with its mapping and its function.
type lane struct {
	LaneSettings
	number uint8
	// entries from head on are what can be received.
	entries []entry
	head    int
	// pollers is how many batches the mapping makes at once now, of which busy
	// are under way, receiving ask the queue, and collecting wait for more.
	pollers, busy, receiving int
	collectors               []collector
	open                     []int // indexes of those that collect
	inFlight                 int
	// warm is how many execution environments there are.
	warm int
	// busiest is the most that were busy in the last minute.
	busiest int
	used    Usage
}

// collector is a poller that waits for a batch to fill.
type collector struct {
	messages   []entry
	generation int
	open       bool
}

// Usage is what a lane has used.
type Usage struct {
	// Batches are invocations, of Messages; Requests are those to SQS that received
	// and deleted them.
	Batches, Messages, Requests int
	// Attempts were made; Dropped messages had nothing to do.
	Attempts, Dropped int
	GBSeconds         float64
	// Busiest is the most batches at once, Deepest the most messages that waited.
	Busiest, Deepest int
}

// batch counts an invocation.
func (u *Usage) batch(messages, busy int, gbSeconds float64) {
	u.Batches++
	u.Messages += messages
	u.Requests += 2 * ((messages + maxReceived - 1) / maxReceived)
	u.GBSeconds += gbSeconds
	u.Busiest = max(u.Busiest, busy)
}

func newLane(s LaneSettings, number uint8, pollers int) *lane {
	if s.Pollers > 0 {
		pollers = s.Pollers
	}
	p := min(max(pollers, firstPollers), s.Concurrency)
	return &lane{LaneSettings: s, number: number, pollers: p, warm: p}
}

// visible is how many messages can be received.
func (l *lane) visible() int { return len(l.entries) - l.head }

// idle is how many pollers do nothing.
func (l *lane) idle() int { return l.pollers - l.busy - l.receiving - len(l.open) }

// oldest is how long the oldest message has waited.
func (l *lane) oldest(now time.Duration) time.Duration {
	if l.visible() == 0 {
		return 0
	}
	return now - l.entries[l.head].since
}

// take removes up to n messages from the queue.
func (l *lane) take(n int) []entry {
	n = min(n, l.visible())
	taken := l.entries[l.head : l.head+n]
	l.head += n
	if l.head == len(l.entries) {
		l.entries, l.head = l.entries[:0], 0
	} else if l.head > 1<<16 && l.head > len(l.entries)/2 {
		l.entries = append(make([]entry, 0, 2*l.visible()), l.entries[l.head:]...)
		l.head = 0
	}
	return taken
}

// arrive puts a message into the queue, or gives it to a poller that waits for
// its batch to fill. The pollers share what comes: each empty one takes a message
// first, which makes batches as small as they can be.
func (s *simulation) arrive(l *lane, m message) {
	e := entry{m, s.now}
	if l.idle() <= 0 && len(l.open) > 0 && l.visible() == 0 && l.inFlight < maxInFlight {
		i := l.open[s.turn%len(l.open)]
		s.turn++
		c := &l.collectors[i]
		c.messages = append(c.messages, e)
		l.inFlight++
		if len(c.messages) >= l.Batch {
			s.closeWindow(l, i)
		}
		return
	}
	l.entries = append(l.entries, e)
	s.poll(l)
}

// poll lets an idle poller ask for messages, if there are any for it.
func (s *simulation) poll(l *lane) {
	waiting := l.visible()
	if l.Window == 0 {
		waiting -= l.receiving * maxReceived
	} else {
		waiting -= l.receiving
	}
	if waiting <= 0 || l.idle() <= 0 || l.inFlight >= maxInFlight {
		return
	}
	l.receiving++
	s.clock.push(event{at: s.now + s.set.Platform.Receive, what: receives, lane: l.number})
}

// receive is a poller's request to the queue.
func (s *simulation) receive(l *lane) {
	l.receiving--
	if s.executions() >= s.set.Account-s.set.Others {
		s.result.Throttled++
		return // the next batch that ends polls again
	}
	limit := l.Batch
	if l.Window > 0 && l.visible() < l.Batch {
		// Pollers that ask at the same time share what there is.
		limit = max(1, l.visible()/(1+l.receiving))
	}
	batch := l.take(limit)
	if len(batch) == 0 {
		return
	}
	l.inFlight += len(batch)
	if l.Window == 0 || len(batch) >= l.Batch {
		s.invoke(l, batch)
	} else {
		s.collect(l, batch)
	}
	s.poll(l)
}

// collect has a poller wait for more messages.
func (s *simulation) collect(l *lane, batch []entry) {
	i := 0
	for i < len(l.collectors) && l.collectors[i].open {
		i++
	}
	if i == len(l.collectors) {
		l.collectors = append(l.collectors, collector{})
	}
	c := &l.collectors[i]
	c.open = true
	c.generation++
	c.messages = append(c.messages[:0], batch...)
	l.open = append(l.open, i)
	s.clock.push(event{at: s.now + l.Window, what: windowCloses, lane: l.number, index: i, size: c.generation})
}

// closeWindow invokes the function with what a poller has.
func (s *simulation) closeWindow(l *lane, i int) {
	c := &l.collectors[i]
	c.open = false
	for k, other := range l.open {
		if other == i {
			l.open = append(l.open[:k], l.open[k+1:]...)
			break
		}
	}
	s.invoke(l, c.messages)
}

// end is the end of an invocation.
func (s *simulation) end(l *lane, size int) {
	l.busy--
	l.inFlight -= size
	s.poll(l)
	for _, other := range s.lanes {
		if other != l {
			s.poll(other)
		}
	}
}

// executions is how many invocations of deliver are under way.
func (s *simulation) executions() int {
	n := 0
	for _, l := range s.lanes {
		n += l.busy
	}
	return n
}

// scale adds pollers while messages are left, and once a minute takes away those
// that were not needed in it.
func (l *lane) scale(now time.Duration) {
	if l.visible() > 0 && l.idle() <= 0 {
		l.pollers = min(l.pollers+addedPollers, l.Concurrency)
	}
	if now%time.Minute == 0 {
		l.pollers = max(min(l.pollers, l.busiest+firstPollers), min(firstPollers, l.Concurrency))
		l.busiest = l.busy
	}
	l.used.Deepest = max(l.used.Deepest, l.visible())
}
