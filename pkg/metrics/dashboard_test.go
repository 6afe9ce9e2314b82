package metrics

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/goccy/go-yaml"

	"github.com/hookline/hookline/internal/test/dashboard"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// expressions returns those of the dashboard, by panel.
func expressions(t *testing.T) map[string][]string {
	t.Helper()
	board := dashboard.Read(t, "../../infra/grafana/hookline.json")
	found := map[string][]string{}
	for _, panel := range board.Panels {
		for _, query := range panel.Queries {
			found[panel.Title] = append(found[panel.Title], dashboard.Interpolate(query.Expr, nil, time.Minute, time.Minute))
		}
		if panel.Type != "row" && len(panel.Queries) == 0 {
			t.Errorf("the panel %q shows nothing", panel.Title)
		}
	}
	for _, variable := range board.Templating.List {
		if metric, _, ok := variable.LabelValues(); ok {
			found["variable "+variable.Name] = []string{metric}
		}
	}
	return found
}

// alerts returns the expressions of the alerts, by name, each of which says
// what it is about.
func alerts(t *testing.T) map[string][]string {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(read(t, "../../infra/prometheus/hookline.rules.yaml"), &rules, yaml.UseJSONUnmarshaler()); err != nil {
		t.Fatal(err)
	}
	page := string(read(t, "../../docs/running.md"))
	found := map[string][]string{}
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			if r.Alert == "" || found[r.Alert] != nil || r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
				t.Errorf("the alert %q is unnamed, double, or lacks its summary or severity", r.Alert)
			}
			if !strings.Contains(page, "`"+r.Alert+"`") {
				t.Errorf("docs/running.md does not say what to do about %s", r.Alert)
			}
			found[r.Alert] = []string{r.Expr}
		}
	}
	return found
}

// given are the labels that Prometheus adds, and le, which only buckets have.
var given = map[string]bool{"instance": true, "job": true}

// checkExpression holds an expression to parse, and to name metrics that a
// server exports, by labels that they have.
func checkExpression(t *testing.T, where, text string, exported labels) {
	t.Helper()
	expression, err := metricsql.Parse(text)
	if err != nil {
		t.Errorf("%s: %s: %v", where, text, err)
		return
	}
	known, named := map[string]bool{}, 0
	var grouped []string
	metricsql.VisitAll(expression, func(e metricsql.Expr) {
		switch e := e.(type) {
		case *metricsql.MetricExpr:
			filters := e.LabelFilterss[0]
			metric := filters[0].Value
			if named++; exported[metric] == nil && metric != "up" {
				t.Errorf("%s: no server exports %q", where, metric)
			}
			for label := range exported[metric] {
				known[label] = true
			}
			for _, f := range filters[1:] {
				if !given[f.Label] && !exported[metric][f.Label] {
					t.Errorf("%s: %s has no label %q", where, metric, f.Label)
				}
			}
		case *metricsql.AggrFuncExpr:
			grouped = append(grouped, e.Modifier.Args...)
		}
	})
	for _, label := range grouped {
		if !given[label] && !known[label] {
			t.Errorf("%s: %s: no metric has the label %q", where, text, label)
		}
	}
	if named == 0 {
		t.Errorf("%s: %s names no metric", where, text)
	}
}

// Dashboard and alerts name only what a server exports, and leave out nothing
// that it measures itself.
func TestDashboardAndAlerts(t *testing.T) {
	m := newMetrics(t)
	measureAll(m)
	exported, _ := scraped(t, m)
	// There is none in an empty file; TestMetrics of cmd/hookline has it.
	exported["hookline_webhooks"] = map[string]bool{"hookline_api": true, "hookline_state": true}
	board, rules := expressions(t), alerts(t)
	if len(board) < 15 || len(rules) < 8 {
		t.Errorf("%d panels and %d alerts: that is not all", len(board), len(rules))
	}
	shown := ""
	for where, list := range board {
		for _, text := range list {
			checkExpression(t, where, text, exported)
			shown += text
		}
	}
	for where, list := range rules {
		for _, text := range list {
			checkExpression(t, where, text, exported)
		}
	}
	for name := range exported {
		base := strings.NewReplacer("_bucket", "", "_sum", "", "_count", "").Replace(name)
		if (strings.HasPrefix(name, "hookline_") || strings.HasPrefix(name, "http_")) && !strings.Contains(shown, base) {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}
