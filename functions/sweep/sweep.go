package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/functions/internal/worker"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/registry"
)

const (
	// ahead is longer than the minute between two sweeps, and shorter than two.
	ahead = 90 * time.Second
	// reserve is how much of the function's time is reserved for the last
	// writes.
	reserve = 5 * time.Second
)

// build builds the function from its environment variables. The error names
// every variable that is missing or invalid.
func build(ctx context.Context, environment map[string]string, log *slog.Logger) (*handler, error) {
	c, err := start.Read[worker.Config](environment)
	if err != nil {
		return nil, err
	}
	store, queue, err := c.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	return &handler{
		finish: registry.NewFinisher(store, time.Now, log).Finish,
		sweep:  delivery.NewSweeper(delivery.SweeperConfig{Store: store, Queue: queue, Now: time.Now, Log: log, Ahead: ahead}).Sweep,
		now:    time.Now,
		log:    log,
	}, nil
}

// handler sweeps.
type handler struct {
	sweep func(ctx context.Context, from time.Time) (delivery.Swept, error)
	// finish completes the deletion of accounts.
	finish func(context.Context) error
	now    func() time.Time
	log    *slog.Logger
}

// Sweep queues all that is due, and completes the deletion of accounts beside
// that. What it has no time for is left to the next minute. An error means that
// something could not be read, leased, queued or deleted because of an internal
// error; Lambda counts it.
func (h *handler) Sweep(ctx context.Context) error {
	ctx, cancel := worker.Within(ctx, reserve)
	defer cancel()
	finished := make(chan error, 1)
	go func() { finished <- h.finish(ctx) }()
	err := h.sweepOnce(ctx)
	finishErr := <-finished
	if ctx.Err() != nil {
		finishErr = nil // the next sweep continues
	}
	if finishErr != nil {
		h.log.LogAttrs(ctx, slog.LevelError, "finish", slog.String("error", finishErr.Error()))
	}
	return errors.Join(err, finishErr)
}

// sweepOnce queues all that is due.
func (h *handler) sweepOnce(ctx context.Context) error {
	swept, err := h.sweep(ctx, time.Time{})
	if err == nil && swept.Failed > 0 {
		err = fmt.Errorf("%d due deliveries could not be leased or sent for", swept.Failed)
	}
	if err != nil && ctx.Err() != nil {
		err = nil // the next sweep continues
	}
	h.report(ctx, swept, err)
	return err
}

// report logs the sweep.
func (h *handler) report(ctx context.Context, swept delivery.Swept, err error) {
	late := 0.0
	if !swept.Oldest.IsZero() {
		late = h.now().Sub(swept.Oldest).Seconds()
	}
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.Int("sent", swept.Sent), slog.Int("refused", swept.Refused), slog.Int("failed", swept.Failed),
		slog.Float64("late_s", late), slog.Bool("whole", ctx.Err() == nil),
	}
	if err != nil {
		level, attrs = slog.LevelError, append(attrs, slog.String("error", err.Error()))
	}
	h.log.LogAttrs(ctx, level, "sweep", attrs...)
}
