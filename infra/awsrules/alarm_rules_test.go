package awsrules

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

// alarmRules are of alarms, of metrics made of logs, and of the dashboard.
func alarmRules() []rule {
	const guide = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/"
	return []rule{
		{
			name: "alarms", source: guide + "APIReference/API_PutMetricAlarm.html", check: eachStack(alarmsFit),
			mutations: []mutation{
				{name: "more than a day", plant: eachAlarm(func(p object) { p["EvaluationPeriods"], p["Period"] = 1441.0, 60.0 })},
				{name: "no whole minutes", plant: eachAlarm(func(p object) { p["Period"] = 90.0; setPeriods(p, 90) })},
				{name: "more points than periods", plant: eachAlarm(func(p object) { p["EvaluationPeriods"], p["DatapointsToAlarm"] = 1.0, 2.0 })},
				{name: "a metric beside metrics", plant: eachAlarm(func(p object) { p["MetricName"], p["Metrics"] = "Errors", list(object{"Id": "m"}) })},
				{name: "an unknown comparison", plant: eachAlarm(func(p object) { p["ComparisonOperator"] = "GreaterThan" })},
			},
		},
		{
			name: "metrics of an alarm", source: guide + "APIReference/API_MetricDataQuery.html", check: eachStack(alarmMetricsFit),
			mutations: []mutation{
				{name: "an id in capitals", plant: eachAlarm(func(p object) { p["Metrics"] = list(object{"Id": "Rate", "Expression": "1"}) })},
				{name: "two results", plant: eachAlarm(func(p object) {
					p["Metrics"] = list(object{"Id": "a", "Expression": "1"}, object{"Id": "b", "Expression": "2", "ReturnData": true})
				})},
			},
		},
		{
			name: "metrics of logs", check: eachStack(metricFiltersFit),
			source: "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html",
			mutations: []mutation{
				{name: "a default beside dimensions", plant: eachTransformation(func(m object) {
					m["DefaultValue"], m["Dimensions"] = 0.0, list(object{"Key": "k", "Value": "$.k"})
				})},
				{name: "a namespace of AWS", plant: eachTransformation(func(m object) { m["MetricNamespace"] = "AWS/Hookline" })},
			},
		},
		{
			name: "the dashboard", source: guide + "APIReference/CloudWatch-Dashboard-Body-Structure.html", check: eachStack(dashboardFits),
			mutations: []mutation{{name: "no JSON", with: combinations()["watched"], plant: func(all templates) {
				for _, r := range members(all[operationsPath]["Resources"]) {
					if at(r, "Type") == "AWS::CloudWatch::Dashboard" {
						members(at(r, "Properties"))["DashboardBody"] = object{"Fn::Sub": `{"widgets":[${Api}]}`}
					}
				}
			}}},
		},
	}
}

// eachAlarm changes the properties of all alarms.
func eachAlarm(change func(object)) func(templates) {
	return func(all templates) {
		for _, r := range members(all[operationsPath]["Resources"]) {
			if at(r, "Type") == "AWS::CloudWatch::Alarm" {
				change(members(at(r, "Properties")))
			}
		}
	}
}

// setPeriods changes the periods of an alarm's metrics.
func setPeriods(alarm object, seconds float64) {
	for _, m := range items(alarm["Metrics"]) {
		if stat := members(at(m, "MetricStat")); stat != nil {
			stat["Period"] = seconds
		}
	}
}

func eachTransformation(change func(object)) func(templates) {
	return func(all templates) {
		for _, r := range members(all[operationsPath]["Resources"]) {
			for _, m := range items(at(r, "Properties", "MetricTransformations")) {
				change(members(m))
			}
		}
	}
}

// periods gives the periods that an alarm asks for, in seconds.
func periods(alarm object) []any {
	var all []any
	if alarm["Period"] != nil {
		all = append(all, alarm["Period"])
	}
	for _, m := range items(alarm["Metrics"]) {
		for _, period := range []any{at(m, "Period"), at(m, "MetricStat", "Period")} {
			if period != nil {
				all = append(all, period)
			}
		}
	}
	return all
}

func alarmsFit(d *deployment) []string {
	comparisons := []string{
		"GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
		"GreaterThanUpperThreshold", "LessThanLowerThreshold", "LessThanLowerOrGreaterThanUpperThreshold",
	}
	missing := []string{"", "breaching", "notBreaching", "ignore", "missing"}
	var wrong []string
	for _, name := range d.ofKind("AWS::CloudWatch::Alarm") {
		p := d.resources[name].properties
		evaluated, _ := number(p["EvaluationPeriods"])
		for _, period := range periods(p) {
			seconds, _ := number(period)
			minutes := slices.Contains([]float64{10, 20, 30}, seconds) || between(seconds/60, 1, 1e6)
			most := 86400.0
			if seconds >= 3600 {
				most = 7 * 86400
			}
			if !minutes || evaluated < 1 || seconds*evaluated > most {
				wrong = append(wrong, fmt.Sprintf("%s: %v periods of %v s", name, evaluated, seconds))
			}
		}
		if p["DatapointsToAlarm"] != nil && !between(p["DatapointsToAlarm"], 1, evaluated) {
			wrong = append(wrong, fmt.Sprintf("%s: %v of %v periods", name, p["DatapointsToAlarm"], evaluated))
		}
		if (p["MetricName"] != nil) == (p["Metrics"] != nil) {
			wrong = append(wrong, name+": a metric and metrics, or neither")
		}
		if !slices.Contains(comparisons, text(p["ComparisonOperator"])) || !slices.Contains(missing, text(p["TreatMissingData"])) {
			wrong = append(wrong, fmt.Sprintf("%s: compares %v, treats missing data as %v", name, p["ComparisonOperator"], p["TreatMissingData"]))
		}
		if len(text(p["AlarmDescription"])) > 1024 || len(items(p["AlarmActions"])) > 5 {
			wrong = append(wrong, name+": a description over 1024 bytes, or more than five actions")
		}
	}
	return wrong
}

var metricID = regexp.MustCompile(`^[a-z][A-Za-z0-9_]{0,254}$`)

func alarmMetricsFit(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::CloudWatch::Alarm") {
		metrics := items(d.resources[name].properties["Metrics"])
		results, seen := 0, map[string]bool{}
		for _, m := range metrics {
			id := text(at(m, "Id"))
			if !metricID.MatchString(id) || seen[id] {
				wrong = append(wrong, fmt.Sprintf("%s: the id %q, or two of it", name, id))
			}
			seen[id] = true
			if at(m, "ReturnData") != false {
				results++
			}
			if (at(m, "Expression") != nil) == (at(m, "MetricStat") != nil) {
				wrong = append(wrong, fmt.Sprintf("%s: %s is an expression and a metric, or neither", name, id))
			}
		}
		if metrics != nil && (results != 1 || len(metrics) > 10) {
			wrong = append(wrong, fmt.Sprintf("%s: %d metrics, %d results, want 10 at most and one", name, len(metrics), results))
		}
	}
	return wrong
}

func metricFiltersFit(d *deployment) []string {
	namespace := regexp.MustCompile(`^[^:*$]{1,255}$`)
	var wrong []string
	for _, name := range d.ofKind("AWS::Logs::MetricFilter") {
		transformations := items(d.resources[name].properties["MetricTransformations"])
		if len(transformations) != 1 {
			wrong = append(wrong, fmt.Sprintf("%s: %d metrics, want one", name, len(transformations)))
		}
		for _, m := range transformations {
			if at(m, "DefaultValue") != nil && at(m, "Dimensions") != nil || len(items(at(m, "Dimensions"))) > 3 {
				wrong = append(wrong, name+": a default beside dimensions, or more than three of these")
			}
			of := text(at(m, "MetricNamespace"))
			if of != "" && (!namespace.MatchString(of) || regexp.MustCompile(`^AWS/`).MatchString(of)) {
				wrong = append(wrong, name+": the namespace "+of)
			}
		}
	}
	return wrong
}

func dashboardFits(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::CloudWatch::Dashboard") {
		body := d.resources[name].properties["DashboardBody"]
		whole, ok := body.(string)
		if pattern, isPattern := at(body, "Fn::Sub").(string); isPattern {
			whole, ok = pattern, true // what is left are names of alarms
		}
		var parsed struct{ Widgets []any }
		if err := json.Unmarshal([]byte(whole), &parsed); !ok || err != nil || len(parsed.Widgets) == 0 || len(parsed.Widgets) > 500 {
			wrong = append(wrong, fmt.Sprintf("%s: %v, %d widgets", name, err, len(parsed.Widgets)))
		}
	}
	return wrong
}
