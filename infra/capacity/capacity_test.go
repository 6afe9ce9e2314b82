package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/infra/capacity/fleet"
	"github.com/hookline/hookline/infra/cost/price"
	"github.com/hookline/hookline/internal/test/long"
)

const page = "../../docs/capacity.md"

// The tables of docs/capacity.md are what the command prints, and say that the
// design does what it is for. Rows that take seconds are simulated in the long run
// only.
func TestTables(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	w, err := work()
	if err != nil {
		t.Fatal(err)
	}
	a := aims{T: t, free: map[float64]float64{}}
	for _, table := range tables() {
		begin := line(table.head) + "\n|" + strings.Repeat("---|", len(table.head)) + "\n"
		_, rest, _ := strings.Cut(string(text), "\n"+begin)
		body, _, _ := strings.Cut(rest, "\n\n")
		lines := strings.Split(body, "\n")
		if len(lines) != len(table.rows) {
			t.Errorf("%d rows, want %d, in the table that begins with %s", len(lines), len(table.rows), begin)
			continue
		}
		for i, r := range table.rows {
			if begin := line(r.name); !strings.HasPrefix(lines[i], begin) {
				t.Errorf("row %s, want that of %s", lines[i], begin)
			}
			if r.long && !long.Pick(false, true) {
				continue
			}
			found, err := r.simulate(w)
			if err != nil {
				t.Fatal(err)
			}
			// Elsewhere the last bit of a logarithm may differ, and with it everything
			// that follows.
			if want := r.line(found); lines[i] != want && runtime.GOARCH == "amd64" {
				t.Errorf("row %s\nwant %s", lines[i], want)
			}
			a.check(r.scenario, found)
		}
	}
}

// aims are what the design must reach.
type aims struct {
	*testing.T
	// free is what a million deliveries cost where nothing hangs, by the rate.
	free map[float64]float64
}

// latest is how long a healthy receiver may wait for an attempt, in the 99th of a
// hundred cases.
const latest = 2 * time.Second

func (a aims) check(s scenario, r fleet.Result) {
	switch s := s.(type) {
	case steady:
		a.checkSteady(s, r)
	case outbreak:
		if s == outbreaks[0].outbreak {
			a.checkOutbreak(s, r)
		}
	case part:
		if got := r.Healthy(99) > latest; got != s.waits {
			a.Errorf("%s: p99 %s", s.name, r.Healthy(99))
		}
		if grows(r) != s.fails {
			a.Errorf("%s: %d wait in the end", s.name, r.Backlog())
		}
	case afterOutage:
		if n := clears(r, restored); s == outages[0] && (n < 0 || n > 20) {
			a.Errorf("an outage is made up for after %d minutes", n)
		}
	}
}

// Healthy receivers do not wait for those that hang, nothing piles up, and what
// hangs costs less than what does not.
func (a aims) checkSteady(s steady, r fleet.Result) {
	if p99 := r.Healthy(99); p99 > latest || grows(r) {
		a.Errorf("%+v: p99 %s, %d wait", s, p99, r.Backlog())
	}
	dollars := perMillion(r, price.Regions[0])
	switch s.hanging {
	case 0:
		a.free[s.rate] = dollars
	case 0.05:
		if dollars >= 2*a.free[s.rate] {
			a.Errorf("%+v: a million costs %.2f, where nothing hangs %.2f", s, dollars, a.free[s.rate])
		}
	}
}

// A million deliveries in bulk cost less than twice as much where one receiver in
// twenty hangs, although each of its deliveries is attempted ten times.
func TestHangingIsCheapInBulk(t *testing.T) {
	w, err := work()
	if err != nil {
		t.Fatal(err)
	}
	cost := func(hanging float64, slow int) float64 {
		l, err := load(100, hanging)
		if err != nil {
			t.Fatal(err)
		}
		l.Events = 100
		r := fleet.Simulate(stack(15, slow), l, w, seed, warmTime, steadyTime)
		if grows(r) || r.Attempts() < r.Accepted {
			t.Errorf("%.0f %% hanging: %d wait, %d attempts of %d events", 100*hanging, r.Backlog(), r.Attempts(), r.Accepted)
		}
		return perMillion(r, price.Regions[0])
	}
	if free, hanging := cost(0, 5), cost(0.05, 12); hanging >= 2*free {
		t.Errorf("a million costs %.2f dollars, where nothing hangs %.2f", hanging, free)
	} else {
		t.Logf("a million costs %.2f dollars, where nothing hangs %.2f", hanging, free)
	}
}

// A large customer whose receivers hang for an hour is out of the others' way
// after a minute, and leaves no backlog.
func (a aims) checkOutbreak(o outbreak, r fleet.Result) {
	if p99 := r.Healthy(99); p99 > latest {
		a.Errorf("the others' p99 is %s from a minute after the onset on", p99)
	}
	if n := clears(r, onset+o.hangs); n < 0 || n > 30 {
		a.Errorf("the backlog is gone after %d minutes", n)
	}
	if r.Throttled > 0 {
		a.Errorf("%d batches met the account's quota", r.Throttled)
	}
}

// The picture is XML and shows each series.
func TestPicture(t *testing.T) {
	svg, err := picture(fleet.Result{Minutes: []fleet.Minute{{Busy: [2]int{70, 20}}, {Busy: [2]int{80, 120}}}})
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("no XML: %v", err)
		}
	}
	for _, text := range []string{"fast lane", "slow lane", "p99", "minutes"} {
		if !strings.Contains(string(svg), text) {
			t.Errorf("it does not show %q", text)
		}
	}
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	args := []string{"run", "--rate=20", "--fast=5", "--slow=3", "--for=3m", "--hand-over", "--fresh", "--daily"}
	if err := run(args, nil, &out); err != nil || !strings.Contains(out.String(), "healthy receivers: p50 0.") {
		t.Errorf("%v: %s", err, &out)
	}
	for _, args := range [][]string{{"run", "--rate=many"}, {"guess"}, {"plot", "more"}} {
		if err := run(args, nil, io.Discard); err == nil {
			t.Errorf("%v is not refused", args)
		}
	}
	if err := run([]string{"--help"}, nil, &out); err != nil {
		t.Error(err)
	}
}
