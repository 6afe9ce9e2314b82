package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/hookline/hookline/pkg/api/all"
)

// scrape reads metrics as Prometheus does: the value of each series.
func scrape(t testing.TB, client *http.Client, url string) (series map[string]float64, text string) {
	t.Helper()
	text = fetchText(t, client, url)
	series = map[string]float64{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		end := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[end:]), 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		series[line[:end]] = value
	}
	return series, text
}

func fetchText(t testing.TB, client *http.Client, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", url, response.StatusCode, text, err)
	}
	return string(text)
}

// only leaves the series of one name.
func only(series map[string]float64, name string) map[string]float64 {
	found := maps.Clone(series)
	maps.DeleteFunc(found, func(key string, _ float64) bool { return key != name && !strings.HasPrefix(key, name+"{") })
	return found
}

// becomes scrapes until the series of one name are these.
func (s *instance) becomes(t *testing.T, name string, want map[string]float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	client := newClient(t)
	for ; ; <-again.C {
		series, _ := scrape(t, client, s.Metrics)
		diff := cmp.Diff(want, only(series, name))
		if diff == "" {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// loggedRequests counts the requests in the log by the series that each
// belongs to.
func (s *instance) loggedRequests(t *testing.T) map[string]float64 {
	t.Helper()
	counts := map[string]float64{}
	for line := range strings.Lines(s.log.String()) {
		var r struct {
			Message, API, Method, Route string
			Status                      int
		}
		if !strings.Contains(line, `"msg":"request"`) {
			continue
		}
		decode(t, line, &r)
		if strings.HasPrefix(r.Method, "BREW") {
			r.Method = "_OTHER"
		}
		var labels []string
		if r.API != "" {
			labels = append(labels, fmt.Sprintf("hookline_api=%q", r.API))
		}
		labels = append(labels, fmt.Sprintf("http_request_method=%q,http_response_status_code=\"%d\"", r.Method, r.Status))
		if r.Route != "" {
			labels = append(labels, fmt.Sprintf("http_route=%q", r.Route))
		}
		counts["http_server_request_duration_seconds_count{"+strings.Join(append(labels, `url_scheme="http"`), ",")+"}"]++
	}
	return counts
}

// What Prometheus reads is what happened, refusals and failures included, and
// holds nothing of a customer's.
func TestMetrics(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev", "--metrics-listen", "0")
	c := openSite(t)
	list := customers(t, where, s, c)
	operator := newOperator(t, where, s)
	at := time.Now().UTC().Truncate(time.Second)
	// One attempt fails, one succeeds, one disables its webhook.
	for i, status := range []int64{503, 200, 410} {
		c.status.Store(status)
		id := *operator.publish(t, list[i].eventOf(t, "one", at, `"`+marker+`"`))[0].Delivery
		c.next(t)
		where.becomes(t, list[i].account, id, attempted(1))
	}
	operator.publish(t, list[0].eventOf(t, "one", at, `"`+marker+`"`), list[2].eventOf(t, "two", at, "1"),
		`{"account":"squake:secretive","event":"order"}`, `{"account":"abbeycross:demo","event":"hidden"}`,
		`{"account":"hidden:1","event":"order"}`, `7`)
	list[0].call(t, s, http.StatusUnprocessableEntity, "POST", "/v2/webhooks", `{"kind":"order","endpoint_url":"`+c.url+`"}`)
	list[0].call(t, s, http.StatusNotFound, "GET", "/v2/webhooks/hidden", "")
	for i := range 5 {
		mustRespond(t, http.StatusUnauthorized, "GET", s.URL+"/v1/webhooks", "", "Authorization: Bearer hidden")
		mustRespond(t, http.StatusNotFound, "GET", fmt.Sprint(s.URL, "/hidden/", i), "", "X-Nothing: x")
		mustRespond(t, http.StatusNotFound, "GET", fmt.Sprint(s.URL, "/v2/hidden", i), "", "X-Nothing: x")
		mustRespond(t, http.StatusMethodNotAllowed, fmt.Sprint("BREW", i), s.URL+"/v2/webhooks", "", "X-Nothing: x")
		mustRespond(t, http.StatusForbidden, "GET", s.URL+"/portal/webhooks/hidden", "", "Cookie: hookline=hidden")
	}
	s.becomes(t, "hookline_events_published_total", map[string]float64{
		`hookline_events_published_total{hookline_api="squake",hookline_result="accepted"}`:        1,
		`hookline_events_published_total{hookline_api="shoptet",hookline_result="accepted"}`:       1,
		`hookline_events_published_total{hookline_api="abbeycross",hookline_result="accepted"}`:    1,
		`hookline_events_published_total{hookline_api="abbeycross",hookline_result="held"}`:        1,
		`hookline_events_published_total{hookline_api="abbeycross",hookline_result="no_webhook"}`:  1,
		`hookline_events_published_total{hookline_api="squake",hookline_result="duplicate"}`:       1,
		`hookline_events_published_total{hookline_api="squake",hookline_result="unknown_account"}`: 1,
		`hookline_events_published_total{hookline_result="rejected"}`:                              2,
	})
	s.becomes(t, "hookline_attempt_duration_seconds_count", map[string]float64{
		`hookline_attempt_duration_seconds_count{hookline_api="shoptet",hookline_outcome="delivered"}`:                    1,
		`hookline_attempt_duration_seconds_count{error_type="5xx",hookline_api="squake",hookline_outcome="failed"}`:       1,
		`hookline_attempt_duration_seconds_count{error_type="4xx",hookline_api="abbeycross",hookline_outcome="disabled"}`: 1,
	})
	ended := map[string]float64{}
	for _, a := range all.APIs() { // from the beginning, so that the first is seen as an increase
		ended[fmt.Sprintf(`hookline_deliveries_ended_total{hookline_api=%q,hookline_result="failed"}`, a.Name)] = 0
	}
	ended[`hookline_deliveries_ended_total{hookline_api="shoptet",hookline_result="delivered"}`] = 1
	ended[`hookline_deliveries_ended_total{hookline_api="abbeycross",hookline_result="failed"}`] = 1
	s.becomes(t, "hookline_deliveries_ended_total", ended)
	s.becomes(t, "hookline_webhooks", map[string]float64{ // AbbeyCross's has two events
		`hookline_webhooks{hookline_api="squake",hookline_state="failing"}`:      1,
		`hookline_webhooks{hookline_api="abbeycross",hookline_state="disabled"}`: 2,
	})
	s.becomes(t, "hookline_backlog_deliveries", map[string]float64{
		`hookline_backlog_deliveries{hookline_backlog_place="queue"}`: 0, `hookline_backlog_deliveries{hookline_backlog_place="store"}`: 0,
	})
	s.becomes(t, "http_server_request_duration_seconds_count", s.loggedRequests(t))
	series, text := scrape(t, newClient(t), s.Metrics)
	for key, want := range map[string]float64{
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="404",url_scheme="http"}`:                                                    5,
		`http_server_request_duration_seconds_count{hookline_api="squake",http_request_method="GET",http_response_status_code="404",url_scheme="http"}`:                              5,
		`http_server_request_duration_seconds_count{hookline_api="squake",http_request_method="_OTHER",http_response_status_code="405",http_route="/v2/webhooks",url_scheme="http"}`: 5,
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="403",http_route="/portal/webhooks/{id}",url_scheme="http"}`:                 5,
		`hookline_queue_messages{hookline_queue_lane="quick"}`:      0, // the site asks for an hour's wait
		`hookline_queue_delayed`:                                    0,
		`hookline_store_failures_total{hookline_operation="read"}`:  0,
		`hookline_store_failures_total{hookline_operation="write"}`: 0,
	} {
		if got, ok := series[key]; !ok || got != want {
			t.Errorf("%s = %v, want %v", key, got, want)
		}
	}
	if commits, writes := series["hookline_store_commit_writes_count"], series["hookline_store_commit_writes_sum"]; commits == 0 || writes < commits {
		t.Errorf("%v commits of %v writes", commits, writes)
	}
	secrets := []string{operator.token, marker, "demo", "hidden", "secretive", "2018000012", c.url, "order", "trip", "127.0.0.1", "BREW", "hk_", "whsec_"}
	for _, customer := range list {
		secrets = append(secrets, customer.key, customer.id)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the metrics hold %q", secret)
		}
	}
}

// Metrics are on no port unless asked for, and not on the server's own.
func TestMetricsAreOff(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--metrics-listen", "0"}} {
		s := boot(t, t.TempDir(), flags...)
		if (s.Metrics != "") != (flags != nil) {
			t.Errorf("serve %v: metrics at %q", flags, s.Metrics)
		}
		if status, _ := exchange(t, s.URL, "GET", "/metrics"); status != http.StatusNotFound {
			t.Errorf("serve %v: /metrics of the server is answered %d", flags, status)
		}
		if flags != nil {
			base := strings.TrimSuffix(s.Metrics, "/metrics")
			for _, path := range []string{"/", "/healthz", "/v2/webhooks", "/debug/pprof/"} {
				if status, _ := exchange(t, base, "GET", path); status != http.StatusNotFound {
					t.Errorf("%s beside the metrics is answered %d", path, status)
				}
			}
		}
	}
}

func TestMetricsAddress(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"9464": "127.0.0.1:9464", ":9464": "127.0.0.1:9464", "0.0.0.0:9464": "0.0.0.0:9464", "[::]:9464": "[::]:9464", "metrics.internal:1": "metrics.internal:1",
		"": "", "70000": "", "host": "", "host:": "", "host:x": "", "::1": "",
	} {
		f := metricsFlags{Listen: listen}
		if err := f.validate(); (err == nil) != (want != "" || listen == "") {
			t.Errorf("%q: %v", listen, err)
		} else if want != "" && f.address() != want {
			t.Errorf("%q is %q, want %q", listen, f.address(), want)
		}
	}
}

// By OTLP the same measurements arrive, the last of them when the server ends.
func TestMetricsByOTLP(t *testing.T) {
	got := make(chan *v1.ExportMetricsServiceRequest, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		sent := new(v1.ExportMetricsServiceRequest)
		if err == nil {
			err = proto.Unmarshal(body, sent)
		}
		if err != nil || r.URL.Path != "/v1/metrics" || r.Header.Get("Api-Key") != "hush" {
			t.Errorf("%s: %v, header %v", r.URL.Path, err, r.Header)
		}
		got <- sent
	}))
	defer collector.Close()
	settings := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=hush", "OTEL_SERVICE_NAME": "hooks"}
	for name, value := range settings {
		t.Setenv(name, value) // where OpenTelemetry's exporter reads them
	}
	s := bootLogged(t, func(p *program) { p.getenv = os.Getenv }, t.TempDir())
	exchange(t, s.URL, "GET", "/nothing")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	close(got)
	requests, service := uint64(0), ""
	for sent := range got {
		for _, resource := range sent.GetResourceMetrics() {
			for _, a := range resource.GetResource().GetAttributes() {
				if a.GetKey() == "service.name" {
					service = a.GetValue().GetStringValue()
				}
			}
			for _, scope := range resource.GetScopeMetrics() {
				for _, m := range scope.GetMetrics() {
					if m.GetName() == "http.server.request.duration" {
						requests = m.GetHistogram().GetDataPoints()[0].GetCount()
					}
				}
			}
		}
	}
	if requests != 1 || service != "hooks" {
		t.Errorf("%d requests of service %q arrived, want 1 of hooks", requests, service)
	}
	s.searchLogFor(t, "hush")
}

// A collector that is away costs nothing but a line in the log, and a protocol
// that there is not is refused.
func TestMetricsWithoutCollector(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "100")
	s := bootLogged(t, func(p *program) { p.getenv = os.Getenv }, t.TempDir())
	if status, _ := exchange(t, s.URL, "GET", "/healthz"); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
	if err := s.stop(); err != nil {
		t.Errorf("serve ended with %v", err)
	}
	contains(t, s.log.String(), "the last metrics were not sent")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	p := testProgram(os.Getenv, io.Discard, io.Discard)
	if err := p.run(t.Context(), serveArgs(t.TempDir())); err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_PROTOCOL") {
		t.Errorf("http/json: %v", err)
	}
}
