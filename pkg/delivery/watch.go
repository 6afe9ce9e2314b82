package delivery

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// watchInterval is the time between two sweeps over what has fallen due,
	// wholeInterval the longest between two over everything that is due.
	watchInterval = time.Second
	wholeInterval = 30 * time.Second
	// overlap is swept twice: a write may be seen a little after its time.
	overlap = 5 * time.Second
	// restShare bounds the work of looking through what is refused: a sweep over
	// everything rests so many times as long as it did that.
	restShare = 3
)

// Watch sweeps until ctx ends, for a process whose own queue it feeds: every
// second what has fallen due since the last time; and all that is due at the
// start, every half minute, and at once when a signal says so: when the queue
// has room again for what it refused, or another process has written. The two
// go on side by side, so that a backlog, however long, keeps nothing waiting
// that falls due meanwhile. It is to be given a Sweeper that looks ahead by a
// second or two.
func (s *Sweeper) Watch(ctx context.Context, signal <-chan struct{}) {
	var both sync.WaitGroup
	both.Go(func() { s.watchLatest(ctx) })
	both.Go(func() { s.watchAll(ctx, signal) })
	both.Wait()
}

// watchLatest sweeps what has fallen due since its last sweep.
func (s *Sweeper) watchLatest(ctx context.Context) {
	seen := s.cfg.Now() // all that was due until then has been offered to the queue
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		began := s.cfg.Now()
		if _, ok := s.sweepLogged(ctx, seen.Add(-overlap)); ok {
			seen = began.Add(s.cfg.Ahead)
		}
	}
}

// watchAll sweeps all that is due.
func (s *Sweeper) watchAll(ctx context.Context, signal <-chan struct{}) {
	again := time.NewTicker(wholeInterval)
	defer again.Stop()
	for {
		began := s.cfg.Now()
		swept, _ := s.sweepLogged(ctx, time.Time{})
		rest := time.NewTimer(restAfter(s.cfg.Now().Sub(began), swept))
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-signal:
		}
	}
}

// restAfter is how long there is no sweep over everything after one that took
// a time: long where it sent for little of what it looked through, so that a
// backlog that there is no room for leaves the processor to the attempts.
func restAfter(took time.Duration, swept Swept) time.Duration {
	rest := restShare * took
	if all := swept.Sent + swept.Refused + swept.Failed; all > 0 {
		rest = time.Duration(float64(rest) * float64(all-swept.Sent) / float64(all))
	}
	return rest
}

// sweepLogged sweeps, and says whether it could.
func (s *Sweeper) sweepLogged(ctx context.Context, from time.Time) (Swept, bool) {
	swept, err := s.Sweep(ctx, from)
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.LogAttrs(ctx, slog.LevelError, "sweep", slog.String("error", err.Error()))
	}
	return swept, err == nil
}
