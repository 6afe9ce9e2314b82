// Package metrics measures a server through OpenTelemetry. Other packages do
// not know it: they call functions, which the server takes from here.
//
// No attribute has a value that an account, a URL, an event or a client could
// add to: APIs, routes, methods, statuses, and classes of errors. Names are
// those of OpenTelemetry's semantic conventions where there are any, and begin
// with "hookline." elsewhere.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/runtime"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// maxScrapes is how many scrapes are served at once: each reads the store.
	maxScrapes = 2
	// scrapeTimeout bounds what a scrape reads.
	scrapeTimeout = 5 * time.Second
)

// Config says where measurements go.
type Config struct {
	// Prometheus has Handler serve them.
	Prometheus bool
	// OTLP sends them to where the OTEL_ variables say; see [OTLP].
	OTLP    bool
	Version string
	// APIs are those whose failed deliveries are counted from 0.
	APIs []webhook.API
	// Getenv reads the variables of OpenTelemetry that say how. Those that its
	// exporters and its resource read come from the process's environment.
	Getenv func(string) string
	Log    *slog.Logger
	// Secure reports whether a client's request came by HTTPS.
	Secure func(*http.Request) bool
}

// Metrics are the instruments of a server. Its methods are safe for concurrent
// use. Those that measure return at once.
type Metrics struct {
	cfg      Config
	provider *sdk.MeterProvider
	meter    metric.Meter
	registry *prometheus.Registry

	requests metric.Float64Histogram
	events   metric.Int64Counter
	attempts metric.Float64Histogram
	ended    metric.Int64Counter
	commits  metric.Float64Histogram
	writes   metric.Int64Histogram
	failures metric.Int64Counter

	sets sync.Map // of attributes, as [metric.MeasurementOption], by their key
}

// Measures reports whether measurements go anywhere.
func (c Config) Measures() bool { return c.Prometheus || c.OTLP }

// Check returns the errors of the configuration for which New would fail. It
// measures and sends nothing.
func Check(ctx context.Context, cfg Config) error {
	if !cfg.Measures() {
		return nil
	}
	_, exporter, err := cfg.read(ctx)
	if exporter != nil {
		err = errors.Join(err, exporter.Shutdown(ctx))
	}
	return err
}

// read returns what the variables say the metrics are of, and what sends them,
// nil if nothing does.
func (c Config) read(ctx context.Context) (*resource.Resource, sdk.Exporter, error) {
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName("hookline"), semconv.ServiceVersion(c.Version)),
		resource.WithFromEnv(), // last, so that it decides
	)
	if err != nil {
		err = fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	if !c.OTLP {
		return about, nil, err
	}
	exporter, exporterErr := newExporter(ctx, c.Getenv)
	return about, exporter, errors.Join(err, exporterErr)
}

// New makes the instruments. An error is one of the configuration.
func New(ctx context.Context, cfg Config) (*Metrics, error) {
	m := &Metrics{cfg: cfg}
	about, exporter, err := cfg.read(ctx)
	if err != nil {
		return nil, err
	}
	options := []sdk.Option{sdk.WithResource(about), sdk.WithExemplarFilter(exemplar.AlwaysOffFilter)}
	if cfg.Prometheus {
		reader, err := m.prometheus()
		if err != nil {
			return nil, err
		}
		options = append(options, sdk.WithReader(reader))
	}
	if exporter != nil {
		options = append(options, sdk.WithReader(sdk.NewPeriodicReader(exporter)))
	}
	m.provider = sdk.NewMeterProvider(options...)
	m.meter = m.provider.Meter("github.com/hookline/hookline", metric.WithInstrumentationVersion(cfg.Version))
	return m, errors.Join(m.instruments(), runtime.Start(runtime.WithMeterProvider(m.provider)))
}

// prometheus returns the reader that fills the registry.
func (m *Metrics) prometheus() (sdk.Reader, error) {
	m.registry = prometheus.NewRegistry()
	err := m.registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, readerErr := otelprometheus.New(otelprometheus.WithRegisterer(m.registry), otelprometheus.WithoutScopeInfo())
	return reader, errors.Join(err, readerErr)
}

// Handler serves the measurements to Prometheus at /metrics, and nothing else.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: errorLog{m.cfg.Log}, ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout, EnableOpenMetrics: true,
	}))
	return mux
}

// errorLog is the log of failed scrapes.
type errorLog struct{ log *slog.Logger }

func (l errorLog) Println(v ...any) { l.log.Warn("scrape", "error", fmt.Sprint(v...)) }

// Close sends what was measured last, and ends.
func (m *Metrics) Close(ctx context.Context) error { return m.provider.Shutdown(ctx) }
