package functions_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	capacity "github.com/hookline/hookline/infra/capacity/fleet"
	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/shoptet"
	"github.com/hookline/hookline/pkg/api/squake"
)

// mix is what is simulated and run. Receivers' times dominate, so that what
// DynamoDB Local takes, and a busy machine, hardly count.
type mix struct {
	name string
	api  api.API
	// ahead says that all is published before the first batch is made.
	ahead bool
	capacity.Settings
	capacity.Load
}

// mixes are one lane of which no attempt is repeated while it is looked at, and
// in the long run both lanes, of an API whose receivers hang for longer than makes
// their webhooks slow, and once more after seconds.
func mixes(t *testing.T) []mix {
	const atOnce = 1e6 // events a second
	one := mix{"one lane", shoptet.API(), true, capacity.Settings{Fast: lane(long.PickAlone(8, 20), 10, 0)}, load(atOnce, long.PickAlone(250, 2000))}
	two := mix{"two lanes", squake.API(), false, capacity.Settings{Lanes: true, Fast: lane(12, 10, 0), Slow: lane(6, 100, time.Second)}, load(60, 2400)}
	list := []mix{one, two}[:long.PickAlone(1, 2)]
	for i := range list {
		list[i].Sending = apitest.Sending(t, list[i].api, nil)
	}
	return list
}

// lane has so many batches at once, of so many attempts, all made at once.
func lane(processes, batch int, window time.Duration) capacity.LaneSettings {
	return capacity.LaneSettings{Concurrency: processes, Batch: batch, Window: window, Pollers: processes, Memory: 1769, Parallel: batch}
}

// load is so many events, at a rate, of which a twentieth are for receivers that
// hang.
func load(rate float64, count int) capacity.Load {
	return capacity.Load{
		Rate: rate, Events: 10, Even: true, Webhooks: 200, Skew: 1, Hanging: 0.05, Fresh: true,
		Until:     time.Duration(float64(count) / rate * float64(time.Second)),
		Receivers: capacity.Receivers{QuickMedian: 500 * time.Millisecond, Spread: 0.3},
	}
}

// What docs/capacity.md says comes from a simulation. So the same mixes are run for
// real, by the built functions on DynamoDB Local, and must agree: on how soon most
// attempts are made while receivers hang, on how long healthy receivers wait for
// them, and on what is left to the slow lane. Beside other
// tests only the numbers of attempts are compared.
func TestSimulatedFleetIsLikeTheReal(t *testing.T) {
	t.Parallel()
	const seed, tries = 7, 3
	for _, tt := range mixes(t) {
		t.Run(tt.name, func(t *testing.T) {
			for try := 1; ; try++ {
				f := newRealFleet(t, tt, seed)
				want := f.simulate(t, seed)
				f.run(t, seed, want)
				if len(f.first) != want.Accepted || f.attempts != want.Attempts() {
					t.Fatalf("%d attempts of %d events, want %d of %d", f.attempts, len(f.first), want.Attempts(), want.Accepted)
				}
				differ := f.compare(t, want)
				if len(differ) == 0 || long.PickAlone(true, false) {
					return
				}
				if try == tries { // what else the machine does may slow one down
					t.Fatalf("%d runs are not as simulated, the last: %s", tries, strings.Join(differ, "; "))
				}
			}
		})
	}
}

// compare returns in what a real run and its simulation differ by more than a
// fifth.
func (f *realFleet) compare(t *testing.T, want capacity.Result) (differ []string) {
	t.Helper()
	// The last tenth would hang on which batch of the slow lane the last came into.
	const tolerance, most = 0.2, 90
	last := len(want.Lanes) - 1
	received, _ := f.queues[last].Counts()
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"seconds until nine tenths were attempted", seconds(f.begun, most), want.Begun(most).Seconds()},
		{"p99 of healthy receivers, in seconds", seconds(f.waits, 99), want.Healthy(99).Seconds()},
		{"attempts of the last lane", float64(received), float64(want.Lanes[last].Attempts)},
	} {
		text := fmt.Sprintf("%s: %.3g, simulated %.3g", c.what, c.got, c.want)
		t.Log(text)
		if c.got < c.want*(1-tolerance) || c.got > c.want*(1+tolerance) {
			differ = append(differ, text)
		}
	}
	return differ
}

// seconds returns a percentile of microseconds.
func seconds(h *hdrhistogram.Histogram, percent float64) float64 {
	return float64(h.ValueAtQuantile(percent)) / 1e6
}
