package metrics

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/queue/local"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// newMetrics returns metrics of a server whose file is empty.
func newMetrics(t testing.TB) *Metrics {
	t.Helper()
	m, err := New(t.Context(), Config{
		Prometheus: true, Version: "1.2.3", Log: slog.New(slog.DiscardHandler),
		Secure: func(r *http.Request) bool { return r.TLS != nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := sqlite.Open(filepath.Join(t.TempDir(), "hookline.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(m.Close(t.Context()), file.Close()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	if err := m.Watch(Sources{
		Now: time.Now, Queue: local.New(local.Config{}).Stats, File: file,
		Connections: func() (serving, waiting, limit int) { return 1, 2, 3 },
	}); err != nil {
		t.Fatal(err)
	}
	return m
}

// labels are the names of the labels of each metric.
type labels map[string]map[string]bool

// scraped reads what Prometheus gets: the labels of all metrics, and how many
// series there are.
func scraped(t testing.TB, m *Metrics) (found labels, series int) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	found = labels{}
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		series++
		name, rest, labelled := strings.Cut(line[:strings.LastIndexByte(line, ' ')], "{")
		if found[name] == nil {
			found[name] = map[string]bool{}
		}
		if !labelled {
			continue
		}
		for label := range strings.SplitSeq(strings.TrimSuffix(rest, "}"), `",`) {
			key, _, _ := strings.Cut(label, "=")
			found[name][key] = true
		}
	}
	return found, series
}

// measureAll has everything happen once that is measured.
func measureAll(m *Metrics) {
	m.Answered(api.Observation{API: "squake", Request: httptest.NewRequest(http.MethodGet, "/", nil), Route: "/v2/webhooks", Status: 200, Duration: time.Millisecond})
	m.Published("squake", delivery.Accepted)
	m.Attempted(delivery.Observation{API: "squake", Outcome: delivery.Failed, Status: webhook.StatusFailed, Response: delivery.Response{Status: 500}, Duration: time.Second})
	m.Committed(1, time.Millisecond)
	m.StoreFailed(sqlite.Write)
}

// What clients and receivers send adds no series.
func TestSeriesAreBounded(t *testing.T) {
	m := newMetrics(t)
	measureAll(m)
	m.Answered(api.Observation{Request: &http.Request{Method: "ODD"}, Status: 404})
	_, before := scraped(t, m)
	for i := range 1000 {
		m.Answered(api.Observation{Request: &http.Request{Method: fmt.Sprint("ODD", i)}, Status: 404})
		m.Attempted(delivery.Observation{
			API: "squake", Outcome: delivery.Failed, Status: webhook.StatusFailed,
			Response: delivery.Response{Status: 500 + i%100, Reason: fmt.Sprint("answered ", i)},
		})
	}
	if _, after := scraped(t, m); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

// A delivery that was cancelled is no attempt, and one that goes on has not
// ended.
func TestAttempted(t *testing.T) {
	m := newMetrics(t)
	m.Attempted(delivery.Observation{API: "squake", Outcome: delivery.Cancelled, Status: webhook.StatusCancelled})
	found, _ := scraped(t, m)
	if found["hookline_attempt_duration_seconds_count"] != nil || found["hookline_deliveries_ended_total"] == nil {
		t.Errorf("cancelled: %v", slices.Sorted(maps.Keys(found)))
	}
	m = newMetrics(t)
	m.Attempted(delivery.Observation{API: "squake", Outcome: delivery.Failed, Status: webhook.StatusRetrying, Response: delivery.Response{Reason: "could not connect"}})
	found, _ = scraped(t, m)
	if !found["hookline_attempt_duration_seconds_count"]["error_type"] || found["hookline_deliveries_ended_total"] != nil {
		t.Errorf("retrying: %v", found)
	}
}

func TestOTLP(t *testing.T) {
	const endpoint, own = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
	for _, c := range []struct {
		settings map[string]string
		want     bool
	}{
		{nil, false},
		{map[string]string{endpoint: "http://collector:4318"}, true},
		{map[string]string{own: "http://collector:4318/v1/metrics"}, true},
		{map[string]string{endpoint: "http://collector:4318", "OTEL_METRICS_EXPORTER": "none"}, false},
		{map[string]string{endpoint: "http://collector:4318", "OTEL_METRICS_EXPORTER": "otlp"}, true},
		{map[string]string{endpoint: "http://collector:4318", "OTEL_SDK_DISABLED": "TRUE"}, false},
		{map[string]string{"OTEL_METRICS_EXPORTER": "otlp"}, false},
	} {
		if got := OTLP(func(name string) string { return c.settings[name] }); got != c.want {
			t.Errorf("%v: %v", c.settings, got)
		}
	}
	for protocol, want := range map[string]bool{"": true, "grpc": true, "http/protobuf": true, "http/json": false} {
		cfg := Config{OTLP: true, Getenv: func(name string) string {
			return map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": protocol}[name]
		}}
		if err := Check(t.Context(), cfg); (err == nil) != want {
			t.Errorf("protocol %q: %v", protocol, err)
		}
		cfg.OTLP = false
		if err := Check(t.Context(), cfg); err != nil {
			t.Errorf("protocol %q of metrics that are not sent: %v", protocol, err)
		}
	}
}
