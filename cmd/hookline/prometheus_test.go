package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/record"
)

const (
	rulesFile = "../../infra/prometheus/hookline.rules.yaml"
	// scrapeInterval is how often Prometheus scrapes, and evaluates the rules.
	scrapeInterval = time.Second
)

// prometheusProgram finds a program of Prometheus's.
func prometheusProgram(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = filepath.Abs("../../.tools/prometheus/usr/bin/" + name)
	}
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v; `make tools-long` installs it", err)
	}
	return path
}

// prometheus is a running Prometheus.
type prometheus struct {
	url    string
	client *http.Client
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// startPrometheus has a Prometheus scrape a server and evaluate the alerts.
func startPrometheus(t testing.TB, metricsURL string) *prometheus {
	t.Helper()
	target, err := url.Parse(metricsURL)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := filepath.Abs(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: %v, evaluation_interval: %[1]v}\nrule_files: [%q]\n"+
		"scrape_configs: [{job_name: hookline, static_configs: [{targets: [%q]}]}]\n", scrapeInterval, rules, target.Host)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), prometheusProgram(t, "prometheus"), "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0")
	said, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	log, ended := &record.Buffer{}, make(chan struct{})
	t.Cleanup(func() { // the test's context, which has ended, has it killed
		<-ended
		_ = command.Wait()
	})
	address := make(chan string, 1)
	go func() {
		defer close(ended)
		host := ""
		for lines := bufio.NewScanner(io.TeeReader(said, log)); lines.Scan(); {
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				host = found[1]
			}
			if strings.Contains(lines.Text(), "Server is ready") {
				address <- host
			}
		}
	}()
	select {
	case host := <-address:
		return &prometheus{"http://" + host, newClient(t)}
	case <-ended:
	case <-time.After(timeout):
	}
	t.Fatalf("Prometheus is not ready: %s", log)
	return nil
}

// ask asks Prometheus's HTTP API, and demands neither an error nor a warning
// (https://prometheus.io/docs/prometheus/latest/querying/api/).
func ask[T any](t testing.TB, p *prometheus, path string, query url.Values) T {
	t.Helper()
	var response struct {
		Status   string
		Data     T
		Warnings []string
	}
	decode(t, fetchText(t, p.client, p.url+"/api/v1/"+path+"?"+query.Encode()), &response)
	if response.Status != "success" || len(response.Warnings) > 0 {
		t.Fatalf("%s %v: %s %q", path, query, response.Status, response.Warnings)
	}
	return response.Data
}

// span is a range of times, step apart.
type span struct {
	start time.Time
	step  time.Duration
	steps int
}

func (s span) query(more url.Values) url.Values {
	more.Set("start", fmt.Sprint(s.start.Unix()))
	more.Set("end", fmt.Sprint(s.start.Unix()+int64(s.steps)*int64(s.step/time.Second)))
	return more
}

// series is one of a result: its labels, and a value at each time of a span,
// NaN where there is none.
type series struct {
	labels map[string]string
	values []float64
}

// over evaluates an expression over a span. It leaves out series that have no
// number at any of its times.
func (p *prometheus) over(t testing.TB, expression string, s span) (found []series) {
	t.Helper()
	data := ask[struct {
		Result []struct {
			Metric map[string]string
			Values [][2]any // seconds, and the value as text
		}
	}](t, p, "query_range", s.query(url.Values{"query": {expression}, "step": {s.step.String()}}))
	for _, r := range data.Result {
		line, numbers := series{r.Metric, slices.Repeat([]float64{math.NaN()}, s.steps+1)}, 0
		for _, sample := range r.Values {
			value, err := strconv.ParseFloat(fmt.Sprint(sample[1]), 64)
			at, ok := sample[0].(float64)
			if err != nil || !ok {
				t.Fatalf("%s: a sample is %v", expression, sample)
			}
			if !math.IsNaN(value) && !math.IsInf(value, 0) {
				line.values[(int64(at)-s.start.Unix())/int64(s.step/time.Second)] = value
				numbers++
			}
		}
		if numbers > 0 {
			found = append(found, line)
		}
	}
	return found
}

// scraped waits until the server has answered Prometheus so often.
func (p *prometheus) scraped(t testing.TB, count int) {
	t.Helper()
	query := url.Values{"query": {fmt.Sprintf("sum(sum_over_time(up[1h])) >= %d", count)}}
	until(t, timeout+time.Duration(count)*scrapeInterval, func() string {
		if data := ask[struct{ Result []any }](t, p, "query", query); len(data.Result) > 0 {
			return ""
		}
		return fmt.Sprintf("less than %d scrapes", count)
	})
}

// alerts returns the state of each alert: "inactive", "pending", "firing", or
// "unknown" before it was evaluated. None may fail to be.
func (p *prometheus) alerts(t testing.TB) map[string]string {
	t.Helper()
	data := ask[struct {
		Groups []struct {
			Rules []struct{ Name, State, Health, LastError string }
		}
	}](t, p, "rules", nil)
	states := map[string]string{}
	for _, group := range data.Groups {
		for _, r := range group.Rules {
			if r.LastError != "" {
				t.Errorf("%s: %s", r.Name, r.LastError)
			}
			states[r.Name] = r.State
			if r.Health != "ok" {
				states[r.Name] = r.Health
			}
		}
	}
	return states
}

// until waits until nothing is missing any more.
func until(t testing.TB, longest time.Duration, missing func() string) {
	t.Helper()
	again := time.NewTicker(scrapeInterval / 5)
	defer again.Stop()
	for end := time.Now().Add(longest); ; <-again.C {
		text := missing()
		if text == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %v: %s", longest, text)
		}
	}
}
