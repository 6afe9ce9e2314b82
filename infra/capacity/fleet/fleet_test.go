package fleet

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

func lanes(fast, slow int) Settings {
	return Settings{
		Lanes:   true,
		Fast:    LaneSettings{Concurrency: fast, Batch: 10, Memory: wholeCPU, Parallel: 10},
		Slow:    LaneSettings{Concurrency: slow, Batch: 100, Window: time.Second, Memory: wholeCPU, Parallel: 100},
		Account: 1000, PublishMemory: wholeCPU, SweepMemory: wholeCPU, Sweepers: 1, Platform: AWS(),
	}
}

func mix(rate, hanging float64) Load {
	return Load{
		Rate: rate, Events: 1, Webhooks: 5000, Skew: 1, Hanging: hanging, Receivers: Usual(),
		Sending: webhook.Sending{Timeout: 15 * time.Second, Delays: []time.Duration{5 * time.Second, 20 * time.Minute}},
	}
}

// The same arguments give the same result, and another seed another one.
func TestDetermined(t *testing.T) {
	run := func(seed uint64) []Minute {
		return Simulate(lanes(20, 20), mix(50, 0.1), Work{}, seed, time.Minute, 5*time.Minute).Minutes
	}
	one, same, other := run(1), run(1), run(2)
	if diff := cmp.Diff(one, same); diff != "" {
		t.Errorf("the second run differs:\n%s", diff)
	}
	if cmp.Equal(one, other) {
		t.Error("the seed makes no difference")
	}
}

// Everything that is accepted is attempted, as often as the API's schedule says.
func TestAttemptsFollowTheSchedule(t *testing.T) {
	load := mix(20, 0.5)
	load.Fresh, load.Until = true, 10*time.Minute
	load.Receivers.Errors, load.Receivers.Tail = 0, 0
	r := Simulate(lanes(100, 100), load, Work{}, 1, 0, 45*time.Minute)
	if r.Backlog() > 0 || r.Waiting > 0 || r.Delivered+r.Failed/3 != r.Accepted || r.Failed%3 != 0 {
		t.Errorf("%d accepted: %d delivered, %d attempts failed, %d wait", r.Accepted, r.Delivered, r.Failed, r.Backlog())
	}
	if r.Leases != r.Failed/3 || r.Sends != r.Failed/3 {
		t.Errorf("%d leases and %d messages of workers for %d deliveries that fail", r.Leases, r.Sends, r.Failed/3)
	}
}

// What was there before the start adds as many attempts as go on after the end.
func TestLongRunIsSteady(t *testing.T) {
	load := mix(100, 0.1)
	r := Simulate(lanes(100, 100), load, Work{}, 1, 2*time.Minute, 12*time.Minute)
	want := float64(r.Accepted) * (0.9 + 3*0.1)
	if got := float64(r.Attempts()); math.Abs(got-want) > 0.05*want {
		t.Errorf("%v attempts, want about %v", got, want)
	}
}

// A mapping begins with five batches and adds five a second.
func TestMappingGrows(t *testing.T) {
	load := mix(2000, 1)
	load.Fresh = true
	set := lanes(1000, 5)
	set.Fast.Pollers = 5
	r := Simulate(set, load, Work{}, 1, 0, 121*time.Second)
	for i, want := range []int{305, 605} {
		if got := r.Minutes[i].Busy[0]; got > want || got < want-10 {
			t.Errorf("minute %d: %d batches at once, want %d", i+1, got, want)
		}
	}
}

// A partition takes a thousand units a second, and what waits too long is refused.
func TestPartition(t *testing.T) {
	tables := newTables(Load{Webhooks: 10})
	written := 0
	for n := range 30_000 {
		if tables.write(0, time.Duration(n)*time.Second/3000, 1) <= writeTime {
			written++
		}
	}
	// Ten seconds, the second that is saved up, and what waits for writeTime.
	if want := 10_000 + 1000 + 10_000; written < want-10 || written > want+10 {
		t.Errorf("%d units in ten seconds, want %d", written, want)
	}
	if wait := tables.write(1, 0, 1); wait != 0 {
		t.Errorf("another account waits for %v", wait)
	}
}

// Of attempts that are not made at once, the next begins when the first ends.
func TestParallel(t *testing.T) {
	for _, tt := range []struct {
		width int
		want  []time.Duration
	}{
		{4, []time.Duration{0, 0, 0, 0}}, {2, []time.Duration{0, 0, 1, 3}}, {1, []time.Duration{0, 3, 4, 6}},
	} {
		p := newParallel(tt.width, 4)
		var got []time.Duration
		for _, d := range []time.Duration{3, 1, 2, 1} {
			start := p.free()
			got = append(got, start)
			p.use(start + d)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%d at once begin at %v, want %v", tt.width, got, tt.want)
		}
	}
}

// Events come in the order of time.
func TestClock(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var c clock
	for range 1000 {
		c.push(event{at: time.Duration(random.IntN(500))})
	}
	last := time.Duration(-1)
	for range 1000 {
		e := c.pop()
		if e.at < last {
			t.Fatalf("%v after %v", e.at, last)
		}
		last = e.at
	}
}
