// Package long says how much work the tests do that could go on for ever:
// random runs, races, loads and kills. `make test` does a little of it, which
// finds what is plainly broken; `make test-long` does enough for a release.
package long

import "os"

// Variable is the environment variable that asks for the long runs.
const Variable = "HOOKLINE_TEST_LONG"

// Pick returns the size of a run: long if [Variable] is 1, short otherwise.
func Pick[T any](short, long T) T {
	if os.Getenv(Variable) == "1" {
		return long
	}
	return short
}

// AloneVariable is the environment variable that says that nothing else runs on
// the machine, and no race detector slows the test.
const AloneVariable = "HOOKLINE_TEST_ALONE"

// PickAlone is Pick for what only an idle machine can show, such as whether a
// simulation is as fast as what it simulates: `make test-long` runs it last.
func PickAlone[T any](shared, alone T) T {
	if os.Getenv(AloneVariable) == "1" {
		return alone
	}
	return shared
}
