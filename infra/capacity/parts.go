package main

import (
	"fmt"
	"time"

	"github.com/hookline/hookline/infra/capacity/fleet"
)

// daily has each webhook get one event a day.
func daily(l fleet.Load) fleet.Load {
	l.Webhooks, l.Skew = int(l.Rate*aDay), 1
	return l
}

// part is 1,000 deliveries a second of which 5 % hang, with something changed.
type part struct {
	name   string
	change func(*fleet.Settings, *fleet.Load)
	// waits says that healthy receivers wait, and fails that a backlog grows.
	waits, fails bool
}

// parts are the rows of the third table. Each but the first three takes away what
// the design rests on.
var parts = []part{
	{"as it is", func(*fleet.Settings, *fleet.Load) {}, false, false},
	{"each webhook gets one event a day", func(_ *fleet.Settings, l *fleet.Load) { *l = daily(*l) }, false, false},
	{"the same on the first day, when no webhook is known as slow", func(s *fleet.Settings, l *fleet.Load) {
		*l = daily(*l)
		l.Fresh, s.Fast.Concurrency = true, 850
	}, true, false},
	{"one lane of 950 batches", func(s *fleet.Settings, _ *fleet.Load) { s.Lanes, s.Fast.Concurrency = false, 950 }, true, true},
	{"the slow lane makes ten attempts of a batch at once", func(s *fleet.Settings, _ *fleet.Load) { s.Slow.Parallel = 10 }, false, true},
	{"one sweeper of 256 MB", func(s *fleet.Settings, _ *fleet.Load) { s.Sweepers, s.SweepMemory = 1, 256 }, false, true},
}

func (p part) simulate(w fleet.Work) (fleet.Result, error) {
	l, err := load(1000, 0.05)
	if err != nil {
		return fleet.Result{}, err
	}
	set := stack(150, 110)
	p.change(&set, &l)
	return fleet.Simulate(set, l, w, seed, warmTime, steadyTime), nil
}

// grows reports whether more waits at the end of a simulation than in the middle,
// and too much.
func grows(r fleet.Result) bool {
	const some = 10_000
	at := func(m fleet.Minute) int { return m.Backlog[0] + m.Backlog[1] + m.Late }
	return r.Backlog() > some && r.Backlog() > at(r.Minutes[len(r.Minutes)/2])
}

func (p part) cells(r fleet.Result) []string {
	growing := "no"
	if grows(r) {
		growing = "**yes**"
	}
	return []string{shown(r.Healthy(50)), shown(r.Healthy(99)), fmt.Sprint(r.Backlog()), growing}
}

func partsTable() table {
	t := table{head: []string{"1,000 a second, 5 % hang", "p50", "p99", "waiting after nine minutes", "grows"}}
	for _, p := range parts {
		t.rows = append(t.rows, row{name: []string{p.name}, scenario: p})
	}
	return t
}

// afterOutage is how long what was accepted in an hour without SQS takes, at a
// rate, until nothing of it waits.
type afterOutage struct {
	rate             float64
	sweepers, memory int
}

var outages = []afterOutage{{1000, sweepParts, sweepMemory}, {1000, 1, 256}}

// restored is when it is over, and after is how long is simulated from then on.
const (
	restored = time.Minute + time.Hour
	after    = 45 * time.Minute
)

func (o afterOutage) simulate(w fleet.Work) (fleet.Result, error) {
	l, err := load(o.rate, 0)
	if err != nil {
		return fleet.Result{}, err
	}
	l.Outage = fleet.Span{From: time.Minute, To: restored}
	set := stack(150, 250)
	set.Sweepers, set.SweepMemory = o.sweepers, o.memory
	return fleet.Simulate(set, l, w, seed, time.Minute, restored+after), nil
}

func (o afterOutage) cells(r fleet.Result) []string {
	return []string{
		fmt.Sprintf("%.0f", r.Settings.LeaseRate(r.Work)), shownMinutes(clears(r, restored), after),
		shown(worstMinute(r, restored+time.Minute, restored+after)),
	}
}

func outageTable() table {
	t := table{head: []string{"after an hour without SQS at 1,000 a second", "leases a second", "all made up for in", "new events' p99 meanwhile, worst minute"}}
	for _, o := range outages {
		name := fmt.Sprintf("%d × %d MB sweeping", o.sweepers, o.memory)
		t.rows = append(t.rows, row{name: []string{name}, scenario: o, long: true})
	}
	return t
}
