package infra_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// alarmProperties are those of an AWS::CloudWatch::Alarm.
type alarmProperties struct {
	AlarmDescription                  string
	Namespace, MetricName             string
	TreatMissingData                  string
	AlarmActions, OKActions           any
	Dimensions                        []struct{ Name, Value string }
	Period, EvaluationPeriods         int
	ComparisonOperator                string
	DatapointsToAlarm                 int
	Threshold                         float64
	Statistic                         string
	ActionsEnabled, ExtendedStatistic any
	Metrics                           any
}

// The alarms, few as they are, each say in their description what to do, say
// what no data means, and tell whoever is to be told.
func TestAlarms(t *testing.T) {
	tm := readTemplate(t, "infra/operations.yaml")
	var actions any = map[string]any{"!If": []any{"HasTopic", []any{"!Ref AlarmTopicArn"}, "!Ref AWS::NoValue"}}
	alarms := tm.ofType(t, "AWS::CloudWatch::Alarm")
	slices.Sort(alarms)
	want := []string{
		"DeadLettersThere", "DeliveriesLate", "DeliveriesThrottled", "OldestMessage", "OurFaults", "PublishThrottled",
		"RequestsRefused", "RequestsSlow", "SweepsFail", "SweepsStopped", "WebhooksDisabled",
	}
	if diff := cmp.Diff(want, alarms); diff != "" {
		t.Errorf("alarms (-want +template):\n%s", diff)
	}
	for _, name := range alarms {
		var a alarmProperties
		tm.Resources[name].properties(t, &a)
		if n := len(a.AlarmDescription); n < 200 || n > 1024 || !strings.HasSuffix(a.AlarmDescription, ".") {
			t.Errorf("%s: a description of %d characters; it is to say what to do, in 1024 at most", name, n)
		}
		if a.TreatMissingData == "" || a.Metrics != nil {
			t.Errorf("%s: missing data is %q; metrics %v", name, a.TreatMissingData, a.Metrics)
		}
		for kind, got := range map[string]any{"alarm": a.AlarmActions, "OK": a.OKActions} {
			if diff := cmp.Diff(actions, got); diff != "" {
				t.Errorf("%s: %s actions (-want +got):\n%s", name, kind, diff)
			}
		}
	}
}

// filtered are the lines that become metrics, by the log group that has them:
// the functions' own, and the gateway's, whose status is a text.
var filtered = map[string]string{
	`{ $.msg = "sweep" }`:            "!Ref SweepLogs",
	`{ $.msg = "webhook disabled" }`: "!Ref DeliverLogs",
	`{ $.status = "429" }`:           "!Ref ApiLogs",
}

// A metric of Hookline's own comes from a line that is written: the alarm and
// the filter mean the same.
func TestOwnMetricsAreMade(t *testing.T) {
	tm := readTemplate(t, "infra/operations.yaml")
	made := map[string]bool{}
	for _, name := range tm.ofType(t, "AWS::Logs::MetricFilter") {
		var filter struct {
			FilterPattern         string
			LogGroupName          string
			MetricTransformations []struct{ MetricNamespace, MetricName string }
		}
		tm.Resources[name].properties(t, &filter)
		if group, ok := filtered[filter.FilterPattern]; !ok || filter.LogGroupName != group {
			t.Errorf("%s looks for %s in %s, where nothing writes it", name, filter.FilterPattern, filter.LogGroupName)
		}
		for _, metric := range filter.MetricTransformations {
			made[metric.MetricNamespace+" "+metric.MetricName] = true
		}
	}
	used := 0
	for _, name := range tm.ofType(t, "AWS::CloudWatch::Alarm") {
		var a alarmProperties
		if tm.Resources[name].properties(t, &a); a.Namespace == "Hookline" {
			used++
			if !made[a.Namespace+" "+a.MetricName] {
				t.Errorf("%s watches %s, which no filter makes", name, a.MetricName)
			}
		}
	}
	if used < len(made) {
		t.Errorf("%d of %d metrics are watched", used, len(made))
	}
	var api struct{ AccessLogSettings struct{ Format string } }
	readTemplate(t, "template.yaml").Resources["Api"].properties(t, &api)
	if !strings.Contains(api.AccessLogSettings.Format, `"status":"$context.status"`) {
		t.Errorf("the gateway's log has no such status: %s", api.AccessLogSettings.Format)
	}
}

// Every parameter is handed on from the whole, and those that an operator sets
// have the same rules there. Both are off unless they are set.
func TestOperationsParametersAreHandedOn(t *testing.T) {
	main, operations := readTemplate(t, "template.yaml"), readTemplate(t, "infra/operations.yaml")
	var stack struct {
		TemplateURL string
		Parameters  map[string]any
	}
	main.Resources["Operations"].properties(t, &stack)
	if stack.TemplateURL != "infra/operations.yaml" {
		t.Errorf("template %s", stack.TemplateURL)
	}
	want, got := slices.Sorted(maps.Keys(operations.Parameters)), slices.Sorted(maps.Keys(stack.Parameters))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parameters (-infra/operations.yaml +template.yaml):\n%s", diff)
	}
	for name, off := range map[string]string{"AlarmTopicArn": "", "Dashboard": "false"} {
		ours, theirs := main.Parameters[name].(map[string]any), operations.Parameters[name].(map[string]any)
		if stack.Parameters[name] != "!Ref "+name || ours["Default"] != off {
			t.Errorf("%s is %v, %v by default, want %q", name, stack.Parameters[name], ours["Default"], off)
		}
		for _, rule := range []string{"Type", "Default", "AllowedPattern", "AllowedValues", "ConstraintDescription"} {
			if diff := cmp.Diff(theirs[rule], ours[rule]); diff != "" {
				t.Errorf("%s: %s (-infra/operations.yaml +template.yaml):\n%s", name, rule, diff)
			}
		}
	}
}

// The dashboard is JSON, shows every alarm, and names nothing that is not
// there.
func TestDashboard(t *testing.T) {
	tm := readTemplate(t, "infra/operations.yaml")
	var board struct{ DashboardBody string }
	tm.Resources["Board"].properties(t, &board)
	if tm.Resources["Board"].Condition != "HasDashboard" {
		t.Errorf("it is made on condition %q", tm.Resources["Board"].Condition)
	}
	body := strings.TrimPrefix(board.DashboardBody, "!Sub ")
	named := map[string]bool{}
	for _, found := range regexp.MustCompile(`\$\{([A-Za-z:]+)(\.Arn)?\}`).FindAllStringSubmatch(body, -1) {
		named[found[1]] = true
		_, resource := tm.Resources[found[1]]
		_, parameter := tm.Parameters[found[1]]
		if !resource && !parameter && found[1] != "AWS::Region" {
			t.Errorf("it names %s, which is nothing", found[1])
		}
	}
	for _, name := range tm.ofType(t, "AWS::CloudWatch::Alarm") {
		if !named[name] {
			t.Errorf("it does not show alarm %s", name)
		}
	}
	var parsed struct{ Widgets []struct{ Type string } }
	if err := json.Unmarshal([]byte(body), &parsed); err != nil || len(parsed.Widgets) < 5 {
		t.Errorf("%d widgets, %v", len(parsed.Widgets), err)
	}
}
