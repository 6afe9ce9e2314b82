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
	// together is how many due deliveries are leased and queued at a time.
	together = 100
	// leasesAtOnce is how many of them are leased concurrently.
	leasesAtOnce = 32
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
	// Parallel is how many batches of 100 deliveries are leased and queued
	// concurrently. With more than one, a queue that is about to be full may be
	// sent so many batches more than it has room for.
	Parallel int
}

// Sweeper sends for the attempts that are due and were not made: because they
// were further ahead than a message can be, because a message was lost, or
// because there was no room for one.
type Sweeper struct{ cfg SweeperConfig }

// NewSweeper makes a sweeper. It panics if a field of cfg is missing.
func NewSweeper(cfg SweeperConfig) *Sweeper {
	if cfg.Store == nil || cfg.Queue == nil || cfg.Now == nil || cfg.Log == nil || cfg.Ahead <= 0 || cfg.Parallel <= 0 {
		panic("delivery: a field of SweeperConfig is missing")
	}
	return &Sweeper{cfg}
}

// Swept summarises a sweep.
type Swept struct {
	// Sent counts deliveries that were leased and queued. Refused counts those
	// for which the queue had no room; once it is full, the rest is not
	// counted. Failed counts those that could not be leased or queued; a later
	// sweep takes them.
	Sent, Refused, Failed int
	// Oldest is the earliest time at which an overdue attempt was to be made;
	// zero if none was overdue.
	Oldest time.Time
}

// Sweep queues the deliveries that are due after from. It returns when all are
// queued, the queue is full, or ctx has ended. It first leases each delivery by
// a conditional write, so that only one of several sweepers queues it. Each
// lease of an attempt is twice as long as the last one, so that a backlog that
// takes longer than a lease does not multiply. The error is the store's or that
// of ctx; deliveries queued before it remain queued.
func (s *Sweeper) Sweep(ctx context.Context, from time.Time) (Swept, error) {
	now := s.cfg.Now()
	pass := &sweep{Sweeper: s, now: now}
	pass.sending.SetLimit(s.cfg.Parallel)
	err := s.cfg.Store.Due(ctx, from, now.Add(s.cfg.Ahead), func(p webhook.Pending) bool {
		pass.take(ctx, p)
		return !pass.full && ctx.Err() == nil
	})
	pass.sendBatch(ctx)
	_ = pass.sending.Wait() // each batch has been counted
	if err == nil {
		err = ctx.Err() // some were left out
	}
	if err != nil {
		return pass.swept, fmt.Errorf("sweep: %w", err)
	}
	return pass.swept, nil
}

// sweep is a sweep under way.
type sweep struct {
	*Sweeper
	now   time.Time
	batch []leased
	// sending has the batches under way, if there may be several.
	sending errgroup.Group
	// full reports that the queue is full. Going through the rest of a backlog
	// would cost the more the longer it is.
	full bool

	mu    sync.Mutex
	swept Swept
}

// leased is a due delivery and the end of the lease that it is to get.
type leased struct {
	webhook.Pending
	until time.Time
}

// count adds to the summary.
func (s *sweep) count(add func(*Swept)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.swept)
}

// take adds a delivery to the batch, and sends the batch when it is full.
func (s *sweep) take(ctx context.Context, p webhook.Pending) {
	late := !p.Due.After(s.now)
	// A queued delivery has a longer lease. Only one that is not queued is
	// taken ahead of its time.
	if !late && p.Due.After(p.At) {
		return
	}
	if late {
		s.count(func(swept *Swept) {
			if swept.Oldest.IsZero() || p.At.Before(swept.Oldest) {
				swept.Oldest = p.At
			}
		})
	}
	lease, ok := s.cfg.Queue.Lease(p.EventKey())
	if !ok {
		s.count(func(swept *Swept) { swept.Refused++ })
		s.full = s.cfg.Queue.Full()
		return
	}
	if s.batch = append(s.batch, leased{p, s.until(p, lease)}); len(s.batch) == together {
		s.sendBatch(ctx)
	}
}

// sendBatch leases and sends the batch, once there are few enough others under
// way. It returns at once if there may be several.
func (s *sweep) sendBatch(ctx context.Context) {
	batch := s.batch
	s.batch = nil
	if s.cfg.Parallel == 1 {
		s.send(ctx, s.lease(ctx, batch))
		return
	}
	s.sending.Go(func() error {
		s.send(ctx, s.lease(ctx, batch))
		return nil
	})
}

// lease leases the deliveries of a batch and returns the messages of those that
// nobody else has leased or attempted.
func (s *sweep) lease(ctx context.Context, batch []leased) []webhook.Message {
	var mu sync.Mutex
	var messages []webhook.Message
	var group errgroup.Group
	group.SetLimit(leasesAtOnce)
	for _, p := range batch {
		group.Go(func() error {
			err := s.cfg.Store.Lease(ctx, p.Pending, p.until)
			switch {
			case err == nil:
				mu.Lock()
				defer mu.Unlock()
				messages = append(messages, p.Message)
			case ctx.Err() != nil:
				s.count(func(swept *Swept) { swept.Failed++ }) // the next sweep takes it
			case !errors.Is(err, webhook.ErrChanged): // else another has it
				s.count(func(swept *Swept) { swept.Failed++ })
				s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "lease a due delivery",
					slog.String("account", p.Account.String()), slog.String("delivery", p.ID), slog.String("error", err.Error()))
			}
			return nil
		})
	}
	_ = group.Wait() // each has been counted
	return messages
}

// send queues the messages of leased deliveries, even if ctx has ended: they
// would wait for the end of the lease otherwise.
func (s *sweep) send(ctx context.Context, messages []webhook.Message) {
	if len(messages) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	if err := s.cfg.Queue.Send(ctx, messages); err != nil {
		s.count(func(swept *Swept) { swept.Failed += len(messages) })
		s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "send for due deliveries; they are sent for again when their leases end",
			slog.Int("messages", len(messages)), slog.String("error", err.Error()))
		return
	}
	s.count(func(swept *Swept) { swept.Sent += len(messages) })
}

// until returns the end of the lease that a delivery gets. lease is the length
// of its first lease.
func (s *sweep) until(p webhook.Pending, lease time.Duration) time.Time {
	begin := p.At
	if begin.Before(s.now) {
		begin = s.now
	}
	return begin.Add(lease << min(p.Sends, maxDoublings))
}
