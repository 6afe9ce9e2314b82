package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/functions/internal/worker"
	"github.com/hookline/hookline/pkg/delivery"
)

const (
	// ahead is longer than the minute between two sweeps, and shorter than two.
	ahead = 90 * time.Second
	// reserve is what is left of the function's time for the last writes.
	reserve = 5 * time.Second
)

// build builds the function from its environment, given as NAME to value. The
// error names every variable that is missing or wrong.
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
		sweep: delivery.NewSweeper(delivery.SweeperConfig{Store: store, Queue: queue, Now: time.Now, Log: log, Ahead: ahead}).Sweep,
		now:   time.Now,
		log:   log,
	}, nil
}

// handler sweeps.
type handler struct {
	sweep func(ctx context.Context, from time.Time) (delivery.Swept, error)
	now   func() time.Time
	log   *slog.Logger
}

// Sweep sends for all that is due. What its time does not suffice for comes in
// the next minute. The error says that something could not be looked for,
// leased or sent for, by an internal error; Lambda counts it.
func (h *handler) Sweep(ctx context.Context) error {
	ctx, cancel := worker.Within(ctx, reserve)
	defer cancel()
	swept, err := h.sweep(ctx, time.Time{})
	if err == nil && swept.Failed > 0 {
		err = fmt.Errorf("%d due deliveries could not be leased or sent for", swept.Failed)
	}
	if err != nil && ctx.Err() != nil {
		err = nil // the next sweep goes on
	}
	h.report(ctx, swept, err)
	return err
}

// report writes the sweep's line in the log.
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
