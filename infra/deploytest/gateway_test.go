package deploytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	gateway "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// openAPI is what is read of the document that SAM writes for the HTTP API.
type openAPI struct {
	Paths map[string]onCondition[map[string]onCondition[openAPIRoute]] `json:"paths"`
}

type openAPIRoute struct {
	Integration struct {
		Type                 string `json:"type"`
		PayloadFormatVersion string `json:"payloadFormatVersion"`
		URI                  any    `json:"uri"`
	} `json:"x-amazon-apigateway-integration"`
	Security []map[string]any `json:"security"`
}

// onCondition is a value that is there always, or on a condition.
type onCondition[T any] struct {
	value    T
	optional bool
}

// UnmarshalJSON reads either.
func (o *onCondition[T]) UnmarshalJSON(text []byte) error {
	var chosen struct {
		If []json.RawMessage `json:"Fn::If"`
	}
	if err := json.Unmarshal(text, &chosen); err != nil {
		return err
	}
	if len(chosen.If) == 3 {
		o.optional, text = true, chosen.If[1]
	}
	return json.Unmarshal(text, &o.value)
}

// anyMethod is how the document spells a route for all methods.
const anyMethod = "x-amazon-apigateway-any-method"

// functionOf finds the function in an integration's address.
var functionOf = regexp.MustCompile(`\$\{(\w+)\.Arn\}`)

// makeRoutes gives the API the routes of its OpenAPI document, and no others,
// as AWS would have done.
func (s *stack) makeRoutes(t *testing.T) {
	t.Helper()
	client := apigatewayv2.NewFromConfig(s.emulator.config())
	api := aws.String(s.resources["Api"])
	old, err := client.GetRoutes(t.Context(), &apigatewayv2.GetRoutesInput{ApiId: api})
	if err != nil {
		t.Fatalf("list routes: %v", err)
	}
	for _, route := range old.Items {
		if _, err := client.DeleteRoute(t.Context(), &apigatewayv2.DeleteRouteInput{ApiId: api, RouteId: route.RouteId}); err != nil {
			t.Fatalf("delete route %s: %v", aws.ToString(route.RouteKey), err)
		}
	}
	made := 0
	for path, methods := range s.document(t).Paths {
		for method, operation := range methods.value {
			integration := operation.value.Integration
			uri, err := json.Marshal(integration.URI)
			found := functionOf.FindSubmatch(uri)
			if err != nil || integration.Type != "aws_proxy" || found == nil {
				t.Fatalf("%s %s leads to no function: %s", method, path, uri)
			}
			if operation.optional && s.resources[string(found[1])] == "" {
				continue
			}
			target, err := client.CreateIntegration(t.Context(), &apigatewayv2.CreateIntegrationInput{
				ApiId: api, IntegrationType: gateway.IntegrationTypeAwsProxy,
				IntegrationUri:       aws.String("arn:aws:lambda:" + region + ":000000000000:function:" + s.resources[string(found[1])]),
				PayloadFormatVersion: aws.String(integration.PayloadFormatVersion),
			})
			if err != nil {
				t.Fatalf("make an integration for %s %s: %v", method, path, err)
			}
			if method == anyMethod {
				method = "any"
			}
			_, err = client.CreateRoute(t.Context(), &apigatewayv2.CreateRouteInput{
				ApiId: api, RouteKey: aws.String(strings.ToUpper(method) + " " + path),
				Target:            aws.String("integrations/" + aws.ToString(target.IntegrationId)),
				AuthorizationType: check(operation.value.Security),
			})
			if err != nil {
				t.Fatalf("make route %s %s: %v", method, path, err)
			}
			made++
		}
	}
	if made == 0 {
		t.Fatal("the API has no routes")
	}
}

// check says what checks the callers of a route.
func check(security []map[string]any) gateway.AuthorizationType {
	for _, way := range security {
		if _, ok := way["AWS_IAM"]; ok {
			return gateway.AuthorizationTypeAwsIam
		}
	}
	return gateway.AuthorizationTypeNone
}

// document reads the API's OpenAPI document from the template as CloudFormation
// has it, after SAM's transformation.
func (s *stack) document(t *testing.T) openAPI {
	t.Helper()
	response, err := cloudformation.NewFromConfig(s.emulator.config()).GetTemplate(t.Context(), &cloudformation.GetTemplateInput{
		StackName: &s.name, TemplateStage: types.TemplateStageProcessed,
	})
	if err != nil {
		t.Fatalf("read the template of stack %s: %v", s.name, err)
	}
	var template struct {
		Resources struct {
			Api struct { //nolint:revive // as template.yaml spells it
				Properties struct{ Body openAPI }
			}
		}
	}
	if err := json.Unmarshal([]byte(aws.ToString(response.TemplateBody)), &template); err != nil {
		t.Fatalf("template of stack %s: %v", s.name, err)
	}
	return template.Resources.Api.Properties.Body
}

// response is what the API answered.
type response struct {
	status int
	body   string
}

// call sends a request through the API's gateway. An empty body is none.
func (s *stack) call(t *testing.T, method, path string, header http.Header, body string) response {
	t.Helper()
	return s.do(t, s.request(t, method, path, header, body))
}

// request makes a request to the API's gateway.
func (s *stack) request(t *testing.T, method, path string, header http.Header, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.emulator.url()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = s.resources["Api"] + ".execute-api." + s.emulator.address
	r.Header = header.Clone()
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (s *stack) do(t *testing.T, r *http.Request) response {
	t.Helper()
	client := *s.emulator.client
	client.Timeout = timeout
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	return response{resp.StatusCode, string(text)}
}

// must fails the test unless the answer has that status and text in its body.
func (a response) must(t *testing.T, what string, status int, text string) response {
	t.Helper()
	if a.status != status || !strings.Contains(a.body, text) {
		t.Fatalf("%s: %d %s, want %d with %q", what, a.status, a.body, status, text)
	}
	return a
}

// member finds a member of the answer's body by its path.
func (a response) member(t *testing.T, path ...string) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(a.body)))
	decoder.UseNumber() // ids have more digits than a float
	var value any
	if err := decoder.Decode(&value); err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("%s: %v", a.body, err)
	}
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	if value == nil {
		t.Fatalf("%s has no %v", a.body, path)
	}
	return value
}
