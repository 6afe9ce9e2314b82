package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/functions/internal/worker"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/notice"
	"github.com/hookline/hookline/pkg/notice/eventbridge"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// ahead is longer than the minute between two sweeps, and shorter than two.
	ahead = 90 * time.Second
	// reserve is how much of the function's time is reserved for the last
	// writes.
	reserve = 5 * time.Second
	// parallel is how many batches of 100 are leased and queued at once, 32
	// leases of each. It is more than the function's processor can do.
	parallel = 4
)

// build builds the function from its environment variables. The error names
// every variable that is missing or invalid.
func build(ctx context.Context, environment map[string]string, log *slog.Logger) (*handler, error) {
	c, err := start.Read[config](environment)
	if err != nil {
		return nil, err
	}
	store, queue, err := c.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	h := newHandler(store, queue, log)
	if c.NoticeBus != "" {
		h.notify = newNotifier(c, store, log).Sweep
	}
	return h, nil
}

// config is what the function reads besides worker.Config.
type config struct {
	worker.Config
	// NoticeBus is the name or ARN of the event bus that notices go to. Without
	// one there are none.
	NoticeBus           string `env:"HOOKLINE_NOTICE_BUS"`
	EventBridgeEndpoint string `env:"AWS_ENDPOINT_URL_EVENTBRIDGE"` // for tests
}

func newNotifier(c config, store *dynamo.Store, log *slog.Logger) *notice.Notifier {
	var apis []webhook.API
	for _, a := range all.APIs() {
		apis = append(apis, a.Name)
	}
	return notice.New(notice.Config{
		Store: store,
		Sender: eventbridge.New(eventbridge.Config{
			Region: c.Region, Credentials: c.Credentials(), Endpoint: c.EventBridgeEndpoint, Bus: c.NoticeBus,
		}),
		APIs: apis, NewID: keygen.New(rand.Reader, time.Now).UUID, Now: time.Now, Log: log,
	})
}

func newHandler(store *dynamo.Store, queue delivery.Queue, log *slog.Logger) *handler {
	return &handler{
		finish: registry.NewFinisher(store, time.Now, log).Finish,
		sweeper: func(p part) (sweeper, error) {
			some, err := store.Part(p.Part, p.Parts)
			if err != nil {
				return nil, err
			}
			return delivery.NewSweeper(delivery.SweeperConfig{
				Store: some, Queue: queue, Now: time.Now, Log: log, Ahead: ahead, Parallel: parallel,
			}), nil
		},
		now: time.Now,
		log: log,
	}
}

// part is what a schedule invokes the function with: which of how many equal
// parts of what is due to sweep, counted from 0. Several schedules sweep a part
// each, at the same time. An invocation that names none sweeps all.
type part struct {
	Part  int `json:"part"`
	Parts int `json:"parts"`
}

// sweeper is a delivery.Sweeper.
type sweeper interface {
	Sweep(ctx context.Context, from time.Time) (delivery.Swept, error)
}

// handler sweeps.
type handler struct {
	sweeper func(part) (sweeper, error)
	// finish completes the deletion of accounts.
	finish func(context.Context) error
	// notify sends the notices to the operator. It is nil if there are none.
	notify func(context.Context) error
	now    func() time.Time
	log    *slog.Logger
}

// Sweep queues all that is due of a part. Beside the first part it completes the
// deletion of accounts and sends notices. What it has no time for is left to the next minute. An
// error means that something could not be read, leased, queued or deleted
// because of an internal error; Lambda counts it.
func (h *handler) Sweep(ctx context.Context, p part) error {
	ctx, cancel := worker.Within(ctx, reserve)
	defer cancel()
	if p.Part != 0 {
		return h.sweepOnce(ctx, p)
	}
	var beside sync.WaitGroup
	var finishErr, notifyErr error
	beside.Go(func() { finishErr = h.also(ctx, "finish", h.finish) })
	if h.notify != nil {
		beside.Go(func() { notifyErr = h.also(ctx, "notices", h.notify) })
	}
	err := h.sweepOnce(ctx, p)
	beside.Wait()
	return errors.Join(err, finishErr, notifyErr)
}

// also does what is done beside a sweep, and logs an error. What it has no time
// for is no error.
func (h *handler) also(ctx context.Context, name string, do func(context.Context) error) error {
	err := do(ctx)
	if ctx.Err() != nil {
		err = nil // the next sweep continues
	}
	if err != nil {
		h.log.LogAttrs(ctx, slog.LevelError, name, slog.String("error", err.Error()))
	}
	return err
}

// sweepOnce queues all that is due of a part.
func (h *handler) sweepOnce(ctx context.Context, p part) error {
	p.Parts = max(p.Parts, 1)
	var swept delivery.Swept
	s, err := h.sweeper(p)
	if err == nil {
		swept, err = s.Sweep(ctx, time.Time{})
	}
	if err == nil && swept.Failed > 0 {
		err = fmt.Errorf("%d due deliveries could not be leased or sent for", swept.Failed)
	}
	if err != nil && ctx.Err() != nil {
		err = nil // the next sweep continues
	}
	h.report(ctx, p, swept, err)
	return err
}

// report logs the sweep.
func (h *handler) report(ctx context.Context, p part, swept delivery.Swept, err error) {
	late := 0.0
	if !swept.Oldest.IsZero() {
		late = h.now().Sub(swept.Oldest).Seconds()
	}
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.Int("sent", swept.Sent), slog.Int("refused", swept.Refused), slog.Int("failed", swept.Failed),
		slog.Float64("late_s", late), slog.Bool("whole", ctx.Err() == nil),
		slog.Int("part", p.Part), slog.Int("parts", p.Parts),
	}
	if err != nil {
		level, attrs = slog.LevelError, append(attrs, slog.String("error", err.Error()))
	}
	h.log.LogAttrs(ctx, level, "sweep", attrs...)
}
