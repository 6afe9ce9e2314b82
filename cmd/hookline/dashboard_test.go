package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/browser"
	"github.com/hookline/hookline/internal/test/dashboard"
	"github.com/hookline/hookline/internal/test/long"
)

// drawings is where the picture of the dashboard is left.
const drawings = "../../.tools/dashboard"

// traffic is what publishers, customers and receivers do with a server.
type traffic struct {
	*httptest.Server // the receivers

	server   *child
	customer *customerOf // of Squake
	token    string      // the publisher's
	trouble  atomic.Bool
}

// ServeHTTP receives: while there is trouble, Squake's receiver refuses a fifth
// of what comes, and Shoptet's hangs; one of AbbeyCross's is gone.
func (l *traffic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-time.After(time.Duration(rand.ExpFloat64() * float64(12*time.Millisecond)))
	switch trouble := l.trouble.Load(); {
	case r.URL.Path == "/gone":
		w.WriteHeader(http.StatusGone)
	case trouble && r.URL.Path == "/shoptet":
		<-r.Context().Done()
	case trouble && r.URL.Path == "/squake" && rand.IntN(5) == 0:
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// startTraffic starts a server with metrics, where each API has customers.
func startTraffic(t *testing.T) *traffic {
	t.Helper()
	l := &traffic{}
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	l.server = spawn(t, t.TempDir(), "--dev", "--metrics-listen", "0")
	where := dataDir{data: l.server.data}
	list := customers(t, where, &l.server.instance, &site{url: l.URL})
	for event, url := range map[string]string{"trip.gone": l.URL + "/gone", "trip.lost": "http://127.0.0.1:1"} {
		list[2].call(t, &l.server.instance, http.StatusCreated, "POST", "/v1/webhooks/register", fmt.Sprintf(`{"url":%q,"events":[%q]}`, url, event))
	}
	l.customer, l.token = list[0], newOperator(t, where, &l.server.instance).token
	return l
}

// run publishes ten times a second, more and less in turn, and reads a webhook
// that there is and one that there is not, until ctx ends.
func (l *traffic) run(ctx context.Context, client *http.Client) error {
	pace := time.NewTicker(time.Second / 10)
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-pace.C:
		}
		counts := map[string]int{
			`"account":"squake:demo","event":"order"`:                      4 + int(3*math.Sin(float64(n)/80)),
			`"account":"abbeycross:demo","event":"trip.ended"`:             n % 2,
			`"account":"shoptet:1","event":"order:create","instance":"17"`: 1,
		}
		if l.trouble.Load() {
			counts[`"account":"abbeycross:demo","event":"trip.gone"`] = 1
			counts[`"account":"abbeycross:demo","event":"trip.lost"`] = n % 2
		}
		var events []string
		for about, count := range counts {
			events = append(events, slices.Repeat([]string{"{" + about + `,"payload":"1"}`}, count)...)
		}
		_, err := publish(ctx, client, l.server.URL, l.token, []byte(`{"events":[`+strings.Join(events, ",")+`]}`))
		for _, path := range slices.Repeat([]string{l.customer.own}, 2+int(2*math.Sin(float64(n)/110))) {
			err = errors.Join(err, l.read(ctx, client, path))
		}
		if n%5 == 0 {
			err = errors.Join(err, l.read(ctx, client, "/v2/webhooks/none"))
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// read sends a GET in the name of Squake's customer.
func (l *traffic) read(ctx context.Context, client *http.Client, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.server.URL+path, nil)
	if err != nil {
		return err
	}
	name, value, _ := strings.Cut(l.customer.auth, ": ")
	r.Header.Set(name, value)
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

// wantedLines are lines that the traffic has the panels show, among others.
var wantedLines = map[string][]string{
	"Requests by API and status":         {"squake 200", "squake 404"},
	"Events published":                   {"accepted", "held"},
	"Attempts":                           {"abbeycross disabled", "shoptet delivered", "squake failed"},
	"Failures of attempts":               {"4xx", "5xx", "not_connected", "timeout"},
	"Deliveries that ended":              {"delivered", "failed"},
	"Webhooks that fail or are disabled": {"abbeycross disabled", "shoptet failing"},
	"Queue":                              {"new", "quick", "slow", "of these for later"},
}

// shows asks Prometheus what Grafana would ask it for the dashboard, with the
// one server chosen, and returns the lines of each panel, and what is missing.
func (p *prometheus) shows(t *testing.T, d dashboard.Dashboard, s span) (lines map[string][]dashboard.Line, missing []string) {
	t.Helper()
	variables := map[string]string{}
	for _, v := range d.Templating.List {
		if metric, label, ok := v.LabelValues(); ok {
			values := ask[[]string](t, p, "label/"+label+"/values", s.query(url.Values{"match[]": {dashboard.Interpolate(metric, variables, scrapeInterval, s.step)}}))
			if len(values) != 1 {
				t.Fatalf("the choices of %s are %q", v.Name, values)
			}
			variables[v.Name] = values[0]
		}
	}
	lines = map[string][]dashboard.Line{}
	for _, panel := range d.Panels {
		names := map[string]bool{}
		for _, query := range panel.Queries {
			expression := dashboard.Interpolate(query.Expr, variables, scrapeInterval, s.step)
			found := p.over(t, expression, s)
			if limit, _, ok := strings.Cut(expression, " < "); ok && len(found) == 0 { // it shows when it is near
				if len(p.over(t, limit, s)) == 0 {
					missing = append(missing, panel.Title+": "+limit)
				}
			} else if len(found) == 0 {
				missing = append(missing, panel.Title+": "+query.Expr)
			}
			for _, series := range found {
				line := dashboard.Line{Name: query.Name(series.labels), Values: series.values}
				if names[line.Name] || line.Name == "" {
					t.Errorf("%s: a line is named %q, or two are", panel.Title, line.Name)
				}
				names[line.Name] = true
				lines[panel.Title] = append(lines[panel.Title], line)
			}
		}
		for _, name := range wantedLines[panel.Title] {
			if !names[name] {
				missing = append(missing, panel.Title+": "+name)
			}
		}
	}
	return lines, missing
}

// TestAlerts: each alert goes off when it should, and not before.
func TestAlerts(t *testing.T) {
	t.Parallel()
	if !long.Pick(false, true) {
		t.Skip("part of the long run")
	}
	tests := strings.TrimSuffix(rulesFile, ".yaml") + ".test.yaml"
	for verb, file := range map[string]string{"check": rulesFile, "test": tests} {
		if said, err := exec.CommandContext(t.Context(), prometheusProgram(t, "promtool"), verb, "rules", file).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v: %s", verb, err, said)
		}
	}
	rules, rulesErr := os.ReadFile(rulesFile)
	tested, err := os.ReadFile(tests)
	if err := errors.Join(rulesErr, err); err != nil {
		t.Fatal(err)
	}
	for _, alert := range regexp.MustCompile(`- alert: (\w+)`).FindAllSubmatch(rules, -1) {
		if !bytes.Contains(tested, fmt.Appendf(nil, "{alertname=%q,", alert[1])) {
			t.Errorf("no test has %s go off", alert[1])
		}
	}
}

// TestDashboard: a real Prometheus answers every query of the dashboard, and
// evaluates the alerts, none of which fires while the server is healthy. It
// leaves a picture of the dashboard. HOOKLINE_TEST_SCRAPES makes it longer: one
// a second.
func TestDashboard(t *testing.T) {
	t.Parallel()
	if !long.Pick(false, true) {
		t.Skip("part of the long run")
	}
	scrapes := setting(t, "HOOKLINE_TEST_SCRAPES", 16)
	l := startTraffic(t)
	p := startPrometheus(t, l.server.Metrics)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all errgroup.Group
	client := newClient(t)
	all.Go(func() error { return l.run(ctx, client) })
	begin := time.Now().Truncate(time.Second)
	p.scraped(t, scrapes/4)
	for name, state := range p.alerts(t) {
		ofSpeed := strings.HasPrefix(name, "HooklineSlow") || name == "HooklineDown" // which a busy machine lacks
		if state != "inactive" && (state != "pending" || !ofSpeed) {
			t.Errorf("the server is healthy, and %s is %s", name, state)
		}
	}
	l.trouble.Store(true)
	p.scraped(t, scrapes*3/4)
	l.trouble.Store(false)
	p.scraped(t, scrapes)

	d := dashboard.Read(t, "../../infra/grafana/hookline.json")
	var lines map[string][]dashboard.Line
	s := span{start: begin, step: max(scrapeInterval, (time.Duration(scrapes) * scrapeInterval / 100).Round(time.Second))}
	until(t, time.Minute, func() string {
		var missing []string
		s.steps = int(time.Since(begin) / s.step)
		lines, missing = p.shows(t, d, s)
		return strings.Join(missing, "\n")
	})
	p.becomes(t, map[string]string{"HooklineDeliveriesGivenUp": "firing"})
	stop()
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	if err := l.server.process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = l.server.wait(t) // by the signal
	l.server.searchLog(t)
	p.becomes(t, map[string]string{"HooklineDown": "pending", "HooklineDeliveriesGivenUp": "firing"})
	drawDashboard(t, d, s, lines)
}

// becomes waits until alerts are in these states, and demands that no other
// fires.
func (p *prometheus) becomes(t *testing.T, want map[string]string) {
	t.Helper()
	until(t, time.Minute, func() string {
		states := p.alerts(t)
		for name, state := range want {
			if states[name] != state {
				return fmt.Sprintf("the alerts are %v, want %v", states, want)
			}
		}
		for name, state := range states {
			if state == "firing" && want[name] != state {
				t.Errorf("%s fires", name)
			}
		}
		return ""
	})
}

// drawDashboard leaves the dashboard as a page and as a picture of it.
func drawDashboard(t *testing.T, d dashboard.Dashboard, s span, lines map[string][]dashboard.Line) {
	t.Helper()
	var times []time.Time
	for i := range s.steps + 1 {
		times = append(times, s.start.Add(time.Duration(i)*s.step))
	}
	html, err := dashboard.Page(d, times, lines)
	if err != nil {
		t.Fatal(err)
	}
	page, err := filepath.Abs(drawings + "/dashboard.html")
	if err := errors.Join(err, os.MkdirAll(drawings, 0o755), os.WriteFile(page, html, 0o644)); err != nil {
		t.Fatal(err)
	}
	var seen browser.Sightings
	ctx := browser.Open(t, &seen, timeout)
	err = chromedp.Do(ctx, chromedp.EmulateViewport(dashboard.Width, 800, chromedp.EmulateScale(1.5)), chromedp.Navigate("file://"+page))
	if err != nil {
		t.Fatal(err)
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		png, err = dashboard.Smaller(png)
	}
	if err := errors.Join(err, os.WriteFile(drawings+"/dashboard.png", png, 0o644)); err != nil || len(seen.Troubles()) > 0 {
		t.Errorf("%v, troubles %q", err, seen.Troubles())
	}
}
