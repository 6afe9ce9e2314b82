package infra_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// deploying are the actions that CloudFormation takes, in the name of who
// deploys, to make, read, change and delete a resource of each type. They are
// those of the type's handlers in CloudFormation's registry (`aws cloudformation
// describe-type --type RESOURCE --type-name …`, Schema, handlers), as far as
// the templates set what the handler needs them for; other sources stand beside
// them. Nobody has recorded them in an account.
var deploying = map[string]string{
	"AWS::ApiGatewayV2::Api":        "apigateway: DELETE GET PATCH POST PUT TagResource UntagResource",
	"AWS::ApiGatewayV2::ApiMapping": "apigateway: DELETE GET PATCH POST",
	"AWS::ApiGatewayV2::DomainName": "apigateway: DELETE GET PATCH POST PUT; iam: CreateServiceLinkedRole",
	// docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
	"AWS::ApiGatewayV2::Stage": "apigateway: DELETE GET PATCH POST PUT TagResource; " +
		"logs: CreateLogDelivery DeleteLogDelivery DescribeLogGroups DescribeResourcePolicies GetLogDelivery ListLogDeliveries PutResourcePolicy UpdateLogDelivery",
	"AWS::CloudFormation::Stack": "cloudformation: CreateStack DeleteStack DescribeStackEvents DescribeStacks TagResource UntagResource UpdateStack; s3: GetObject",
	// Only a URL of CloudFormation's own.
	"AWS::CloudFormation::WaitConditionHandle": "",
	"AWS::CloudWatch::Alarm":                   "cloudwatch: DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource",
	"AWS::CloudWatch::Dashboard":               "cloudwatch: DeleteDashboards GetDashboard ListTagsForResource PutDashboard TagResource UntagResource",
	// No DeleteTable: tables are kept. With TableKeyArn DynamoDB makes a grant
	// (docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html).
	"AWS::DynamoDB::Table": "dynamodb: CreateTable DescribeContinuousBackups DescribeContributorInsights DescribeKinesisStreamingDestination DescribeTable DescribeTimeToLive " +
		"GetResourcePolicy ListTagsOfResource TagResource UntagResource UpdateContinuousBackups UpdateTable UpdateTimeToLive; kms: CreateGrant DescribeKey",
	"AWS::Events::Rule": "events: DeleteRule DescribeRule DisableRule EnableRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets TagResource UntagResource",
	"AWS::IAM::Role": "iam: CreateRole DeleteRole DeleteRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies PutRolePolicy " +
		"TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription",
	// No ScheduleKeyDeletion: the key is kept.
	"AWS::KMS::Key":                   "kms: CreateKey DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags PutKeyPolicy TagResource UntagResource UpdateKeyDescription",
	"AWS::Lambda::EventInvokeConfig":  "lambda: DeleteFunctionEventInvokeConfig GetFunctionEventInvokeConfig PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig",
	"AWS::Lambda::EventSourceMapping": "lambda: CreateEventSourceMapping DeleteEventSourceMapping GetEventSourceMapping TagResource UntagResource UpdateEventSourceMapping",
	"AWS::Lambda::Function": "lambda: CreateFunction DeleteFunction GetFunction GetFunctionCodeSigningConfig GetFunctionConfiguration GetFunctionRecursionConfig GetRuntimeManagementConfig " +
		"ListTags PutFunctionRecursionConfig TagResource UntagResource UpdateFunctionCode UpdateFunctionConfiguration; iam: PassRole; s3: GetObject GetObjectVersion; " +
		"ec2: DescribeSecurityGroups DescribeSubnets DescribeVpcs",
	"AWS::Lambda::Permission":   "lambda: AddPermission GetPolicy RemovePermission",
	"AWS::Logs::LogGroup":       "logs: CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DescribeLogGroups ListTagsForResource PutRetentionPolicy TagResource UntagResource",
	"AWS::Logs::MetricFilter":   "logs: DeleteMetricFilter DescribeMetricFilters PutMetricFilter",
	"AWS::Route53::RecordSet":   "route53: ChangeResourceRecordSets GetChange GetHostedZone ListResourceRecordSets",
	"AWS::SQS::Queue":           "sqs: CreateQueue DeleteQueue GetQueueAttributes GetQueueUrl ListQueueTags SetQueueAttributes TagQueue UntagQueue",
	"AWS::SQS::QueuePolicy":     "sqs: GetQueueAttributes SetQueueAttributes",
	"Custom::SealingKey":        "lambda: InvokeFunction",
	"AWS::Serverless::Function": "", // SAM's; see generates
	"AWS::Serverless::HttpApi":  "",
}

// bySAM are the actions of the SAM CLI itself, its bucket's stack included, and
// of the runbook's sections Deploy, After a failed first deployment, Upgrade
// and Delete.
const bySAM = "cloudformation: ContinueUpdateRollback CreateChangeSet DeleteChangeSet DeleteStack DescribeChangeSet DescribeStackEvents DescribeStacks ExecuteChangeSet " +
	"GetTemplate GetTemplateSummary ListStackResources ListStacks; " +
	"s3: CreateBucket GetBucketLocation GetBucketPolicy GetEncryptionConfiguration GetObject ListBucket PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging " +
	"PutBucketVersioning PutEncryptionConfiguration PutObject"

// generates are the types that SAM makes of its own
// (github.com/aws/serverless-application-model,
// docs/internals/generated_resources.rst).
var generates = map[string][]string{
	"AWS::Serverless::HttpApi":  {"AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"},
	"AWS::Serverless::Function": {"AWS::Lambda::Function", "AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig", "AWS::Events::Rule"},
}

// actions reads "service: Action Action; service: Action".
func actions(t *testing.T, text string) []string {
	t.Helper()
	var all []string
	for part := range strings.SplitSeq(text, "; ") {
		service, names, found := strings.Cut(part, ": ")
		if part != "" && !found {
			t.Fatalf("%q names no service", part)
		}
		for _, name := range strings.Fields(names) {
			all = append(all, service+":"+name)
		}
	}
	return all
}

// readPolicy reads a policy of people, with its placeholders filled in.
func readPolicy(t *testing.T, name string) (document policyDocument, text string) {
	t.Helper()
	text = strings.NewReplacer(
		"REGION", "eu-central-1", "ACCOUNT", "123456789012", "STACK", "hookline", "API_ID", "a1b2c3d4e5",
	).Replace(readFile(t, "infra/policies/"+name+".json"))
	decoder := json.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&document); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return document, text
}

// Who deploys has the rights that the templates' resource types take, and no
// others; none reads or deletes data.
func TestDeployerPolicy(t *testing.T) {
	want, used := map[string]bool{}, map[string]bool{}
	for _, action := range actions(t, bySAM) {
		want[action] = true
	}
	for _, path := range []string{"template.yaml", "infra/data.yaml", "infra/operations.yaml"} {
		for name, r := range readTemplate(t, path).Resources {
			for _, kind := range append([]string{r.Type}, generates[r.Type]...) {
				row, known := deploying[kind]
				if !known {
					t.Errorf("%s of %s: nobody says what deploying %s takes", name, path, kind)
				}
				used[kind] = true
				for _, action := range actions(t, row) {
					want[action] = true
				}
			}
		}
	}
	for kind := range deploying {
		if !used[kind] {
			t.Errorf("no template has a %s", kind)
		}
	}
	policy, _ := readPolicy(t, "deployer")
	granted := map[string]bool{}
	for _, s := range policy.Statement {
		for _, action := range s.Action {
			if granted[action] {
				t.Errorf("%s is granted twice", action)
			}
			granted[action] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(granted))); diff != "" {
		t.Errorf("actions (-what the templates take +infra/policies/deployer.json):\n%s", diff)
	}
	for _, never := range []string{"dynamodb:DeleteTable", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "kms:Decrypt", "kms:ScheduleKeyDeletion", "sqs:ReceiveMessage"} {
		if granted[never] {
			t.Errorf("it grants %s", never)
		}
	}
}

// Who calls the operator's routes may invoke those that the stack's outputs
// name: who publishes one, a backend all, and who only reads those of GET and
// HEAD. Who uses the commands may look up the stack, too.
func TestPoliciesOfCallers(t *testing.T) {
	invoke := func(output string) string {
		arn, ok := readTemplate(t, "template.yaml").Outputs[output].Value.(string)
		if !ok {
			t.Fatalf("%s is no text", output)
		}
		return "execute-api:Invoke on " + strings.NewReplacer(
			"!Sub ", "", "${AWS::Partition}", "aws", "${AWS::Region}", "eu-central-1", "${AWS::AccountId}", "123456789012", "${Api}", "a1b2c3d4e5",
		).Replace(arn)
	}
	publish, operate := invoke("EventsRouteArn"), invoke("OperatorRoutesArn")
	for name, want := range map[string][]string{
		"publisher": {publish},
		"backend":   {operate, publish},
		"operator":  {"cloudformation:DescribeStacks on arn:aws:cloudformation:eu-central-1:123456789012:stack/hookline/*", operate, publish},
		"reader":    {strings.Replace(operate, "/*/", "/GET/", 1), strings.Replace(operate, "/*/", "/HEAD/", 1)},
	} {
		policy, _ := readPolicy(t, name)
		if diff := cmp.Diff(want, policy.grants(t)); diff != "" {
			t.Errorf("rights (-the outputs +infra/policies/%s.json):\n%s", name, diff)
		}
	}
}

// Each policy fits into a managed policy (6144 characters without white space,
// IAM User Guide, "IAM and AWS STS quotas") with a stack of as long a name as the
// runbook allows, simply allows, and has no placeholder that the runbook does not
// fill in.
func TestPoliciesOfPeople(t *testing.T) {
	rights := runbook(t)["Rights"]
	for _, name := range []string{"deployer", "operator", "backend", "reader", "publisher"} {
		policy, text := readPolicy(t, name)
		policy.grants(t)
		longest := strings.NewReplacer("eu-central-1", "ap-southeast-2", "hookline", strings.Repeat("x", 27)).Replace(text)
		if size := len(strings.Join(strings.Fields(longest), "")); size > 6144 {
			t.Errorf("%s has %d characters, too many for a managed policy", name, size)
		}
		if !strings.Contains(rights, "| `"+name+"` |") {
			t.Errorf("the runbook does not say who %s is for", name)
		}
	}
	for _, placeholder := range []string{"ACCOUNT", "REGION", "STACK", "API_ID"} {
		if !strings.Contains(rights, "s/"+placeholder+"/") {
			t.Errorf("the runbook does not fill in %s", placeholder)
		}
	}
}
