package modeltest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/store"
)

const (
	// lanes is how many sequences run at once on one store, each on accounts
	// of its own.
	lanes = 4
	// length is that of a sequence, on average, and checks how many are
	// played before a lane asks whether it is enough.
	length = "80"
	checks = "20"
)

// enough is how many operations each store must stand.
func enough() int64 { return long.Pick[int64](3_000, 20_000) }

func TestMain(m *testing.M) {
	// Flags on the command line are read later and win.
	if err := errors.Join(flag.Set("rapid.steps", length), flag.Set("rapid.checks", checks)); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// testSequences plays sequences on a store until enough operations were
// played.
func testSequences(t *testing.T, s store.Store, enough int64) {
	var played, sequences atomic.Int64
	start := time.Now()
	check := property(func() store.Store { return s }, func(q *sequence) {
		played.Add(int64(q.operations))
		sequences.Add(1)
	})
	t.Run("lanes", func(t *testing.T) {
		for lane := range lanes {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				t.Parallel()
				for played.Load() < enough {
					rapid.Check(t, check)
				}
			})
		}
	})
	t.Logf("%d operations in %d sequences in %v", played.Load(), sequences.Load(), time.Since(start).Round(time.Millisecond))
	if played.Load() < enough {
		t.Errorf("%d operations, want %d", played.Load(), enough)
	}
}
