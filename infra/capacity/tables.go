package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hookline/hookline/infra/capacity/fleet"
	"github.com/hookline/hookline/infra/cost/price"
)

// table is one of docs/capacity.md.
type table struct {
	head []string
	rows []row
}

// row is a line of a table: what it begins with, and what a simulation has of it.
type row struct {
	name []string
	scenario
	// long says that it takes seconds.
	long bool
}

// scenario is something to simulate, and what of the result stands in a table.
type scenario interface {
	simulate(fleet.Work) (fleet.Result, error)
	cells(fleet.Result) []string
}

func (t table) print(stdout io.Writer) error {
	lines := []string{line(t.head), "|" + strings.Repeat("---|", len(t.head))}
	w, err := work()
	if err != nil {
		return err
	}
	for _, r := range t.rows {
		result, err := r.simulate(w)
		if err != nil {
			return err
		}
		lines = append(lines, r.line(result))
	}
	_, err = fmt.Fprintln(stdout, strings.Join(lines, "\n")+"\n")
	return err
}

// line returns a row in Markdown, with what a simulation found.
func (r row) line(found fleet.Result) string {
	return line(slices.Concat(r.name, r.cells(found)))
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

// shown writes a duration as people do.
func shown(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < 10*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}

func tables() []table {
	return []table{steadyTable(), customerTable(), partsTable(), outageTable()}
}

// steady is a load that goes on for ever, and what a stack needs for it.
type steady struct {
	rate, hanging float64
	fast, slow    int
	// stacks is how many stacks share the load.
	stacks int
}

// steadies are the rows of the first table: the settings that the page gives.
var steadies = []steady{
	{10, 0, defaultFast, defaultSlow, 1}, {10, 0.01, defaultFast, defaultSlow, 1},
	{100, 0, 15, 5, 1}, {100, 0.01, 15, 5, 1}, {100, 0.05, 15, 12, 1}, {100, 0.2, 15, 45, 1},
	{1000, 0, 150, 30, 1}, {1000, 0.01, 150, 30, 1}, {1000, 0.05, 150, 110, 1}, {1000, 0.2, 150, 420, 1},
	{10000, 0, 1000, 200, 1}, {10000, 0.01, 1000, 250, 1}, {10000, 0.05, 1000, 1000, 1}, {10000, 0.2, 250, 1000, 4},
}

func steadyTable() table {
	t := table{head: []string{
		"deliveries a second", "hanging", "`DeliverConcurrency`", "`SlowConcurrency`", "in use", "p50", "p99",
		"slow lane waits", "a million, dollars",
	}}
	for _, s := range steadies {
		rate := fmt.Sprintf("%.0f", s.rate)
		if s.stacks > 1 {
			rate = fmt.Sprintf("%.0f, in %d stacks", s.rate, s.stacks)
		}
		t.rows = append(t.rows, row{
			name:     []string{rate, fmt.Sprintf("%.0f %%", 100*s.hanging), fmt.Sprint(s.fast), fmt.Sprint(s.slow)},
			scenario: s, long: s.rate > 1000,
		})
	}
	return t
}

// simulate simulates one of the stacks.
func (s steady) simulate(w fleet.Work) (fleet.Result, error) {
	l, err := load(s.rate/float64(s.stacks), s.hanging)
	if err != nil {
		return fleet.Result{}, err
	}
	set := stack(s.fast, s.slow)
	set.Account = max(set.Account, (s.fast+s.slow)*5/4)
	return fleet.Simulate(set, l, w, seed, warmTime, steadyTime), nil
}

// warmTime is left out, and steadyTime is how long is simulated.
const (
	warmTime   = 3 * time.Minute
	steadyTime = 9 * time.Minute
)

func (s steady) cells(r fleet.Result) []string {
	waits := time.Duration(0)
	for _, m := range r.Minutes[int(warmTime/time.Minute):] {
		waits = max(waits, m.Oldest[1])
	}
	return []string{
		fmt.Sprintf("%d + %d", r.Lanes[0].Busiest, r.Lanes[1].Busiest),
		shown(r.Healthy(50)), shown(r.Healthy(99)), shown(waits),
		fmt.Sprintf("%.2f", perMillion(r, price.Regions[0])),
	}
}

// outbreak is a large customer all of whose receivers begin to hang.
type outbreak struct {
	webhooks, accounts int
	fast, slow         int
	handOver           bool
	hangs, rest        time.Duration
}

// onset is when they do. From known on, all of them are known as slow.
const (
	onset = 3 * time.Minute
	known = onset + time.Minute
)

func (o outbreak) simulate(w fleet.Work) (fleet.Result, error) {
	l, err := load(1000, 0.01)
	if err != nil {
		return fleet.Result{}, err
	}
	l.Customer = fleet.Customer{
		Share: 0.3, Webhooks: o.webhooks, Accounts: o.accounts, Hangs: fleet.Span{From: onset, To: onset + o.hangs},
	}
	set := stack(o.fast, o.slow)
	set.HandOver = o.handOver
	return fleet.Simulate(set, l, w, seed, known, onset+o.hangs+o.rest), nil
}

// worstMinute returns the highest p99 of the minutes from one on until before
// another.
func worstMinute(r fleet.Result, from, to time.Duration) time.Duration {
	worst := time.Duration(0)
	for _, m := range r.Minutes[int(from/time.Minute):min(int(to/time.Minute), len(r.Minutes))] {
		worst = max(worst, m.P99)
	}
	return worst
}

// clears returns after how many minutes from a time on nothing that is due has
// waited for longer than overdue any more; -1 if it is not seen.
func clears(r fleet.Result, from time.Duration) int {
	last := -1
	first := int(from / time.Minute)
	for i := first; i < len(r.Minutes); i++ {
		m := r.Minutes[i]
		if max(m.Oldest[0], m.Oldest[1]) > overdue || m.Late > 0 {
			last = i
		}
	}
	if last == len(r.Minutes)-1 {
		return -1
	}
	return max(last-first+1, 0)
}

// overdue is how long a message waits that is part of a backlog.
const overdue = 5 * time.Second

func (o outbreak) cells(r fleet.Result) []string {
	end := onset + o.hangs
	cleared := "–"
	if o.rest > 0 {
		cleared = shownMinutes(clears(r, end), o.rest)
	}
	return []string{
		shown(worstMinute(r, onset, known)), shown(r.Healthy(99)), shown(worstMinute(r, known, end+o.rest)), cleared,
		fmt.Sprintf("%.1f %%", 100*float64(r.Refused)/float64(r.Accepted+r.Refused)),
	}
}

// shownMinutes writes what clears returns, where so much was simulated.
func shownMinutes(n int, of time.Duration) string {
	switch {
	case n < 0:
		return fmt.Sprintf("more than %.0f min", of.Minutes())
	case n == 0:
		return "under a minute"
	}
	return fmt.Sprintf("%d min", n)
}

// outbreaks are the rows of the second table.
var outbreaks = []struct {
	name string
	outbreak
	long bool
}{
	{"10 webhooks of 10 accounts", outbreak{10, 10, 500, 250, false, time.Hour, 32 * time.Minute}, false},
	{"10 webhooks of one account", outbreak{10, 1, 500, 250, false, time.Hour, 32 * time.Minute}, true},
	{"1,000 webhooks of 200 accounts", outbreak{1000, 200, 500, 250, false, 12 * time.Minute, 0}, true},
	{"10,000 webhooks of 2,000 accounts", outbreak{10_000, 2000, 500, 250, false, 12 * time.Minute, 0}, true},
}

func customerTable() table {
	t := table{head: []string{
		"a customer with 30 % of 1,000 a second hangs", "the others' p99: first minute", "from then on", "worst minute of those",
		"backlog gone afterwards in", "events refused",
	}}
	for _, o := range outbreaks {
		t.rows = append(t.rows, row{name: []string{o.name}, scenario: o.outbreak, long: o.long})
	}
	return t
}
