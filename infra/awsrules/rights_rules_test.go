package awsrules

import (
	"fmt"
	"slices"
	"strings"
)

// rightsRules are of the rights that a function must have before it is made or
// invoked.
func rightsRules() []rule {
	const lambda = "https://docs.aws.amazon.com/lambda/latest/dg/"
	late := func(resource, kind string, properties object) mutation {
		return mutation{name: kind, plant: func(all templates) {
			all.set(object{"Type": kind, "Properties": properties}, mainPath, "Resources", resource)
		}}
	}
	document := object{"Version": "2012-10-17", "Statement": list(object{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})}
	return []rule{
		{
			name: "rights come before functions", check: rightsComeFirst,
			source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html#gatewayattachment",
			mutations: []mutation{
				late("Late", "AWS::IAM::ManagedPolicy", object{"Roles": list(ref("PublishRole")), "PolicyDocument": document}),
				late("Late", "AWS::IAM::Policy", object{"PolicyName": "late", "Roles": list(ref("KeyringRole")), "PolicyDocument": document}),
				late("Late", "AWS::IAM::RolePolicy", object{"PolicyName": "late", "RoleName": ref("SweepRole"), "PolicyDocument": document}),
			},
		},
		{
			name: "traces may be written", source: lambda + "services-xray.html#services-xray-permissions", check: tracesMayBeWritten,
			mutations: []mutation{{name: "no right", with: combinations()["traces"], plant: withoutPolicies("HasTracing")}},
		},
		{
			name: "a table's own key may be used", check: tableKeyMayBeUsed,
			source:    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html",
			mutations: []mutation{{name: "no right", with: combinations()["table key"], plant: withoutPolicies("HasTableKey")}},
		},
		{
			name: "a network may be connected to", source: lambda + "configuration-vpc.html#configuration-vpc-permissions", check: networkMayBeConnected,
			mutations: []mutation{
				{name: "no right", with: combinations()["network"], plant: withoutPolicies("HasSubnets")},
				{name: "the function may too", with: combinations()["network"], plant: func(all templates) {
					for _, p := range items(at(all[mainPath], "Resources", "DeliverRole", "Properties", "Policies")) {
						if chosen := items(at(p, "Fn::If")); len(chosen) == 3 && chosen[0] == "HasSubnets" {
							document := members(at(chosen[1], "PolicyDocument"))
							document["Statement"] = items(document["Statement"])[:1]
						}
					}
				}},
			},
		},
		{
			name: "a queue may be received from", source: lambda + "services-sqs-configure.html#events-sqs-permissions", check: queueMayBeReceived,
			mutations: []mutation{{name: "one right less", plant: func(all templates) { withoutAction(all, "DeliverRole", "sqs:GetQueueAttributes") }}},
		},
		{
			name: "logs may be written", source: lambda + "monitoring-cloudwatchlogs.html", check: logsMayBeWritten,
			mutations: []mutation{
				{name: "no right", plant: func(all templates) { withoutAction(all, "KeyringRole", "logs:CreateLogStream") }},
				property("a group that Lambda would make, without end", "/aws/lambda/other", "Sweep", "LoggingConfig", "LogGroup"),
				property("another function's group", ref("DeliverLogs"), "Sweep", "LoggingConfig", "LogGroup"),
				property("a level where the format has none", "Text", "Deliver", "LoggingConfig", "LogFormat"),
			},
		},
	}
}

// withoutPolicies takes from all roles the policies that they have on a
// condition.
func withoutPolicies(condition string) func(templates) {
	return func(all templates) {
		for _, r := range members(all[mainPath]["Resources"]) {
			properties := members(at(r, "Properties"))
			if at(r, "Type") != "AWS::IAM::Role" {
				continue
			}
			properties["Policies"] = slices.DeleteFunc(items(properties["Policies"]), func(p any) bool {
				chosen := items(at(p, "Fn::If"))
				return len(chosen) == 3 && chosen[0] == condition
			})
		}
	}
}

// withoutAction takes an action from a role.
func withoutAction(all templates, role, action string) {
	for _, p := range items(at(all[mainPath], "Resources", role, "Properties", "Policies")) {
		for _, s := range items(at(p, "PolicyDocument", "Statement")) {
			statement := members(s)
			statement["Action"] = slices.DeleteFunc(items(statement["Action"]), func(a any) bool { return a == action })
		}
	}
}

// statements gives all statements of a role's own policies.
func (d *deployment) statements(role string) []object {
	var all []object
	for _, p := range items(d.resources[role].properties["Policies"]) {
		for _, s := range items(at(p, "PolicyDocument", "Statement")) {
			all = append(all, members(s))
		}
	}
	return all
}

// allows says whether a role's own policies have an action on a resource,
// whatever the conditions.
func (d *deployment) allows(role, action string, on any) bool {
	return slices.ContainsFunc(d.statements(role), func(s object) bool {
		return s["Effect"] == "Allow" && slices.Contains(texts(s["Action"]), action) &&
			slices.ContainsFunc(items(s["Resource"]), func(r any) bool { return r == "*" || fmt.Sprint(r) == fmt.Sprint(on) })
	})
}

// lacking says which of some actions a function's role does not have.
func (d *deployment) lacking(function string, on any, actions ...string) []string {
	var wrong []string
	role := resourceOf(d.resources[function].properties["Role"])
	for _, action := range actions {
		if !d.allows(role, action, on) {
			wrong = append(wrong, fmt.Sprintf("%s may not %s, by its role %q itself", function, action, role))
		}
	}
	return wrong
}

// rightsComeFirst holds every function to wait for all that its role gets: a
// role's own policies are there with it, others must be waited for.
func rightsComeFirst(d *deployment) []string {
	var wrong []string
	for name, r := range d.resources {
		if !strings.HasPrefix(r.kind, "AWS::IAM::") || r.kind == "AWS::IAM::Role" {
			continue
		}
		for _, role := range append(items(r.properties["Roles"]), r.properties["RoleName"]) {
			for _, function := range d.ofKind("AWS::Lambda::Function") {
				if role != nil && resourceOf(d.resources[function].properties["Role"]) == resourceOf(role) && !d.waitsFor(function, name) {
					wrong = append(wrong, fmt.Sprintf("%s does not wait for %s, which its role needs", function, name))
				}
			}
		}
	}
	for _, function := range d.ofKind("AWS::Lambda::Function") {
		if role := resourceOf(d.resources[function].properties["Role"]); d.resources[role].kind != "AWS::IAM::Role" {
			wrong = append(wrong, fmt.Sprintf("%s has the role %q, which is none of the template", function, role))
		}
	}
	return wrong
}

func tracesMayBeWritten(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::Function") {
		if at(d.resources[name].properties, "TracingConfig", "Mode") == "Active" {
			wrong = append(wrong, d.lacking(name, "*", "xray:PutTraceSegments", "xray:PutTelemetryRecords")...)
		}
	}
	return wrong
}

// tableKeyMayBeUsed holds every function that may use a table to the rights to
// the table's key.
func tableKeyMayBeUsed(d *deployment) []string {
	key := d.parameters["TableKeyArn"]
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::Function") {
		usesTable := slices.ContainsFunc(d.statements(resourceOf(d.resources[name].properties["Role"])), func(s object) bool {
			return slices.ContainsFunc(texts(s["Action"]), func(action string) bool { return strings.HasPrefix(action, "dynamodb:") })
		})
		if key != "" && usesTable {
			wrong = append(wrong, d.lacking(name, key, "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt",
				"kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")...)
		}
	}
	return wrong
}

// networkMayBeConnected holds the role of a function in a network to what
// Lambda does in its name, and to deny the function's own code the same.
func networkMayBeConnected(d *deployment) []string {
	actions := []string{
		"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
		"ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
	}
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::Function") {
		p := d.resources[name].properties
		if p["VpcConfig"] == nil {
			continue
		}
		wrong = append(wrong, d.lacking(name, "*", actions...)...)
		if !slices.ContainsFunc(d.statements(resourceOf(p["Role"])), func(s object) bool {
			return s["Effect"] == "Deny" && len(texts(s["Action"])) == len(actions) && at(s, "Condition", "ArnLike", "lambda:SourceFunctionArn") != nil
		}) {
			wrong = append(wrong, name+"'s code may change network interfaces")
		}
	}
	return wrong
}

func queueMayBeReceived(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::EventSourceMapping") {
		p := d.resources[name].properties
		wrong = append(wrong, d.lacking(resourceOf(p["FunctionName"]), p["EventSourceArn"],
			"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")...)
	}
	return wrong
}

func logsMayBeWritten(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::Function") {
		config := members(d.resources[name].properties["LoggingConfig"])
		group := resourceOf(config["LogGroup"])
		if d.resources[group].kind != "AWS::Logs::LogGroup" {
			wrong = append(wrong, fmt.Sprintf("%s logs to %v, which is not of the template", name, config["LogGroup"]))
			continue
		}
		wrong = append(wrong, d.lacking(name, getAtt(group, "Arn"), "logs:CreateLogStream", "logs:PutLogEvents")...)
		if config["SystemLogLevel"] != nil && config["LogFormat"] != "JSON" {
			wrong = append(wrong, name+" has a log level, which takes the format JSON")
		}
	}
	return wrong
}
