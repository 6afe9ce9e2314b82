package awsrules

import (
	"fmt"
	"slices"
	"strings"
)

// routeRules are of routes: who may invoke what, and how often.
func routeRules() []rule {
	const guide = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
	stage := "ApiApiGatewayDefaultStage"
	return []rule{
		{
			name: "every route may invoke its function", source: guide + "http-api-develop-integrations-lambda.html", check: routesMayInvoke,
			mutations: []mutation{
				{name: "a permission less", plant: func(all templates) { all.set(nil, mainPath, "Resources", "PublishPublishPermission") }},
				property("a permission for another path", object{"Fn::Sub": list("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/${__Stage__}/POST/other",
					object{"__ApiId__": ref("Api"), "__Stage__": "*"})}, "PublishPublishPermission", "SourceArn"),
				property("a route that leads nowhere", object{"responses": object{}}, "Api", "Body", "paths", "/other", "post"),
			},
		},
		{
			name: "what IAM authorises has no other route", check: signedRoutesOnly,
			source: guide + "http-api-access-control-iam.html; https://www.infoq.com/news/2026/06/aws-api-gateway-auth-bypass/",
			mutations: []mutation{
				property("one that anyone may invoke", object{"x-amazon-apigateway-integration": object{"uri": getAtt("Publish", "Arn")}}, "Api", "Body", "paths", "/published", "post"),
				property("the operator's is open", nil, "Api", "Body", "paths", "/operator/{proxy+}", anyMethod, "security"),
			},
		},
		{
			name: "settings are of routes that are there", check: routeSettings,
			source: guide + "http-api-throttling.html; https://github.com/terraform-aws-modules/terraform-aws-apigateway-v2/pull/80; https://github.com/aws/serverless-application-model/issues/1939",
			mutations: []mutation{
				property("a route that is not there", object{"ThrottlingRateLimit": 1.0, "ThrottlingBurstLimit": 1.0}, stage, "RouteSettings", "GET /events"),
				{name: "a route that a parameter takes away", with: combinations()["portal"], plant: func(all templates) {
					all.main(object{"ThrottlingRateLimit": 1.0, "ThrottlingBurstLimit": 1.0}, stage, "RouteSettings", "ANY /portal")
				}},
				property("half of a throttle, the rest of which is not the stage's", nil, stage, "RouteSettings", "POST /events", "ThrottlingBurstLimit"),
				property("a log level, which HTTP APIs have not", "INFO", stage, "DefaultRouteSettings", "LoggingLevel"),
				property("publishing shares the customers' throttle", nil, stage, "RouteSettings", "POST /events"),
				property("the operator shares the customers' throttle", nil, stage, "RouteSettings", "ANY /operator/{proxy+}"),
			},
		},
		{
			name: "schedules may invoke their function", check: schedulesMayInvoke,
			source: "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-lambda-permissions",
			mutations: []mutation{
				{name: "no permission", plant: func(all templates) { all.set(nil, mainPath, "Resources", "SweepEachMinutePermission") }},
				property("each half minute", "rate(30 seconds)", "SweepEachMinute", "ScheduleExpression"),
				property("each minutes", "rate(1 minutes)", "SweepEachMinute", "ScheduleExpression"),
			},
		},
	}
}

// routesOf gives the routes of an API's document as "METHOD /path", each with
// the function that it leads to.
func routesOf(api resource) map[string]string {
	routes := map[string]string{}
	for path, methods := range members(at(api.properties, "Body", "paths")) {
		for method, operation := range members(methods) {
			if method == anyMethod {
				method = "any"
			}
			routes[strings.ToUpper(method)+" "+path] = resourceOf(at(operation, "x-amazon-apigateway-integration", "uri"))
		}
	}
	return routes
}

func routesMayInvoke(d *deployment) []string {
	var wrong []string
	permitted := map[string]bool{} // "Function /stage/METHOD/path"
	for _, name := range d.ofKind("AWS::Lambda::Permission") {
		p := d.resources[name].properties
		if p["Principal"] != "apigateway.amazonaws.com" {
			continue
		}
		pattern := items(at(p, "SourceArn", "Fn::Sub"))
		_, path, _ := strings.Cut(text(pattern[0]), "}")
		permitted[resourceOf(p["FunctionName"])+" "+path] = true
	}
	for _, name := range d.ofKind("AWS::ApiGatewayV2::Api") {
		for route, function := range routesOf(d.resources[name]) {
			method, path, _ := strings.Cut(route, " ")
			if method == "ANY" {
				method = "*"
			}
			if !permitted[function+" /*/"+method+strings.ReplaceAll(path, "{proxy+}", "*")] {
				wrong = append(wrong, fmt.Sprintf("%s of %s may not invoke %q", route, name, function))
			}
		}
	}
	return wrong
}

// signedRoutesOnly holds the functions that check no caller themselves to routes
// that IAM authorises.
func signedRoutesOnly(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::ApiGatewayV2::Api") {
		for path, methods := range members(at(d.resources[name].properties, "Body", "paths")) {
			for method, operation := range members(methods) {
				function := resourceOf(at(operation, "x-amazon-apigateway-integration", "uri"))
				asks := slices.ContainsFunc(items(at(operation, "security")), func(s any) bool { return members(s)["AWS_IAM"] != nil })
				if slices.Contains([]string{"Publish", "Operate"}, function) && !asks {
					wrong = append(wrong, fmt.Sprintf("%s %s of %s lets anyone invoke %s", method, path, name, function))
				}
			}
		}
	}
	return wrong
}

// routeSettings holds what a stage sets for a route to the routes that there
// are. What a route's settings leave out is AWS's default, not the stage's.
func routeSettings(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::ApiGatewayV2::Stage") {
		stage := d.resources[name].properties
		routes := routesOf(d.resources[resourceOf(stage["ApiId"])])
		settings := members(stage["RouteSettings"])
		for route := range settings {
			if routes[route] == "" {
				wrong = append(wrong, fmt.Sprintf("%s sets %s, which is no route", name, route))
			}
			// Settings outlive their route, and then no change of the stage is taken.
			_, path, _ := strings.Cut(route, " ")
			if at(d.template["Resources"], resourceOf(stage["ApiId"]), "Properties", "Body", "paths", path, "Fn::If") != nil {
				wrong = append(wrong, fmt.Sprintf("%s sets %s, which goes with a parameter", name, route))
			}
		}
		for _, route := range []string{"POST /events", "ANY /operator/{proxy+}"} {
			if settings[route] == nil {
				wrong = append(wrong, name+": who sends much elsewhere has "+route+" refused")
			}
		}
		all := []any{stage["DefaultRouteSettings"]}
		for _, one := range settings {
			all = append(all, one)
		}
		for _, one := range all {
			if !between(at(one, "ThrottlingRateLimit"), 1, 1e6) || !between(at(one, "ThrottlingBurstLimit"), 1, 1e6) {
				wrong = append(wrong, fmt.Sprintf("%s: not a throttle: %v", name, one))
			}
			if at(one, "LoggingLevel") != nil || at(one, "DataTraceEnabled") != nil {
				wrong = append(wrong, fmt.Sprintf("%s: HTTP APIs have no execution log: %v", name, one))
			}
		}
	}
	return wrong
}

func schedulesMayInvoke(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Events::Rule") {
		rule := d.resources[name].properties
		for _, target := range items(rule["Targets"]) {
			function := resourceOf(at(target, "Arn"))
			if !slices.ContainsFunc(d.ofKind("AWS::Lambda::Permission"), func(permission string) bool {
				p := d.resources[permission].properties
				return p["Principal"] == "events.amazonaws.com" && resourceOf(p["FunctionName"]) == function && resourceOf(p["SourceArn"]) == name
			}) {
				wrong = append(wrong, fmt.Sprintf("%s may not invoke %q", name, function))
			}
		}
		if schedule := text(rule["ScheduleExpression"]); schedule != "rate(1 minute)" {
			wrong = append(wrong, fmt.Sprintf("%s: %s is not once a minute, which is the most often there is", name, schedule))
		}
	}
	return wrong
}
