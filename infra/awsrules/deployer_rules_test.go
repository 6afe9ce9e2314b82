package awsrules

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// deployerRules are of what infra/policies/deployer.json allows, whatever the
// stack is called.
func deployerRules() []rule {
	const sqs = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
	return []rule{
		{
			name: "who deploys may make what has a name of its own", source: sqs + "sqs-using-identity-based-policies.html", check: namesAreGranted,
			mutations: []mutation{
				property("a queue of another name", "attempts", "Attempts", "QueueName"),
				property("a log group beside the stack's", "/aws/lambda/hookline-sweep", "SweepLogs", "LogGroupName"),
			},
		},
		{
			name: "names that CloudFormation makes begin with the stack's", check: madeNamesAreWhole,
			source: "https://github.com/aws/serverless-application-model/discussions/3262; https://gist.github.com/christianklotz/468a240a75f4ae3e73bd52722f926acb",
			mutations: []mutation{{name: "a role with a longer id", plant: func(all templates) {
				all.set(object{"Type": "AWS::IAM::Role"}, mainPath, "Resources", "AbbeycrossRegistrationsRole")
			}}},
		},
	}
}

// granted gives the resources on which who deploys may take an action.
func granted(action string) ([]string, error) {
	policy, err := os.ReadFile(filepath.Join("..", "policies", "deployer.json"))
	if err != nil {
		return nil, err
	}
	own := pseudo()
	filled := strings.NewReplacer("REGION", own["AWS::Region"], "ACCOUNT", own["AWS::AccountId"], "STACK", own["AWS::StackName"]).Replace(string(policy))
	var document any
	if err := json.Unmarshal([]byte(filled), &document); err != nil {
		return nil, err
	}
	var on []string
	for _, s := range items(at(document, "Statement")) {
		if slices.Contains(texts(at(s, "Action")), action) {
			on = append(on, texts(at(s, "Resource"))...)
		}
	}
	return on, nil
}

// namesAreGranted holds each name that a template gives to those that who deploys
// may use. All other names are CloudFormation's, and begin with the stack's.
func namesAreGranted(d *deployment) []string {
	var wrong []string
	for _, named := range []struct{ kind, property, action, arn string }{
		{"AWS::SQS::Queue", "QueueName", "sqs:CreateQueue", "arn:aws:sqs:eu-central-1:123456789012:"},
		{"AWS::Logs::LogGroup", "LogGroupName", "logs:CreateLogGroup", "arn:aws:logs:eu-central-1:123456789012:log-group:"},
	} {
		on, err := granted(named.action)
		if err != nil {
			return []string{err.Error()}
		}
		for _, name := range d.ofKind(named.kind) {
			given := text(d.resources[name].properties[named.property])
			if given != "" && !slices.ContainsFunc(on, func(pattern string) bool { return matches(pattern, named.arn+given) }) {
				wrong = append(wrong, fmt.Sprintf("%s: who deploys may not %s %s", name, named.action, given))
			}
		}
	}
	return wrong
}

// matches says whether an ARN is one of a policy's pattern.
func matches(pattern, arn string) bool {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(arn)
}

// stackName is how long the name of a stack may be with that policy, as the
// runbook says.
const stackName = 27

// madeNamesAreWhole holds the ids of what has a name of 64 characters at most to
// leave room for the stack's, an id of CloudFormation's and the hyphens between.
// In a longer name CloudFormation cuts off the end of the stack's.
func madeNamesAreWhole(d *deployment) []string {
	var wrong []string
	for name, r := range d.resources {
		short := slices.Contains([]string{"AWS::IAM::Role", "AWS::Lambda::Function", "AWS::Events::Rule"}, r.kind)
		if whole := stackName + 1 + len(name) + 1 + 13; short && whole > 64 {
			wrong = append(wrong, fmt.Sprintf("%s: a name of %d characters, at most 64", name, whole))
		}
	}
	return wrong
}
