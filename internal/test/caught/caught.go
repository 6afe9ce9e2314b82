// Package caught runs tests that are meant to fail: it shows that a suite finds
// the faults that it is there for.
package caught

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// By runs test and reports whether it failed, and with what it logged. What
// test leaves for Cleanup, and what it cannot do without a real test (Context,
// TempDir), goes to t.
func By(t testing.TB, test func(testing.TB)) (failed bool, log string) {
	t.Helper()
	a := &attempt{TB: t}
	done := make(chan struct{})
	go func() { // FailNow ends it
		defer close(done)
		test(a)
	}()
	<-done
	return a.Failed(), a.text()
}

// Must fails t unless test fails.
func Must(t testing.TB, test func(testing.TB)) {
	t.Helper()
	failed, log := By(t, test)
	if !failed {
		t.Errorf("not caught; it logged %q", log)
		return
	}
	t.Logf("caught: %s", log)
}

// attempt is a test that may fail.
type attempt struct {
	testing.TB
	mu     sync.Mutex
	failed bool
	log    strings.Builder
}

func (a *attempt) Helper() {}

func (a *attempt) Failed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}

func (a *attempt) text() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log.String()
}

func (a *attempt) Fail() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = true
}

func (a *attempt) Log(args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprintln(&a.log, args...)
}

func (a *attempt) FailNow()                     { a.Fail(); runtime.Goexit() }
func (a *attempt) Logf(f string, args ...any)   { a.Log(fmt.Sprintf(f, args...)) }
func (a *attempt) Error(args ...any)            { a.Log(args...); a.Fail() }
func (a *attempt) Errorf(f string, args ...any) { a.Logf(f, args...); a.Fail() }
func (a *attempt) Fatal(args ...any)            { a.Log(args...); a.FailNow() }
func (a *attempt) Fatalf(f string, args ...any) { a.Logf(f, args...); a.FailNow() }
