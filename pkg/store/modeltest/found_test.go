package modeltest

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hookline/hookline/internal/test/caught"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/store"
)

// fewest is how many operations a fault may need to show once a sequence is
// shrunk, a Meanwhile counted as one.
const fewest = 5

// In a synctest bubble a sequence takes no time of its own. It is given some,
// so that the time for shrinking stands for a number of sequences, however
// fast the machine.
const (
	running   = 10 * time.Millisecond
	shrinking = 4 * time.Second
)

// TestSequencesFindFaults shows that every fault that can show without
// concurrency is found, and shrunk to a few operations.
func TestSequencesFindFaults(t *testing.T) {
	setFlag(t, "rapid.nofailfile", "true")
	setFlag(t, "rapid.shrinktime", fmt.Sprint(shrinking))
	setFlag(t, "rapid.steps", "12")
	setFlag(t, "rapid.checks", "2000")
	setFlag(t, "rapid.seed", "1") // how far shrinking comes depends on it
	for _, b := range broken {
		if b.whenAlone {
			t.Run(b.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { findFault(t, b.wrap) }) })
		}
	}
}

func findFault(t *testing.T, wrap func(store.Store) store.Store) {
	latest := 0
	sound := memory.Open(t) // of the bubble; each sequence has accounts of its own
	open := func() store.Store {
		time.Sleep(running) //nolint:forbidigo // of the bubble's clock
		return wrap(sound)
	}
	failed, log := caught.By(t, func(tb testing.TB) {
		rapid.Check(tb, property(open, func(q *sequence) { latest = q.operations }))
	})
	switch {
	case !failed:
		t.Error("not found")
	case strings.Contains(log, "flaky"):
		t.Errorf("not the same each time: %s", log)
	case latest > fewest:
		t.Errorf("shrunk to %d operations, want %d at most: %s", latest, fewest, log)
	}
}

// setFlag sets a flag until the test ends.
func setFlag(t *testing.T, name, value string) {
	t.Helper()
	was := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, was) })
}
