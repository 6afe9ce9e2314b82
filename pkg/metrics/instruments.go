package metrics

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// The attributes that no convention names.
const (
	apiKey       = attribute.Key("hookline.api")
	resultKey    = attribute.Key("hookline.result")
	outcomeKey   = attribute.Key("hookline.outcome")
	operationKey = attribute.Key("hookline.operation")
	laneKey      = attribute.Key("hookline.queue.lane")
	whereKey     = attribute.Key("hookline.backlog.place")
	stateKey     = attribute.Key("hookline.state")
)

// methods are those that are told apart: IANA's that are in use. Any other is
// "_OTHER", as the conventions say.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodConnect, http.MethodOptions, http.MethodTrace, "QUERY",
}

// Buckets in seconds. Those of requests are the conventions'; attempts may take
// as long as the slowest API waits.
var (
	requestSeconds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	attemptSeconds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30}
	commitSeconds  = []float64{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30}
	commitWrites   = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}
)

// instruments makes what is measured as it happens.
func (m *Metrics) instruments() error {
	var errs [7]error
	m.requests, errs[0] = m.meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of HTTP server requests."), metric.WithExplicitBucketBoundaries(requestSeconds...))
	m.events, errs[1] = m.meter.Int64Counter("hookline.events.published", metric.WithUnit("{event}"),
		metric.WithDescription("Events that POST /events was given, by what became of them."))
	m.attempts, errs[2] = m.meter.Float64Histogram("hookline.attempt.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of attempts to deliver."), metric.WithExplicitBucketBoundaries(attemptSeconds...))
	m.ended, errs[3] = m.meter.Int64Counter("hookline.deliveries.ended", metric.WithUnit("{delivery}"),
		metric.WithDescription("Deliveries to which no attempt is to come, by how they ended."))
	m.commits, errs[4] = m.meter.Float64Histogram("hookline.store.commit.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of commits of the SQLite file, until they are on disk."), metric.WithExplicitBucketBoundaries(commitSeconds...))
	m.writes, errs[5] = m.meter.Int64Histogram("hookline.store.commit.writes", metric.WithUnit("{write}"),
		metric.WithDescription("Writes that share a commit."), metric.WithExplicitBucketBoundaries(commitWrites...))
	m.failures, errs[6] = m.meter.Int64Counter("hookline.store.failures", metric.WithUnit("{operation}"),
		metric.WithDescription("Reads and writes that the SQLite file failed."))
	err := errors.Join(errs[:]...)
	if err == nil { // so that the first failure is seen as an increase
		m.failures.Add(context.Background(), 0, m.operation(sqlite.Read))
		m.failures.Add(context.Background(), 0, m.operation(sqlite.Write))
		for _, name := range m.cfg.APIs {
			m.ended.Add(context.Background(), 0, m.ending(name, webhook.StatusFailed))
		}
	}
	return err
}

// with returns the attributes of a key, which are made once. K is the caller's
// own type, so that keys of two callers differ.
func with[K comparable](m *Metrics, key K, attributes func(K) []attribute.KeyValue) metric.MeasurementOption {
	if set, ok := m.sets.Load(key); ok {
		return set.(metric.MeasurementOption)
	}
	set := metric.WithAttributeSet(attribute.NewSet(slices.DeleteFunc(attributes(key), func(a attribute.KeyValue) bool {
		return a.Value.AsString() == "" && a.Value.Type() == attribute.STRING
	})...))
	m.sets.Store(key, set)
	return set
}

type requestKey struct {
	api           webhook.API
	method, route string
	status        int
	secure        bool
}

// Answered measures a request.
func (m *Metrics) Answered(a api.Observation) {
	key := requestKey{api: a.API, method: a.Request.Method, route: a.Route, status: a.Status, secure: m.cfg.Secure(a.Request)}
	if !slices.Contains(methods, key.method) {
		key.method = "_OTHER"
	}
	m.requests.Record(context.Background(), a.Duration.Seconds(), with(m, key, func(k requestKey) []attribute.KeyValue {
		scheme := "http"
		if k.secure {
			scheme = "https"
		}
		return []attribute.KeyValue{
			apiKey.String(string(k.api)), semconv.HTTPRequestMethodKey.String(k.method), semconv.HTTPRoute(k.route),
			semconv.HTTPResponseStatusCode(k.status), semconv.URLScheme(scheme),
		}
	}))
}

type eventKey struct {
	api    webhook.API
	status delivery.PublishStatus
}

// Published counts an event.
func (m *Metrics) Published(of webhook.API, status delivery.PublishStatus) {
	m.events.Add(context.Background(), 1, with(m, eventKey{of, status}, func(k eventKey) []attribute.KeyValue {
		return []attribute.KeyValue{apiKey.String(string(k.api)), resultKey.String(string(k.status))}
	}))
}

type attemptKey struct {
	api     webhook.API
	outcome delivery.Outcome
	class   string
}

type endedKey struct {
	api    webhook.API
	status webhook.Status
}

// Attempted measures an attempt and counts a delivery that has ended.
func (m *Metrics) Attempted(o delivery.Observation) {
	if o.Outcome != delivery.Cancelled {
		key := attemptKey{o.API, o.Outcome, sender.Class(o.Response)}
		m.attempts.Record(context.Background(), o.Duration.Seconds(), with(m, key, func(k attemptKey) []attribute.KeyValue {
			return []attribute.KeyValue{apiKey.String(string(k.api)), outcomeKey.String(outcome(k.outcome)), semconv.ErrorTypeKey.String(k.class)}
		}))
	}
	if o.Status.Open() {
		return
	}
	m.ended.Add(context.Background(), 1, m.ending(o.API, o.Status))
}

func (m *Metrics) ending(of webhook.API, status webhook.Status) metric.MeasurementOption {
	return with(m, endedKey{of, status}, func(k endedKey) []attribute.KeyValue {
		return []attribute.KeyValue{apiKey.String(string(k.api)), resultKey.String(k.status.String())}
	})
}

// outcome names the outcome of an attempt.
func outcome(o delivery.Outcome) string {
	switch o {
	case delivery.Delivered:
		return "delivered"
	case delivery.Failed:
		return "failed"
	case delivery.Disabled:
		return "disabled"
	case delivery.Dropped, delivery.Cancelled:
	}
	return "none"
}

// Committed measures a commit.
func (m *Metrics) Committed(writes int, took time.Duration) {
	m.commits.Record(context.Background(), took.Seconds())
	m.writes.Record(context.Background(), int64(writes))
}

// StoreFailed counts a failure of the store.
func (m *Metrics) StoreFailed(o sqlite.Operation) {
	m.failures.Add(context.Background(), 1, m.operation(o))
}

func (m *Metrics) operation(o sqlite.Operation) metric.MeasurementOption {
	return with(m, o, func(o sqlite.Operation) []attribute.KeyValue {
		return []attribute.KeyValue{operationKey.String(string(o))}
	})
}
