package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/metrics"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// metricsTimeout is how long the last measurements may take to be sent.
const metricsTimeout = 5 * time.Second

// metricsFlags say where a server's metrics are.
type metricsFlags struct {
	Listen string `env:"HOOKLINE_METRICS_LISTEN" help:"Address and port where Prometheus finds /metrics; a port alone is one of 127.0.0.1 (default: none)." placeholder:"[HOST:]PORT"`
}

func (f metricsFlags) validate() error {
	if f.Listen != "" && !isAddress(f.address()) {
		return fmt.Errorf("--metrics-listen %q: write it <host>:<port> or <port>, such as 9464", f.Listen)
	}
	return nil
}

// address completes a port that is given alone: metrics are for this machine
// unless a host says otherwise.
func (f metricsFlags) address() string {
	if _, err := strconv.ParseUint(f.Listen, 10, 16); err == nil {
		return net.JoinHostPort("127.0.0.1", f.Listen)
	}
	if port, alone := strings.CutPrefix(f.Listen, ":"); alone {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return f.Listen
}

// observers are what the parts of a server tell what they do. Those that are
// nil are told nothing.
type observers struct {
	store     sqlite.Observer
	requests  api.Observer
	published func(webhook.API, delivery.PublishStatus)
	attempted func(delivery.Observation)

	metrics *metrics.Metrics // nil if nothing is measured
	flags   metricsFlags
	log     *slog.Logger
}

// metricsConfig returns where the flags and the environment want measurements.
func (c *serveCommand) metricsConfig(p *program, log *slog.Logger) metrics.Config {
	cfg := metrics.Config{
		Prometheus: c.Metrics.Listen != "", OTLP: metrics.OTLP(p.getenv), Version: webhook.Version, Getenv: p.getenv,
		Log: log, Secure: c.Proxy.secure,
	}
	for _, a := range all.APIs() {
		cfg.APIs = append(cfg.APIs, a.Name)
	}
	return cfg
}

// measure returns the observers that the flags and the environment ask for.
func (c *serveCommand) measure(ctx context.Context, p *program, log *slog.Logger) (observers, error) {
	o := observers{requests: api.Observer{Client: c.Proxy.client}, flags: c.Metrics, log: log}
	cfg := c.metricsConfig(p, log)
	if !cfg.Measures() {
		return o, nil
	}
	m, err := metrics.New(ctx, cfg)
	if err != nil {
		return o, err
	}
	o.metrics, o.requests.Answered, o.published, o.attempted = m, m.Answered, m.Published, m.Attempted
	o.store = sqlite.Observer{Committed: m.Committed, Failed: m.StoreFailed}
	return o, nil
}

// start measures what can be asked of a server that is built, and opens the
// port for Prometheus.
func (o observers) start(ctx context.Context, s *server, limited *connections, file *sqlite.Store, now func() time.Time) error {
	if o.metrics == nil {
		return nil
	}
	s.closeLater(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), metricsTimeout)
		defer cancel()
		if err := o.metrics.Close(ctx); err != nil {
			o.log.LogAttrs(ctx, slog.LevelWarn, "the last metrics were not sent", slog.String("error", err.Error()))
		}
		return nil
	})
	if err := o.metrics.Watch(metrics.Sources{
		Now: now, Queue: s.dispatcher.queue.Stats, File: file, Connections: limited.counts,
	}); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if o.flags.Listen == "" {
		return nil
	}
	listener, err := listen(ctx, o.flags.address(), "--metrics-listen")
	if err != nil {
		return err
	}
	s.metricsURL = localURL("http", listener.Addr()) + "/metrics"
	scraped := newHTTPServer(o.metrics.Handler(), o.log)
	ended := make(chan error, 1)
	go func() { ended <- scraped.Serve(listener) }()
	s.closeLater(func() error {
		err := scraped.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, fmt.Errorf("serve metrics: %w", served))
		}
		return err
	})
	return nil
}
