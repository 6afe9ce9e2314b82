package delivery

import (
	"context"
	"log/slog"
	"time"
)

const (
	// watchInterval is the time between two sweeps of one process, wholeInterval
	// that between two over everything that is due.
	watchInterval = time.Second
	wholeInterval = 30 * time.Second
	// overlap is swept twice: a write may be seen a little after its time.
	overlap = 5 * time.Second
	// restShare bounds the work of sweeps that are asked for: they rest so many
	// times as long as the last one took.
	restShare = 3
)

// Watch sweeps until ctx ends, for a process whose own queue it feeds: every
// second what has fallen due since the last sweep, and at once all that is due
// when a signal says so: when the queue has room again for what it refused, or
// another process has written. It is to be given a Sweeper that looks ahead by
// a second or two.
func (s *Sweeper) Watch(ctx context.Context, signal <-chan struct{}) {
	var seen time.Time // all that was due until then has been offered to the queue
	var whole time.Time
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		began := s.Now()
		from := seen
		if from.IsZero() || began.Sub(whole) >= wholeInterval {
			from, whole = time.Time{}, began
		} else {
			from = from.Add(-overlap)
		}
		if _, err := s.Sweep(ctx, from); err == nil {
			seen = began.Add(s.Ahead)
		} else if ctx.Err() == nil {
			s.Log.LogAttrs(ctx, slog.LevelError, "sweep", slog.String("error", err.Error()))
		}
		rest := time.NewTimer(restShare * s.Now().Sub(began))
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-signal:
			seen = time.Time{}
		}
	}
}
