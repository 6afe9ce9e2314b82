package deploytest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

const domain = "hooks.example.com"

// baseEnv are what an operator has before the stack: a zone in DNS, a
// certificate, a key for tables, and a queue that a rule sends notices to.
const baseEnv = `
Resources:
  Zone:
    Type: AWS::Route53::HostedZone
    Properties: {Name: example.com}
  Certificate:
    Type: AWS::CertificateManager::Certificate
    Properties: {DomainName: ` + domain + `, ValidationMethod: DNS}
  TableKey:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::000000000000:root"}, Action: "kms:*", Resource: "*"}]}
  Bus:
    Type: AWS::Events::EventBus
    Properties: {Name: ` + noticeBus + `}
  Told:
    Type: AWS::SQS::Queue
    Properties: {QueueName: ` + toldQueue + `}
  Notices:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {source: [hookline]}
      Targets: [{Id: told, Arn: !GetAtt Told.Arn}]
`

// options makes the surroundings and gives what a stack is then told, with
// everything else that is an option.
func options(t *testing.T, c *emulator) parameters {
	t.Helper()
	client, name := cloudformation.NewFromConfig(c.config()), "surroundings"
	_, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: aws.String(baseEnv)})
	// The SDK sends a call again whose answer was slow or lost, and is told that
	// it exists: in an account of the test's own, nobody else has made it.
	var exists *types.AlreadyExistsException
	if err == nil || errors.As(err, &exists) {
		waiter := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = timeout/600, timeout/60
		})
		err = waiter.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name}, timeout)
	}
	if err != nil {
		t.Fatalf("make a zone, a certificate and a key: %v", err)
	}
	made := c.resources(t, name, "")
	return parameters{
		"DomainName": domain, "HostedZoneId": made["Zone"], "CertificateArn": made["Certificate"], "DefaultEndpoint": "false", "ServeDocs": "true",
		"TableKeyArn": "arn:aws:kms:" + region + ":000000000000:key/" + made["TableKey"],
		"Tracing":     "true", "Dashboard": "true", "SystemLogLevel": "INFO", "NoticeBus": noticeBus, "ServePortal": "true",
	}
}

// hasItsOptions looks for what a stack makes that is told everything that is an
// option.
func (s *stack) hasItsOptions(t *testing.T) {
	t.Helper()
	mapped, err := apigatewayv2.NewFromConfig(s.emulator.config()).GetApiMappings(t.Context(), &apigatewayv2.GetApiMappingsInput{DomainName: aws.String(domain)})
	if err != nil || len(mapped.Items) != 1 {
		t.Fatalf("mappings of %s: %+v, %v", domain, mapped, err)
	}
	m := mapped.Items[0]
	if aws.ToString(m.ApiId) != s.resources["Api"] || aws.ToString(m.Stage) != "$default" || aws.ToString(m.ApiMappingKey) != "" {
		t.Errorf("%s leads to %s, stage %s, under %q", domain, aws.ToString(m.ApiId), aws.ToString(m.Stage), aws.ToString(m.ApiMappingKey))
	}
	if got := s.outputs["EventsUrl"]; got != "https://"+domain+"/events" {
		t.Errorf("output EventsUrl is %s", got)
	}
	for _, logical := range []string{"DomainRecord", "Operations/Board"} {
		if s.resources[logical] == "" {
			t.Errorf("%s is not made", logical)
		}
	}
	for logical, role := range s.resources {
		switch {
		case logical == "DocsRole": // which has no table
			s.hasPolicies(t, role, "logs", "traces")
		case strings.HasSuffix(logical, "Role"):
			s.hasPolicies(t, role, "logs", "table-key", "traces")
		}
	}
	if s.outputs["DomainTarget"] == "" {
		t.Error("no output says where the domain must point to")
	}
	s.call(t, "GET", "/docs", nil, "").must(t, "docs", 200, `href="/docs/page.css"`)
	s.call(t, "GET", "/docs", nil, "").must(t, "docs of a stack with a portal", 200, `href="/portal"`)
	s.call(t, "GET", "/docs/page.css", nil, "").must(t, "stylesheet of the docs", 200, "color-scheme")
	s.call(t, "GET", "/openapi/squake.yaml", nil, "").must(t, "description", 200, "openapi: 3.1.0\n")
}

// hasPolicies holds a role to have policies of its own, and none that is
// attached to it: nothing would wait for those.
func (s *stack) hasPolicies(t *testing.T, role string, names ...string) {
	t.Helper()
	client := iam.NewFromConfig(s.emulator.config())
	own, err := client.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: &role})
	if err != nil {
		t.Fatalf("policies of %s: %v", role, err)
	}
	attached, err := client.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: &role})
	if err != nil {
		t.Fatalf("policies attached to %s: %v", role, err)
	}
	for _, name := range names {
		if !slices.Contains(own.PolicyNames, name) {
			t.Errorf("%s has the policies %v, not %s", role, own.PolicyNames, name)
		}
	}
	if len(attached.AttachedPolicies) > 0 {
		t.Errorf("%s has policies attached: %+v", role, attached.AttachedPolicies)
	}
}
