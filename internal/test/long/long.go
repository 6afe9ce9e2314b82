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
