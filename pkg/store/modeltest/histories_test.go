package modeltest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
	"github.com/hookline/hookline/pkg/store/dynamostore/faultproxy"
)

const (
	perAccount      = rivals * turns
	leastFaultShare = 0.2
)

func accountsFor(operations int64) int { return int(operations+perAccount-1) / perAccount }

// The operations in concurrent histories are 100,000 over all stores, in a
// long run.
func TestHistoriesOnSQLite(t *testing.T) {
	operations := long.Pick[int64](6_000, 86_000)
	s := openSQLite(t)
	testHistories(t, setting{
		store: s, direct: s, accounts: accountsFor(operations), atOnce: 8, seed: 2,
		hurried: 0.05, hurry: 2 * time.Millisecond,
	}, operations)
}

func TestHistoriesOnDynamoDB(t *testing.T) {
	operations := long.Pick[int64](640, 6_000)
	server := dynamolocal.Start(t)
	s := openDynamo(t, server.URL, server.NewTable(t), 30*time.Second)
	testHistories(t, setting{store: s, direct: s, accounts: accountsFor(operations), atOnce: 4, seed: 3}, operations)
}

func TestHistoriesThroughFaults(t *testing.T) {
	operations := long.Pick[int64](1_600, 8_000)
	server := dynamolocal.Start(t)
	proxy := faultproxy.Start(t, server.URL)
	table := server.NewTable(t)
	proxy.Inject(faultproxy.Plan{Seed: 4, Rate: 0.3})
	counts := testHistories(t, setting{
		store:  openDynamo(t, proxy.URL, table, 250*time.Millisecond),
		direct: openDynamo(t, server.URL, table, 30*time.Second), accounts: accountsFor(operations), atOnce: 16, seed: 4,
		hurried: 0.1, hurry: 200 * time.Millisecond, lossy: true,
	}, operations)
	faults := proxy.Counts()
	t.Logf("%d requests, faults: %v", faults.Total(), faults.Faults)
	if share := float64(faults.Injected()) / float64(faults.Total()); share < leastFaultShare {
		t.Errorf("%.0f %% of the requests met a fault, want %.0f at least", 100*share, 100*leastFaultShare)
	}
	if counts.unknown.Load() == 0 || counts.ghosts.Load() == 0 {
		t.Error("no operation had an unknown outcome, or none was tried again")
	}
}

// testHistories makes histories and judges each.
func testHistories(t *testing.T, s setting, want int64) *tally {
	t.Helper()
	start := time.Now()
	counts := s.record(t, func(history []event) {
		if verdict := judge(history); verdict != porcupine.Ok {
			t.Errorf("history is %v: %s", verdict, describe(history))
		}
	})
	t.Logf("%d operations of %d accounts in %v: %d of unknown outcome, %d not carried out, %d tries left behind",
		counts.operations.Load(), s.accounts, time.Since(start).Round(time.Millisecond),
		counts.unknown.Load(), counts.nothing.Load(), counts.ghosts.Load())
	if counts.operations.Load() < want {
		t.Errorf("%d operations, want %d", counts.operations.Load(), want)
	}
	return counts
}

// TestHistoriesFindFaults shows that every fault of a store is found.
func TestHistoriesFindFaults(t *testing.T) {
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			var bad atomic.Int64
			for seed := uint64(5); bad.Load() == 0 && seed < 25; seed++ {
				s := b.wrap(hesitant{memory.Open(t)})
				setting{store: s, direct: s, accounts: 60, atOnce: 2, seed: seed}.record(t, func(history []event) {
					if judge(history) == porcupine.Illegal {
						bad.Add(1)
					}
				})
			}
			if bad.Load() == 0 {
				t.Error("not found")
			}
		})
	}
}

// describe tells a history, in the order of its calls.
func describe(history []event) string {
	var text strings.Builder
	for _, e := range slices.SortedFunc(slices.Values(history), func(e, f event) int { return cmp.Compare(e.start, f.start) }) {
		fmt.Fprintf(&text, "\nclient %d, %d to %d ns: %v %s, made %v, came to %+v",
			e.client, e.start, e.over, e.call.operation, e.call.ID, e.call.Made, e.result)
	}
	return text.String()
}
