// Package faketime lets time pass in a bubble of testing/synctest.
package faketime

import (
	"testing/synctest"
	"time"
)

// Pass lets d pass, and what is due then be done.
func Pass(d time.Duration) {
	<-After(d)
	synctest.Wait()
}

// After is time.After, but without a timer if d is not positive. A timer that is
// due when somebody receives from it runs there, beside the others of the bubble
// and in the one race context that they have, which the race detector does not
// survive (maybeRunChan in Go's runtime/time.go).
func After(d time.Duration) <-chan time.Time {
	if d > 0 {
		return time.After(d)
	}
	passed := make(chan time.Time, 1)
	passed <- time.Now()
	return passed
}
