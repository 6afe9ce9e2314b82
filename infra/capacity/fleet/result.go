package fleet

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a simulation found, from its warm time on.
type Result struct {
	Settings      Settings
	Load          Load
	Work          Work
	Warm, Horizon time.Duration

	// healthy are the times from publishing to the first attempt of quick
	// receivers, without the large customer's.
	healthy, current *hdrhistogram.Histogram
	// begun are the times at which first attempts began.
	begun   *hdrhistogram.Histogram
	Minutes []Minute

	// Accepted events were stored; Refused ones would have waited too long for the
	// account's partition.
	Accepted, Refused int
	// Delivered and Failed are attempts, by their result. Unwritten ones were made
	// and could not be recorded, and are made again. HandedOver ones were ended in
	// the fast lane.
	Delivered, Failed, Unwritten, HandedOver int
	// Waiting are deliveries whose next attempt is after the horizon.
	Waiting int
	// Leases were given by the sweeper; Sends are messages that a worker sent.
	Leases, Sends int
	// Lanes are what the fast lane used, and the slow one.
	Lanes []Usage
	// Writes are DynamoDB's write units, of the tables and the index. Delayed
	// counts the writes that a partition made wait.
	Writes  float64
	Delayed int
	// Throttled counts batches that the account's quota put off.
	Throttled int
}

// Minute is what the simulation looked like at the end of a minute.
type Minute struct {
	// P50 and P99 are those of healthy receivers in it.
	P50, P99 time.Duration
	// Backlog is how many messages wait in each lane, and Oldest since when.
	Backlog [2]int
	Oldest  [2]time.Duration
	Busy    [2]int // batches
	Late    int    // records that are due, and no sweep had time or room for
	Refused int    // events, since the start
}

// longest is the longest time that is measured.
const longest = 12 * time.Hour

func newResult(set Settings, load Load, work Work, warm, horizon time.Duration) Result {
	histogram := func() *hdrhistogram.Histogram {
		return hdrhistogram.New(1, int64(longest/time.Microsecond), 3)
	}
	return Result{
		Settings: set, Load: load, Work: work, Warm: warm, Horizon: horizon,
		healthy: histogram(), current: histogram(), begun: histogram(),
	}
}

// attempted notes a first attempt.
func (r *Result) attempted(at, since time.Duration, k Kind, large bool) {
	_ = r.begun.RecordValue(at.Microseconds()) // no simulation is so long
	if k != Quick || large {
		return
	}
	us := min(since, longest).Microseconds()
	_ = r.current.RecordValue(us)
	_ = r.healthy.RecordValue(us)
}

// look notes the state of a simulation.
func (r *Result) look(s *simulation) {
	if s.now == r.Warm {
		s.restart()
	}
	if s.now%time.Minute != 0 {
		return
	}
	m := Minute{P50: quantile(r.current, 50), P99: quantile(r.current, 99), Late: len(s.records.late) + len(s.records.deferred), Refused: r.Refused}
	for i, l := range s.lanes {
		m.Backlog[i], m.Oldest[i], m.Busy[i] = l.visible(), l.oldest(s.now), l.busy
	}
	r.current.Reset()
	r.Minutes = append(r.Minutes, m)
}

// restart begins to count.
func (s *simulation) restart() {
	minutes, current := s.result.Minutes, s.result.current
	s.result = newResult(s.set, s.traffic.Load, s.work, s.result.Warm, s.horizon)
	s.result.Minutes, s.result.current = minutes, current
	s.tables.writes, s.tables.throttled = 0, 0
	for _, l := range s.lanes {
		l.used = Usage{}
	}
}

func quantile(h *hdrhistogram.Histogram, percent float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(percent)) * time.Microsecond
}

// finish returns the result.
func (s *simulation) finish() Result {
	for _, l := range s.lanes {
		s.result.Lanes = append(s.result.Lanes, l.used)
	}
	s.result.Writes, s.result.Delayed = s.tables.writes, s.tables.throttled
	return s.result
}

// Healthy returns a percentile of the time from publishing to the first attempt
// of healthy receivers.
func (r Result) Healthy(percent float64) time.Duration { return quantile(r.healthy, percent) }

// Begun returns when a percentage of the first attempts had begun.
func (r Result) Begun(percent float64) time.Duration { return quantile(r.begun, percent) }

// Attempts counts the attempts that were made.
func (r Result) Attempts() int {
	n := 0
	for _, u := range r.Lanes {
		n += u.Attempts
	}
	return n
}

// Backlog is how many messages and due records waited at the end.
func (r Result) Backlog() int {
	last := r.Minutes[len(r.Minutes)-1]
	return last.Backlog[fastLane] + last.Backlog[slowLane] + last.Late
}

// publishing is how long a request to publish takes beside DynamoDB and SQS.
func (r Result) publishing() time.Duration {
	return on(r.Settings.PublishMemory, r.Work.Publication) * time.Duration(r.Load.Events)
}

// PublishTime is how long the function publish runs for a request.
func (r Result) PublishTime() time.Duration {
	return r.publishing() + 2*r.Settings.Platform.Table + r.Settings.Platform.Send
}
