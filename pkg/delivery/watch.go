package delivery

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// watchInterval is the time between two sweeps over what has become due.
	// wholeInterval is the maximum time between two sweeps over all that is
	// due.
	watchInterval = time.Second
	wholeInterval = 30 * time.Second
	// overlap is swept twice, because a write may become visible a little late.
	overlap = 5 * time.Second
	// restShare bounds the share of time spent on deliveries that the queue
	// refuses: a sweep over everything is followed by a rest of so many times
	// that time.
	restShare = 3
)

// Watch sweeps until ctx ends, for a process that feeds its own queue. Every
// second it sweeps what has become due since the last time. It sweeps all that
// is due at the start, every half minute, and when signal says so: when the
// queue has room again after it refused, or another process has written. The
// two run side by side, so that no backlog delays what becomes due meanwhile.
// The Sweeper's Ahead should be a second or two.
func (s *Sweeper) Watch(ctx context.Context, signal <-chan struct{}) {
	var both sync.WaitGroup
	both.Go(func() { s.watchLatest(ctx) })
	both.Go(func() { s.watchAll(ctx, signal) })
	both.Wait()
}

// watchLatest sweeps what has become due since its last sweep.
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

// restAfter returns the rest after a sweep over everything. It is long if the
// sweep queued little of what it went through, so that a backlog that the queue
// has no room for leaves the processor to the attempts.
func restAfter(took time.Duration, swept Swept) time.Duration {
	rest := restShare * took
	if all := swept.Sent + swept.Refused + swept.Failed; all > 0 {
		rest = time.Duration(float64(rest) * float64(all-swept.Sent) / float64(all))
	}
	return rest
}

// sweepLogged sweeps, logs an error, and reports whether there was none.
func (s *Sweeper) sweepLogged(ctx context.Context, from time.Time) (Swept, bool) {
	swept, err := s.Sweep(ctx, from)
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.LogAttrs(ctx, slog.LevelError, "sweep", slog.String("error", err.Error()))
	}
	return swept, err == nil
}
