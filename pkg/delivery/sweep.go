package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// together is how many due deliveries are leased and sent for at once.
	together = 100
	// maxDoublings bounds the lease: 2 minutes doubled so often are 17 hours.
	maxDoublings = 9
)

// SweeperStore is the part of store.Store that sweeping needs.
type SweeperStore interface {
	Due(ctx context.Context, from, before time.Time, yield func(webhook.Pending) bool) error
	Lease(ctx context.Context, p webhook.Pending, until time.Time) error
}

// SweeperConfig is what a Sweeper is made of. All fields are needed.
type SweeperConfig struct {
	Store SweeperStore
	Queue Queue
	Now   func() time.Time
	Log   *slog.Logger
	// Ahead is how long before its time an attempt is sent for that was never
	// sent for: no less than the time between two sweeps.
	Ahead time.Duration
}

// Sweeper sends for the attempts that are due and were not made: because they
// were further ahead than a message can be, because a message was lost, or
// because there was no room for one.
type Sweeper struct{ cfg SweeperConfig }

// NewSweeper makes a sweeper. It panics if a field of cfg is missing.
func NewSweeper(cfg SweeperConfig) *Sweeper {
	if cfg.Store == nil || cfg.Queue == nil || cfg.Now == nil || cfg.Log == nil || cfg.Ahead <= 0 {
		panic("delivery: a field of SweeperConfig is missing")
	}
	return &Sweeper{cfg}
}

// Swept counts what a sweep found.
type Swept struct {
	// Sent were leased and sent for. Refused were left because the queue had
	// no room for them; where it had none for anyone, what came after is not
	// counted. Failed could not be leased or sent; they come again.
	Sent, Refused, Failed int
	// Oldest is the earliest time for which an attempt that was found late had
	// been due; zero if none was.
	Oldest time.Time
}

// Sweep sends for what is due after from, and returns when all of it is sent
// for, the queue is full, or ctx has ended. Each delivery gets a new lease
// first, in a conditional write, so that of several sweepers one sends; each
// lease of one attempt is twice the last one, so that a backlog that is longer
// than a lease does not multiply itself. The error is the store's, or that of
// ctx; what was done stands.
func (s *Sweeper) Sweep(ctx context.Context, from time.Time) (Swept, error) {
	now := s.cfg.Now()
	pass := sweep{Sweeper: s, now: now}
	err := s.cfg.Store.Due(ctx, from, now.Add(s.cfg.Ahead), func(p webhook.Pending) bool {
		pass.take(ctx, p)
		return !pass.full && ctx.Err() == nil
	})
	pass.send(ctx)
	if err == nil {
		err = ctx.Err() // some was left out
	}
	if err != nil {
		return pass.swept, fmt.Errorf("sweep: %w", err)
	}
	return pass.swept, nil
}

// sweep is one pass.
type sweep struct {
	*Sweeper
	now   time.Time
	swept Swept
	batch []leased
	// full says that there is no room for anyone: to look through the rest of a
	// backlog would cost the more the longer it is.
	full bool
}

// leased is a due delivery with the lease that it is to get.
type leased struct {
	webhook.Pending
	until time.Time
}

// take puts a delivery into the batch, and sends a full one.
func (s *sweep) take(ctx context.Context, p webhook.Pending) {
	late := !p.Due.After(s.now)
	// What is in the queue has its lease; only what is not is looked for ahead
	// of its time.
	if !late && p.Due.After(p.At) {
		return
	}
	if late && (s.swept.Oldest.IsZero() || p.At.Before(s.swept.Oldest)) {
		s.swept.Oldest = p.At
	}
	lease, ok := s.cfg.Queue.Lease(p.EventKey())
	if !ok {
		s.swept.Refused++
		s.full = s.cfg.Queue.Full()
		return
	}
	if s.batch = append(s.batch, leased{p, s.until(p, lease)}); len(s.batch) == together {
		s.send(ctx)
	}
}

// send leases what is in the batch and sends for it.
func (s *sweep) send(ctx context.Context) {
	batch := s.batch
	s.batch = s.batch[:0]
	var mu sync.Mutex
	var messages []webhook.Message
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, p := range batch {
		group.Go(func() error {
			err := s.cfg.Store.Lease(ctx, p.Pending, p.until)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				messages = append(messages, p.Message)
			case ctx.Err() != nil:
				s.swept.Failed++ // the next sweep takes it
			case !errors.Is(err, webhook.ErrChanged): // else another has it
				s.swept.Failed++
				s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "lease a due delivery",
					slog.String("account", p.Account.String()), slog.String("delivery", p.ID), slog.String("error", err.Error()))
			}
			return nil
		})
	}
	_ = group.Wait() // each has been counted
	if len(messages) == 0 {
		return
	}
	// What has its lease is sent for: otherwise it would wait for its end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	if err := s.cfg.Queue.Send(ctx, messages); err != nil {
		s.swept.Failed += len(messages)
		s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "send for due deliveries; they are sent for again when their leases end",
			slog.Int("messages", len(messages)), slog.String("error", err.Error()))
		return
	}
	s.swept.Sent += len(messages)
}

// until is the end of the lease that a delivery gets, given the first one's
// length.
func (s *sweep) until(p webhook.Pending, lease time.Duration) time.Time {
	begin := p.At
	if begin.Before(s.now) {
		begin = s.now
	}
	return begin.Add(lease << min(p.Sends, maxDoublings))
}
