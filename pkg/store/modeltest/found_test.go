package modeltest

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/memstore"
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
	attempt := &attempt{TB: t}
	open := func() store.Store {
		time.Sleep(running) //nolint:forbidigo // of the bubble's clock
		return wrap(memstore.New())
	}
	attempt.run(property(open, func(q *sequence) { latest = q.operations }))
	switch log := attempt.log.String(); {
	case !attempt.failed:
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

// attempt is a test that may fail.
type attempt struct {
	rapid.TB
	failed bool
	log    strings.Builder
}

// run checks the property in a goroutine of its own, which FailNow ends.
func (a *attempt) run(property func(*rapid.T)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		rapid.Check(a, property)
	}()
	<-done
}

func (a *attempt) Helper()                      {}
func (a *attempt) Failed() bool                 { return a.failed }
func (a *attempt) Fail()                        { a.failed = true }
func (a *attempt) FailNow()                     { a.failed = true; runtime.Goexit() }
func (a *attempt) Log(args ...any)              { fmt.Fprintln(&a.log, args...) }
func (a *attempt) Logf(f string, args ...any)   { fmt.Fprintf(&a.log, f+"\n", args...) }
func (a *attempt) Error(args ...any)            { a.Log(args...); a.Fail() }
func (a *attempt) Errorf(f string, args ...any) { a.Logf(f, args...); a.Fail() }
func (a *attempt) Fatal(args ...any)            { a.Log(args...); a.FailNow() }
func (a *attempt) Fatalf(f string, args ...any) { a.Logf(f, args...); a.FailNow() }
