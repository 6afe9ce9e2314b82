package awsrules

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// functionRules are of Lambda's functions.
func functionRules() []rule {
	const guide = "https://docs.aws.amazon.com/lambda/latest/dg/"
	return []rule{
		{
			name: "a function's environment has 4 KB", check: environmentsFit,
			// The refusal quotes what was measured: JSON.
			source: guide + "gettingstarted-limits.html; https://github.com/github-aws-runners/terraform-aws-github-runner/issues/3594",
			mutations: []mutation{
				property("too long", strings.Repeat("x", 900), "AbbeycrossManage", "Environment", "Variables", "HOOKLINE_MORE"),
				property("too long as JSON", strings.Repeat("x", 60), "AbbeycrossManage", "Environment", "Variables", "HOOKLINE_MORE"),
				{name: "too long with the portal", with: combinations()["portal"], plant: func(all templates) {
					all.main(strings.Repeat("x", 100), "Portal", "Environment", "Variables", "HOOKLINE_MORE")
				}},
				property("a list of events that deliver does not need", ref("AbbeycrossEvents"), "Deliver", "Environment", "Variables", "HOOKLINE_ABBEYCROSS_EVENTS"),
			},
		},
		{
			name: "quotas of functions", source: guide + "gettingstarted-limits.html", check: functionsWithinQuotas,
			mutations: []mutation{
				property("too little memory", 64.0, "Sweep", "MemorySize"),
				property("too much time", 901.0, "Sweep", "Timeout"),
				property("description too long", strings.Repeat("x", 257), "Sweep", "Description"),
			},
		},
		{
			name: "names of variables", source: guide + "configuration-envvars.html#configuration-envvars-runtime", check: variablesAreOurs,
			mutations: []mutation{
				property("one of Lambda's own", "eu-central-1", "Sweep", "Environment", "Variables", "AWS_REGION"),
				property("one that begins with a digit", "x", "Sweep", "Environment", "Variables", "1ST"),
			},
		},
		{
			name: "a function's network", source: guide + "configuration-vpc.html", check: networksAreWhole,
			mutations: []mutation{
				{name: "no groups", with: combinations()["network"], plant: func(all templates) {
					all.main(object{"SubnetIds": list("subnet-01234567")}, "Deliver", "VpcConfig")
				}},
				{name: "too many groups", with: combinations()["network"], plant: func(all templates) {
					all.main(object{"SubnetIds": list("subnet-01234567"), "SecurityGroupIds": list("1", "2", "3", "4", "5", "6")}, "Deliver", "VpcConfig")
				}},
			},
		},
		{
			name: "a function that sends to its own queue", source: guide + "invocation-recursion.html", check: loopsAreAllowed,
			mutations: []mutation{
				property("Lambda's default", nil, "DeliverSlow", "RecursiveLoop"),
				property("stopped", "Terminate", "DeliverSlow", "RecursiveLoop"),
			},
		},
		{
			name: "what becomes of an asynchronous invocation", source: guide + "invocation-async-configuring.html", check: asynchronousWithinLimits,
			mutations: []mutation{
				property("too old too soon", 59.0, "SweepEventInvokeConfig", "MaximumEventAgeInSeconds"),
				property("too many retries", 3.0, "SweepEventInvokeConfig", "MaximumRetryAttempts"),
			},
		},
		{
			name: "a runtime of its own", source: guide + "lambda-runtimes.html", check: runtimeIsSupported,
			mutations: []mutation{
				property("one that Lambda no longer makes functions with", "go1.x", "Sweep", "Runtime"),
				property("two processors", list("arm64", "x86_64"), "Sweep", "Architectures"),
			},
		},
	}
}

// longestValues are as many bytes as variables may have. Two of them have the
// greatest number only together: AllowNetworks is in that of the events.
func (d *deployment) longestValues() map[string]int {
	longest := map[string]int{
		"HOOKLINE_ABBEYCROSS_EVENTS": 3000, "HOOKLINE_ABBEYCROSS_HOURS": 300,
		"HOOKLINE_WEBHOOKS_TABLE": 255, "HOOKLINE_DELIVERIES_TABLE": 255, "HOOKLINE_NOTICE_BUS": 256, "HOOKLINE_PORTAL_URL": 8 + 253,
		"HOOKLINE_PORTAL_NAME": 4 * 40, "HOOKLINE_PORTAL_REFRESH_URL": 200, "HOOKLINE_PORTAL_FRAME_ANCESTORS": 200,
		"HOOKLINE_QUEUE_URL": 120, "HOOKLINE_SLOW_QUEUE_URL": 120,
	}
	if d.parameters["ServePortal"] == "true" {
		longest["HOOKLINE_ABBEYCROSS_EVENTS"] = 1700 // as the parameter's description says
	}
	return longest
}

// environmentsFit measures environments with values as long as they may be, as
// Lambda does: as JSON.
func environmentsFit(d *deployment) []string {
	longest := d.longestValues()
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::Function") {
		environment := map[string]string{}
		for variable, value := range members(at(d.resources[name].properties, "Environment", "Variables")) {
			written := len(text(value))
			if written == 0 && value != "" {
				written = 100 // a key, its id or ARN
			}
			environment[variable] = strings.Repeat("x", max(written, longest[variable]))
		}
		measured, err := json.Marshal(environment)
		if err != nil || len(measured) > 4096 {
			wrong = append(wrong, fmt.Sprintf("%s: an environment of up to %d bytes, at most 4096, %v", name, len(measured), err))
		}
	}
	return wrong
}

func functionsWithinQuotas(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::Function") {
		p := d.resources[name].properties
		if !between(p["MemorySize"], 128, 10240) || !between(p["Timeout"], 1, 900) || len(text(p["Description"])) > 256 {
			wrong = append(wrong, fmt.Sprintf("%s: memory %v, timeout %v, or too long a description", name, p["MemorySize"], p["Timeout"]))
		}
	}
	return wrong
}

var variableName = regexp.MustCompile(`^[A-Za-z]\w+$`)

func variablesAreOurs(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::Function") {
		for variable := range members(at(d.resources[name].properties, "Environment", "Variables")) {
			reserved := strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "AWS_ENDPOINT_URL") || strings.HasPrefix(variable, "_")
			if reserved || !variableName.MatchString(variable) {
				wrong = append(wrong, fmt.Sprintf("%s: variable %s", name, variable))
			}
		}
	}
	return wrong
}

func networksAreWhole(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::Function") {
		network := d.resources[name].properties["VpcConfig"]
		if network == nil {
			continue
		}
		subnets, groups := len(items(at(network, "SubnetIds"))), len(items(at(network, "SecurityGroupIds")))
		if subnets < 1 || subnets > 16 || groups < 1 || groups > 5 {
			wrong = append(wrong, fmt.Sprintf("%s: %d subnets, %d security groups", name, subnets, groups))
		}
	}
	return wrong
}

// loopsAreAllowed holds a function that may send to the queue that invokes it to
// say so: Lambda would stop it after some sixteen rounds.
func loopsAreAllowed(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::EventSourceMapping") {
		mapping := d.resources[name].properties
		function := resourceOf(mapping["FunctionName"])
		p := d.resources[function].properties
		if d.allows(resourceOf(p["Role"]), "sqs:SendMessage", mapping["EventSourceArn"]) && p["RecursiveLoop"] != "Allow" {
			wrong = append(wrong, function+" sends to the queue that invokes it, and would be stopped")
		}
	}
	return wrong
}

func asynchronousWithinLimits(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::EventInvokeConfig") {
		p := d.resources[name].properties
		if !between(p["MaximumEventAgeInSeconds"], 60, 21600) || !between(p["MaximumRetryAttempts"], 0, 2) {
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, p))
		}
	}
	return wrong
}

func runtimeIsSupported(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::Function") {
		p := d.resources[name].properties
		if p["Runtime"] != "provided.al2023" || p["Handler"] != "bootstrap" || len(items(p["Architectures"])) != 1 {
			wrong = append(wrong, fmt.Sprintf("%s: %v, %v, %v", name, p["Runtime"], p["Handler"], p["Architectures"]))
		}
	}
	return wrong
}
