package deploytest

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

const domain = "hooks.example.com"

// surroundings are what an operator has before the stack: a zone in DNS and a
// certificate.
const surroundings = `
Resources:
  Zone:
    Type: AWS::Route53::HostedZone
    Properties: {Name: example.com}
  Certificate:
    Type: AWS::CertificateManager::Certificate
    Properties: {DomainName: ` + domain + `, ValidationMethod: DNS}
`

// ownDomain makes the surroundings and gives what a stack is then told.
func ownDomain(t *testing.T, c *cloud) parameters {
	t.Helper()
	client, name := cloudformation.NewFromConfig(c.config()), "surroundings"
	_, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: aws.String(surroundings)})
	// The SDK sends a call again whose answer was slow or lost, and is told that
	// it exists: in an account of the test's own, nobody else has made it.
	var made *types.AlreadyExistsException
	if err == nil || errors.As(err, &made) {
		waiter := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = patience/600, patience/60
		})
		err = waiter.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name}, patience)
	}
	if err != nil {
		t.Fatalf("make a zone and a certificate: %v", err)
	}
	ids := c.resources(t, name, "")
	return parameters{"DomainName": domain, "HostedZoneId": ids["Zone"], "CertificateArn": ids["Certificate"]}
}

// hasItsOptions looks for what a stack makes that is told everything that is an
// option.
func (s *stack) hasItsOptions(t *testing.T) {
	t.Helper()
	mapped, err := apigatewayv2.NewFromConfig(s.cloud.config()).GetApiMappings(t.Context(), &apigatewayv2.GetApiMappingsInput{DomainName: aws.String(domain)})
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
	for _, logical := range []string{"DomainRecord", "TraceWriting", "Operations/Board"} {
		if s.resources[logical] == "" {
			t.Errorf("%s is not made", logical)
		}
	}
	if s.outputs["DomainTarget"] == "" {
		t.Error("no output says where the domain must point to")
	}
}
