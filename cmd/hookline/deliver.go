package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/notice"
	"github.com/hookline/hookline/pkg/queue/local"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// aheadHere is how long before its time an attempt is queued in this
	// process: longer than the second between two sweeps.
	aheadHere = 2 * time.Second
	// noticeInterval is how often the file is checked for writes of other
	// processes, such as commands.
	noticeInterval = 50 * time.Millisecond
	// finishInterval is how often closing accounts are looked for.
	finishInterval = 10 * time.Second
	// purgeInterval is how often expired deliveries are removed. retainedFor is
	// how long after their acceptance they expire.
	purgeInterval = time.Hour
	retainedFor   = 8 * 24 * time.Hour
)

// dispatcher is the part of a server that delivers: queue, worker and sweeper
// in this process.
type dispatcher struct {
	queue   *local.Queue
	worker  *delivery.Worker
	sweeper *delivery.Sweeper
	// finisher completes the deletion of accounts.
	finisher *registry.Finisher
	// notifier sends notices to the operator. It is nil if there are none.
	notifier *notice.Notifier
	// file is the store if it is a SQLite store, and nil otherwise.
	file *sqlite.Store
	now  func() time.Time
	log  *slog.Logger
	// attempted is when the latest attempt ended that came to a result, in
	// milliseconds; at first when the dispatcher was made.
	attempted atomic.Int64
}

// dispatcherConfig configures a dispatcher.
type dispatcherConfig struct {
	store    store.Store
	file     *sqlite.Store
	opener   delivery.Opener
	sendings sendings
	sender   sender.Config
	// notices says where notices go. Its sender is nil if there are none.
	notices notices
	// observe, unless nil, is told of attempts.
	observe func(delivery.Observation)
	now     func() time.Time
	log     *slog.Logger
}

func newDispatcher(cfg dispatcherConfig) *dispatcher {
	queue := local.New(local.Config{Now: cfg.now, Proven: provenIn(cfg.store, cfg.log)})
	d := &dispatcher{
		queue: queue,
		worker: delivery.NewWorker(delivery.WorkerConfig{
			Store: cfg.store, Queue: queue, Sender: sender.New(cfg.sender), Opener: cfg.opener, Sendings: cfg.sendings,
			Now: cfg.now, Jitter: rand.N[time.Duration], Log: cfg.log, NoticeID: cfg.notices.newID, Observe: cfg.observe,
		}),
		sweeper: delivery.NewSweeper(delivery.SweeperConfig{
			Store: cfg.store, Queue: queue, Now: cfg.now, Log: cfg.log, Ahead: aheadHere, Parallel: 1,
		}),
		finisher: registry.NewFinisher(cfg.store, cfg.now, cfg.log),
		notifier: cfg.notices.notifier(cfg),
		file:     cfg.file,
		now:      cfg.now,
		log:      cfg.log,
	}
	d.attempted.Store(cfg.now().UnixMilli())
	return d
}

// provenIn returns what tells the queue who is proven: the webhook's record
// says how its latest attempt went.
func provenIn(s store.Store, log *slog.Logger) func(context.Context, webhook.EventKey) bool {
	return func(ctx context.Context, key webhook.EventKey) bool {
		w, err := s.Webhook(ctx, key.Account, key.Event)
		if err != nil && !errors.Is(err, webhook.ErrNotFound) && ctx.Err() == nil {
			log.LogAttrs(ctx, slog.LevelWarn, "find out whether a webhook is proven", slog.String("error", err.Error()))
		}
		return err == nil && w.State() == webhook.StateHealthy
	}
}

// Run delivers until ctx ends. Running attempts may then continue for timeout.
// An attempt that is cut off does not count, and is repeated at the next start.
func (d *dispatcher) Run(ctx context.Context, timeout time.Duration) {
	attempts, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(timeout, cut) })
	defer stop()
	signal := make(chan struct{}, 1)
	var all sync.WaitGroup
	all.Go(func() {
		d.queue.Run(ctx, func(_ context.Context, m webhook.Message) { d.attempt(attempts, m) })
	})
	all.Go(func() { d.sweeper.Watch(ctx, signal) })
	all.Go(func() { d.notice(ctx, signal) })
	all.Go(func() { d.finish(ctx) })
	if d.notifier != nil {
		all.Go(func() { d.notifier.Watch(ctx, d.noticeWait(), longestNoticeWait) })
	}
	if d.file != nil {
		all.Go(func() { d.purge(ctx) })
	}
	all.Wait()
}

// attempt makes the attempt that a message asks for. It logs an internal error;
// the sweeper queues the delivery again.
func (d *dispatcher) attempt(ctx context.Context, m webhook.Message) {
	defer func() {
		if p := recover(); p != nil {
			d.log.LogAttrs(ctx, slog.LevelError, "attempt", slog.String("error", fmt.Sprintf("panic: %v\n%s", p, debug.Stack())))
		}
	}()
	_, err := d.worker.Attempt(ctx, m)
	if err == nil {
		d.attempted.Store(d.now().UnixMilli())
	}
	if err != nil && ctx.Err() == nil {
		d.log.LogAttrs(ctx, slog.LevelError, "attempt", slog.String("error", err.Error()))
	}
}

// attemptedAt returns when the latest attempt ended that came to a result.
func (d *dispatcher) attemptedAt() time.Time { return time.UnixMilli(d.attempted.Load()) }

// notice signals when there is something to sweep: when the queue has room
// again after a refusal, and when another process has written.
func (d *dispatcher) notice(ctx context.Context, signal chan<- struct{}) {
	var ticks <-chan time.Time
	if d.file != nil {
		ticker := time.NewTicker(noticeInterval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.queue.Freed():
		case <-ticks:
			written, err := d.file.ForeignWrites(ctx)
			if err != nil && ctx.Err() == nil {
				d.log.LogAttrs(ctx, slog.LevelWarn, "check for writes of other processes", slog.String("error", err.Error()))
			}
			if !written {
				continue
			}
		}
		select {
		case signal <- struct{}{}:
		default: // a signal is pending
		}
	}
}

// finish completes the deletion of accounts.
func (d *dispatcher) finish(ctx context.Context) {
	ticker := time.NewTicker(finishInterval)
	defer ticker.Stop()
	for {
		if err := d.finisher.Finish(ctx); err != nil && ctx.Err() == nil {
			d.log.LogAttrs(ctx, slog.LevelError, "finish", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// purge removes expired deliveries.
func (d *dispatcher) purge(ctx context.Context) {
	ticker := time.NewTicker(purgeInterval)
	defer ticker.Stop()
	for {
		n, err := d.file.Purge(ctx, d.now().Add(-retainedFor))
		switch {
		case err != nil && ctx.Err() == nil:
			d.log.LogAttrs(ctx, slog.LevelWarn, "remove old deliveries", slog.String("error", err.Error()))
		case n > 0:
			d.log.LogAttrs(ctx, slog.LevelInfo, "old deliveries removed", slog.Int("deliveries", n))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// takeOver voids the leases of a process that has ended, so that what has
// become due is attempted at once.
func (d *dispatcher) takeOver(ctx context.Context) error {
	if d.file == nil {
		return nil // the leases end by themselves
	}
	if err := d.file.VoidLeases(ctx, d.now()); err != nil {
		return fmt.Errorf("take over the deliveries: %w", err)
	}
	return nil
}
