// Package dashboard reads the dashboard for Grafana, says what Grafana would ask
// Prometheus for it, and draws the answers.
package dashboard

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Dashboard is the part of Grafana's JSON model that matters here.
type Dashboard struct {
	Title      string
	Panels     []Panel
	Templating struct{ List []Variable }
}

// Variable is a choice of the reader's. Query is "label_values(<metric>,
// <label>)" if the choice is of a label's values.
type Variable struct{ Name, Query string }

// Panel is one picture, or a "row": the title of those below it.
type Panel struct {
	Type, Title string
	Grid        struct{ X, Y, W, H int } `json:"gridPos"` // of 24 columns
	Queries     []Query                  `json:"targets"`
	FieldConfig struct{ Defaults struct{ Unit string } }
}

// Query is what a panel asks, and how it names the series of the answer.
type Query struct {
	Expr   string
	Legend string `json:"legendFormat"`
}

// Read reads the dashboard from a file.
func Read(t testing.TB, path string) Dashboard {
	t.Helper()
	var d Dashboard
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// LabelValues returns metric and label of a variable that is a choice of a
// label's values.
func (v Variable) LabelValues() (metric, label string, ok bool) {
	inside, ok := strings.CutPrefix(v.Query, "label_values(")
	at := strings.LastIndex(inside, ", ")
	if !ok || at < 0 {
		return "", "", false
	}
	return inside[:at], strings.TrimSuffix(inside[at+2:], ")"), true
}

// Interpolate puts values into the expression of a query as Grafana does: a
// variable's as a regular expression within a string, and the range of rates,
// which is at least four times the time between two scrapes
// (https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/).
func Interpolate(expression string, variables map[string]string, scrapes, step time.Duration) string {
	values := []string{"$__rate_interval", max(step+scrapes, 4*scrapes).String(), "$__interval", step.String()}
	for name, value := range variables {
		values = append(values, "$"+name, strings.ReplaceAll(regexp.QuoteMeta(value), `\`, `\\`))
	}
	return strings.NewReplacer(values...).Replace(expression)
}

var labelOfLegend = regexp.MustCompile(`{{\s*(\w+)\s*}}`)

// Name returns how a panel names a series of its query.
func (q Query) Name(labels map[string]string) string {
	name := labelOfLegend.ReplaceAllStringFunc(q.Legend, func(text string) string {
		return labels[strings.Trim(text, "{} ")]
	})
	return strings.TrimSpace(name)
}
