package infra_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// alarmProperties are those of an AWS::CloudWatch::Alarm.
type alarmProperties struct {
	AlarmDescription                                 string
	TreatMissingData                                 string
	AlarmActions, OKActions, InsufficientDataActions any
	metric
	Period, EvaluationPeriods, DatapointsToAlarm int
	ComparisonOperator                           string
	Threshold                                    float64
	Statistic, ExtendedStatistic                 string
	Metrics                                      []struct {
		ID, Label, Expression string
		ReturnData            *bool
		MetricStat            struct {
			Metric metric
			Period int
			Stat   string
		}
	}
}

// metric names a metric of CloudWatch.
type metric struct {
	Namespace, MetricName string
	Dimensions            []struct{ Name, Value string }
}

// key is the metric with the names of its dimensions.
func (m metric) key() string {
	key := m.Namespace + " " + m.MetricName
	for _, d := range m.Dimensions {
		key += " " + d.Name
	}
	return key
}

// metrics are what an alarm watches.
func (a alarmProperties) metrics() []metric {
	if len(a.Metrics) == 0 {
		return []metric{a.metric}
	}
	var all []metric
	for _, m := range a.Metrics {
		if m.Expression == "" {
			all = append(all, m.MetricStat.Metric)
		}
	}
	return all
}

func readAlarms(t *testing.T) map[string]alarmProperties {
	t.Helper()
	tm, alarms := readTemplate(t, "infra/operations.yaml"), map[string]alarmProperties{}
	for _, name := range tm.ofType(t, "AWS::CloudWatch::Alarm") {
		var a alarmProperties
		tm.Resources[name].properties(t, &a)
		alarms[name] = a
	}
	return alarms
}

// Each alarm says in its description what to do, notifies whoever is to be
// notified, and stays silent on a new stack, whose metrics have no values yet.
func TestAlarms(t *testing.T) {
	var actions any = map[string]any{"!If": []any{"HasTopic", []any{"!Ref AlarmTopicArn"}, "!Ref AWS::NoValue"}}
	alarms := readAlarms(t)
	want := []string{
		"DeadLetterQueueNotEmpty", "DeliverErrors", "DeliverSlowErrors", "DeliveriesLate", "DeliveriesThrottled", "DueIndexThrottled",
		"InternalErrors", "MessagesReturned", "NoticesNotTaken", "OldestMessage", "PublishThrottled", "QuietAccountsWait", "RequestsRefused", "RequestsSlow",
		"SlowDeadLetterQueueNotEmpty", "SlowOldestMessage", "SlowQuietAccountsWait", "SweepsFail", "SweepsStopped", "WebhooksDisabled",
		"WebhooksThrottled",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(alarms))); diff != "" {
		t.Errorf("alarms (-want +template):\n%s", diff)
	}
	for name, a := range alarms {
		if n := len(a.AlarmDescription); n < 200 || n > 1024 || !strings.HasSuffix(a.AlarmDescription, ".") {
			t.Errorf("%s: a description of %d characters; it is to say what to do, in 1024 at most", name, n)
		}
		for kind, got := range map[string]any{"alarm": a.AlarmActions, "OK": a.OKActions} {
			if diff := cmp.Diff(actions, got); diff != "" {
				t.Errorf("%s: %s actions (-want +got):\n%s", name, kind, diff)
			}
		}
		var insufficient any
		switch a.TreatMissingData {
		case "notBreaching", "ignore":
		case "missing": // notifies by its state INSUFFICIENT_DATA
			insufficient = actions
		default:
			t.Errorf("%s: missing data is %q, which fires on a new stack or is not said", name, a.TreatMissingData)
		}
		if diff := cmp.Diff(insufficient, a.InsufficientDataActions); diff != "" {
			t.Errorf("%s: actions for missing data (-want +got):\n%s", name, diff)
		}
	}
}

// knownMetrics are metrics with the dimensions that AWS gives them, and the page
// that says so. An alarm on anything else stays silent for ever.
var knownMetrics = map[string]string{
	"AWS/ApiGateway 4xx ApiId":            "docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html",
	"AWS/ApiGateway 5xx ApiId":            "docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html",
	"AWS/ApiGateway Count ApiId":          "docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html",
	"AWS/ApiGateway Latency ApiId":        "docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html",
	"AWS/Lambda Errors FunctionName":      "docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
	"AWS/Lambda Invocations FunctionName": "docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
	"AWS/Lambda Throttles FunctionName":   "docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
	// Written for tables on demand too. With TableName alone it leaves the
	// indexes out.
	"AWS/DynamoDB WriteThrottleEvents TableName":                          "docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html",
	"AWS/DynamoDB WriteThrottleEvents TableName GlobalSecondaryIndexName": "docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html",
	"AWS/SQS ApproximateAgeOfOldestMessage QueueName":                     "docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
	"AWS/SQS ApproximateNumberOfMessagesVisible QueueName":                "docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
	"AWS/SQS ApproximateNumberOfMessagesVisibleInQuietGroups QueueName":   "docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
}

// Each alarm watches metrics that exist, and all that are listed are watched.
func TestAlarmsWatchMetricsThatExist(t *testing.T) {
	watched := map[string]bool{}
	for name, a := range readAlarms(t) {
		for _, m := range a.metrics() {
			if m.Namespace == "Hookline" {
				continue // TestOwnMetricsAreMade
			}
			watched[m.key()] = true
			if knownMetrics[m.key()] == "" {
				t.Errorf("%s watches %s, which AWS does not write", name, m.key())
			}
		}
	}
	for key := range knownMetrics {
		if !watched[key] {
			t.Errorf("no alarm watches %s", key)
		}
	}
	for alarm, want := range map[string]string{
		"OldestMessage": "!Ref Attempts", "QuietAccountsWait": "!Ref Attempts", "DeadLetterQueueNotEmpty": "!Ref DeadLetters",
		"SlowOldestMessage": "!Ref SlowAttempts", "SlowQuietAccountsWait": "!Ref SlowAttempts", "SlowDeadLetterQueueNotEmpty": "!Ref SlowDeadLetters",
		"DeliverErrors": "!Ref Deliver", "DeliverSlowErrors": "!Ref DeliverSlow",
		"WebhooksThrottled": "!Ref WebhooksTable", "DeliveriesThrottled": "!Ref DeliveriesTable", "DueIndexThrottled": "!Ref DeliveriesTable due",
	} {
		var values []string
		for _, d := range readAlarms(t)[alarm].Dimensions {
			values = append(values, d.Value)
		}
		if got := strings.Join(values, " "); got != want {
			t.Errorf("%s watches %s, want %s", alarm, got, want)
		}
	}
}

// What a description quotes stands in the code, such as a message of the log.
func TestAlarmsQuoteWhatIsWritten(t *testing.T) {
	var code strings.Builder
	for _, folder := range []string{"functions", "pkg"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			code.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	quoted := 0
	for name, a := range readAlarms(t) {
		for _, quote := range regexp.MustCompile(`"[^"]+"`).FindAllString(a.AlarmDescription, -1) {
			quoted++
			if !strings.Contains(code.String(), quote) {
				t.Errorf("%s quotes %s, which nothing writes", name, quote)
			}
		}
	}
	if quoted < 5 {
		t.Errorf("%d quotations; are they found?", quoted)
	}
}

// filtered are the lines that become metrics, by the log group that has them.
// None is the gateway's, which may not log what it refuses.
var filtered = map[string]string{
	`{ $.msg = "sweep" }`:                     "!Ref SweepLogs",
	`{ $.msg = "webhook disabled" }`:          "!Ref DeliverLogs",
	`{ $.msg = "message returned to queue" }`: "!Ref DeliverLogs",
	`{ $.msg = "notices" }`:                   "!Ref SweepLogs",
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
	for name, a := range readAlarms(t) {
		for _, m := range a.metrics() {
			if m.Namespace != "Hookline" {
				continue
			}
			used++
			if !made[m.key()] {
				t.Errorf("%s watches %s, which no filter makes", name, m.MetricName)
			}
		}
	}
	if used < len(made) {
		t.Errorf("%d of %d metrics are watched", used, len(made))
	}
}

// period is what the gateway counted in five minutes. CloudWatch has no value
// at all for a count that is not there (less than 0 here).
type period struct{ part, requests float64 }

// ratio gives the value of an expression IF(part >= least, 100 * part /
// requests, 0), and whether there is one: CloudWatch leaves out what misses an
// operand or divides by zero (User Guide, "Using metric math").
func ratio(t *testing.T, expression string, p period) (float64, bool) {
	t.Helper()
	found := regexp.MustCompile(`^IF\((\w+) >= (\d+), 100 \* (\w+) / requests, 0\)$`).FindStringSubmatch(expression)
	if len(found) < 4 || found[1] != found[3] {
		t.Fatalf("%s is no ratio that this test can evaluate", expression)
	}
	if p.part < 0 || p.requests <= 0 {
		return 0, false
	}
	if least, err := strconv.ParseFloat(found[2], 64); err != nil || p.part < least {
		return 0, err == nil
	}
	return 100 * p.part / p.requests, true
}

// The two ratios fire when a share of the requests fails, however few there
// are, and not for a single failure.
func TestRatios(t *testing.T) {
	for _, tt := range []struct {
		alarm, name string
		periods     []period
		want        bool
	}{
		{"InternalErrors", "no request", []period{{-1, -1}, {-1, -1}, {-1, -1}}, false},
		{"InternalErrors", "zero requests", []period{{0, 0}, {0, 0}, {0, 0}}, false},
		{"InternalErrors", "no error", []period{{0, 9000}, {-1, 9000}, {0, 9000}}, false},
		{"InternalErrors", "one of three", []period{{1, 3}, {1, 3}, {1, 3}}, false},
		{"InternalErrors", "an outage of a quiet stack", []period{{-1, -1}, {5, 5}, {6, 6}}, true},
		{"InternalErrors", "two in a hundred", []period{{0, 9000}, {180, 9000}, {180, 9000}}, true},
		{"InternalErrors", "one in a hundred", []period{{90, 9000}, {90, 9000}, {90, 9000}}, false},
		{"InternalErrors", "one bad period", []period{{0, 9000}, {9000, 9000}, {0, 9000}}, false},
		{"RequestsRefused", "a few", []period{{99, 99}, {99, 99}, {99, 99}}, false},
		{"RequestsRefused", "a fifth", []period{{2000, 10000}, {2000, 10000}, {2000, 10000}}, false},
		{"RequestsRefused", "half", []period{{5000, 10000}, {0, 10000}, {5000, 10000}}, true},
	} {
		t.Run(tt.alarm+"/"+tt.name, func(t *testing.T) {
			a := readAlarms(t)[tt.alarm]
			breaching := 0
			for _, p := range tt.periods {
				if value, ok := ratio(t, a.Metrics[0].Expression, p); ok && value > a.Threshold {
					breaching++
				}
			}
			if got := breaching >= a.DatapointsToAlarm; got != tt.want {
				t.Errorf("%d of %d periods breach, so it fires: %v, want %v", breaching, a.EvaluationPeriods, got, tt.want)
			}
			if len(tt.periods) != a.EvaluationPeriods || a.ComparisonOperator != "GreaterThanThreshold" || a.TreatMissingData != "notBreaching" {
				t.Errorf("it is evaluated in another way: %+v", a)
			}
		})
	}
	for name, a := range readAlarms(t) {
		for _, m := range a.Metrics {
			if m.Expression == "" && (m.MetricStat.Stat != "Sum" || *m.ReturnData || !strings.Contains(a.Metrics[0].Expression, m.ID)) {
				t.Errorf("%s: %s is no sum that its expression uses", name, m.ID)
			}
		}
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
