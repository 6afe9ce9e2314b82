package awsrules

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stackRules are of the order in which CloudFormation makes resources, and of
// what it is allowed to make.
func stackRules() []rule {
	const guide = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
	return []rule{
		{
			name: "no circle", source: "https://repost.aws/knowledge-center/cloudformation-circular-dependency-error", check: eachStack(noCircle),
			mutations: []mutation{property("dead letters know their source by its ARN", list(getAtt("Attempts", "Arn")), "DeadLetters", "RedriveAllowPolicy", "sourceQueueArns")},
		},
		{
			name: "what is referred to is there", source: guide + "conditions-section-structure.html", check: eachStack(referencesAreThere),
			mutations: []mutation{
				{name: "an output of a domain that is not made", plant: func(all templates) { all.set(nil, mainPath, "Outputs", "DomainTarget", "Condition") }},
				property("a resource that is not made", ref("Domain"), "SealingKey", "Domain"),
				{name: "an output of a table that is not made", with: map[string]string{"ExistingWebhooksTable": "webhooks"}, plant: func(all templates) {
					all.set(ref("WebhooksTable"), dataPath, "Outputs", "WebhooksTable", "Value")
				}},
				{name: "an output that a nested stack has not", plant: func(all templates) { all.set(nil, dataPath, "Outputs", "DueIndexArn") }},
			},
		},
		{
			name: "capabilities", source: guide + "using-iam-template.html#using-iam-capabilities", check: eachStack(needsNoMoreCapabilities),
			mutations: []mutation{property("a role with a name", "hookline-publish", "PublishRole", "RoleName")},
		},
		{
			name: "custom resources answer in time", source: guide + "aws-resource-cloudformation-customresource.html", check: customResourcesResponse,
			mutations: []mutation{
				property("the function has longer", 60.0, "SealingKey", "ServiceTimeout"),
				property("it waits an hour", nil, "SealingKey", "ServiceTimeout"),
				property("no time to wait for rights", 15.0, "Keyring", "Timeout"),
			},
		},
		{
			name: "a domain is mapped when it is there", source: guide + "aws-resource-apigatewayv2-apimapping.html", check: domainBeforeMapping,
			mutations: []mutation{
				{name: "by its name", with: combinations()["domain"], plant: func(all templates) {
					all.main(ref("DomainName"), "DomainMapping", "DomainName")
				}},
				{name: "to a stage by its name", with: combinations()["domain"], plant: func(all templates) {
					all.main("$default", "DomainMapping", "Stage")
				}},
			},
		},
	}
}

func noCircle(d *deployment) []string {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(d.resources)) {
		if d.waitsFor(name, name) {
			wrong = append(wrong, name+" waits for itself")
		}
	}
	return wrong
}

func referencesAreThere(d *deployment) []string {
	var wrong []string
	check := func(from string, value any) {
		for _, reference := range references(value) {
			name, attribute, _ := strings.Cut(reference, ".")
			_, isParameter := d.parameters[name]
			r, isResource := d.resources[name]
			output, ofNested := strings.CutPrefix(attribute, "Outputs.")
			switch {
			case !isParameter && !isResource && !strings.HasPrefix(name, "AWS::"):
				wrong = append(wrong, fmt.Sprintf("%s refers to %s, which is not made", from, reference))
			case ofNested && !d.nestedHas(r, output):
				wrong = append(wrong, fmt.Sprintf("%s refers to %s, which is no output", from, reference))
			}
		}
	}
	for name, r := range d.resources {
		check(name, r.properties)
		for _, needed := range r.dependsOn {
			check(name, ref(needed))
		}
	}
	for name, value := range d.outputs {
		check("output "+name, value)
	}
	slices.Sort(wrong)
	return wrong
}

// nestedHas says whether the template of a nested stack has an output.
func (d *deployment) nestedHas(stack resource, output string) bool {
	return slices.ContainsFunc(d.nested, func(inner *deployment) bool {
		_, ok := inner.outputs[output]
		return ok && inner.path == stack.properties["TemplateURL"]
	})
}

// needsNoMoreCapabilities holds the templates to what samconfig.toml
// acknowledges: roles, but none with a name; a transform and nested stacks.
func needsNoMoreCapabilities(d *deployment) []string {
	var wrong []string
	config, err := os.ReadFile(filepath.Join("..", "..", "samconfig.toml"))
	if err != nil || !strings.Contains(string(config), `capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]`) {
		wrong = append(wrong, "samconfig.toml acknowledges something else")
	}
	for name, r := range d.resources {
		for _, property := range []string{"RoleName", "PolicyName", "ManagedPolicyName", "GroupName", "UserName"} {
			if strings.HasPrefix(r.kind, "AWS::IAM::") && r.properties[property] != nil {
				wrong = append(wrong, name+" has a name, which takes CAPABILITY_NAMED_IAM")
			}
		}
	}
	return wrong
}

// customResourcesResponse holds a custom resource to the time of its function,
// which must outlast what IAM takes to know new rights everywhere.
func customResourcesResponse(d *deployment) []string {
	var wrong []string
	for name, r := range d.resources {
		if !strings.HasPrefix(r.kind, "Custom::") && r.kind != "AWS::CloudFormation::CustomResource" {
			continue
		}
		function := d.resources[resourceOf(r.properties["ServiceToken"])]
		own, ok := number(function.properties["Timeout"])
		if least := max(own, 60) + 1; !ok || own < 60 || !between(r.properties["ServiceTimeout"], least, 3600) {
			wrong = append(wrong, fmt.Sprintf("%s is waited for %s s, its function has %v s, want 60 s at least for rights to spread",
				name, text(r.properties["ServiceTimeout"]), own))
		}
	}
	return wrong
}

// domainBeforeMapping holds a mapping to wait for its domain and its stage.
func domainBeforeMapping(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::ApiGatewayV2::ApiMapping") {
		for _, kind := range []string{"AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::Stage"} {
			others := d.ofKind(kind)
			if len(others) != 1 || !d.waitsFor(name, others[0]) {
				wrong = append(wrong, fmt.Sprintf("%s does not wait for an %s", name, kind))
			}
		}
	}
	return wrong
}
