package awsrules

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// anyMethod is how an API's document spells a route of all methods.
const anyMethod = "x-amazon-apigateway-any-method"

// apiRules are of the API's document and of what its stage logs.
func apiRules() []rule {
	const guide = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
	const schemaless = "path of all methods"
	post := []string{"Body", "paths", "/v2/webhooks", "post"}
	return []rule{
		{
			name: "the API's document is OpenAPI", check: documentIsOpenAPI,
			source: guide + "http-api-open-api.html; https://github.com/aws/serverless-application-model/issues/2424",
			mutations: []mutation{
				property("no URL of a server", list(object{"x-amazon-apigateway-endpoint-configuration": object{}}), "Api", "Body", "servers"),
				property("a "+schemaless+" without a schema", list(object{"name": "proxy+", "in": "path", "required": true}),
					"Api", "Body", "paths", "/v2/{proxy+}", anyMethod, "parameters"),
				property("a "+schemaless+" without its parameter", nil, "Api", "Body", "paths", "/v2/{proxy+}", anyMethod, "parameters"),
				property("no responses", object{}, "Api", append(post, "responses")...),
				property("a security scheme that is nowhere", list(object{"Unknown": list()}), "Api", append(post, "security")...),
				property("no title", nil, "Api", "Body", "info", "title"),
			},
		},
		{
			name: "a warning fails no deployment", source: "https://github.com/aws/serverless-application-model/issues/2297", check: warningsFailNothing,
			mutations: []mutation{property("it does", true, "Api", "FailOnWarnings")},
		},
		{
			name: "the access log's format", source: guide + "http-api-logging.html; " + guide + "http-api-logging-variables.html", check: logFormat,
			mutations: []mutation{
				property("several lines", "{\"requestId\":\"$context.requestId\",\n\"status\":\"$context.status\"}", "ApiApiGatewayDefaultStage", "AccessLogSettings", "Format"),
				property("no request id", `{"status":"$context.status"}`, "ApiApiGatewayDefaultStage", "AccessLogSettings", "Format"),
				property("no JSON", `{"requestId":$context.requestId}`, "ApiApiGatewayDefaultStage", "AccessLogSettings", "Format"),
				property("a path, in which a client writes quotes", `{"requestId":"$context.requestId","path":"$context.path"}`, "ApiApiGatewayDefaultStage", "AccessLogSettings", "Format"),
				property("an error's own words", `{"requestId":"$context.requestId","error":"$context.integrationErrorMessage"}`, "ApiApiGatewayDefaultStage", "AccessLogSettings", "Format"),
				property("a variable of REST APIs only", `{"requestId":"$context.requestId","id":"$context.xrayTraceId"}`, "ApiApiGatewayDefaultStage", "AccessLogSettings", "Format"),
			},
		},
		{
			name: "the access log needs no room in a resource policy", check: vendedLogs,
			source:    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html",
			mutations: []mutation{property("a group of another name", object{"Fn::Sub": "/aws/apigateway/${AWS::StackName}"}, "ApiLogs", "LogGroupName")},
		},
	}
}

func documentIsOpenAPI(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::ApiGatewayV2::Api") {
		document, err := json.Marshal(ordinaryMethods(d.resources[name].properties["Body"]))
		if err != nil {
			return []string{err.Error()}
		}
		loaded, err := openapi3.NewLoader().LoadFromData(document)
		if err == nil {
			err = loaded.Validate(context.Background())
		}
		if err != nil {
			wrong = append(wrong, name+": "+err.Error())
			continue
		}
		wrong = append(wrong, schemesAreThere(name, loaded)...)
	}
	return wrong
}

// ordinaryMethods gives a document with the extension for all methods written
// as a method, so that what is in it is judged as well.
func ordinaryMethods(document any) object {
	copied, paths := object{}, object{}
	for member, value := range members(document) {
		copied[member] = value
	}
	for path, methods := range members(at(document, "paths")) {
		ordinary := object{}
		for method, operation := range members(methods) {
			if method == anyMethod {
				method = "get"
			}
			ordinary[method] = operation
		}
		paths[path] = ordinary
	}
	copied["paths"] = paths
	return copied
}

func schemesAreThere(api string, document *openapi3.T) []string {
	var wrong []string
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.Security == nil {
				continue
			}
			for _, requirement := range *operation.Security {
				for scheme := range requirement {
					if document.Components == nil || document.Components.SecuritySchemes[scheme] == nil {
						wrong = append(wrong, fmt.Sprintf("%s: %s %s asks for %s, which is nowhere", api, method, path, scheme))
					}
				}
			}
		}
	}
	return wrong
}

func warningsFailNothing(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::ApiGatewayV2::Api") {
		if fails := d.resources[name].properties["FailOnWarnings"]; fails != nil && text(fails) != "false" {
			wrong = append(wrong, name+" fails on warnings, of which nobody but AWS has a list")
		}
	}
	return wrong
}

// plainVariables are variables of HTTP APIs that hold nothing a client or a
// function wrote: the gateway writes them as they are, without escaping.
func plainVariables() []string {
	return []string{
		"$context.accountId", "$context.apiId", "$context.dataProcessed", "$context.error.responseType",
		"$context.extendedRequestId", "$context.identity.sourceIp", "$context.integrationLatency",
		"$context.integrationStatus", "$context.integration.status", "$context.integration.integrationStatus",
		"$context.requestId", "$context.requestTime", "$context.requestTimeEpoch", "$context.responseLatency",
		"$context.responseLength", "$context.routeKey", "$context.stage", "$context.status",
	}
}

var logVariable = regexp.MustCompile(`\$[A-Za-z.]+`)

func logFormat(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::ApiGatewayV2::Stage") {
		format := text(at(d.resources[name].properties, "AccessLogSettings", "Format"))
		variables := logVariable.FindAllString(format, -1)
		if strings.ContainsAny(format, "\r\n") || !slices.Contains(variables, "$context.requestId") {
			wrong = append(wrong, name+": the format has several lines or no $context.requestId")
		}
		// What is not known is a minus sign.
		if line := logVariable.ReplaceAllString(format, "-"); !json.Valid([]byte(line)) {
			wrong = append(wrong, name+": writes lines that are no JSON, such as "+line)
		}
		for _, v := range variables {
			if !slices.Contains(plainVariables(), v) {
				wrong = append(wrong, fmt.Sprintf("%s: %s may hold anything, or is not of HTTP APIs", name, v))
			}
		}
	}
	return wrong
}

func vendedLogs(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::ApiGatewayV2::Stage") {
		group := d.resources[resourceOf(at(d.resources[name].properties, "AccessLogSettings", "DestinationArn"))]
		if group.kind != "AWS::Logs::LogGroup" || !strings.HasPrefix(text(group.properties["LogGroupName"]), "/aws/vendedlogs/") {
			wrong = append(wrong, name+" logs to a group that is not under /aws/vendedlogs/")
		}
	}
	return wrong
}
