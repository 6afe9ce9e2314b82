package infra_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/api/all"
)

const (
	onTable = " on !GetAtt Data.Outputs.WebhooksTableArn if "
	within  = onTable + "ForAllValues:StringLike dynamodb:LeadingKeys = "
	// named is what a request must do beside: ForAllValues alone lets one pass
	// that names no key at all.
	named = " and Null dynamodb:LeadingKeys = false"
	// onDeliveries are those of all accounts.
	onDeliveries = " on !GetAtt Data.Outputs.DeliveriesTableArn if ForAllValues:StringLike dynamodb:LeadingKeys = A#*" + named
	onPass       = " on !GetAtt Data.Outputs.DeliveriesTableArn if ForAllValues:StringLike dynamodb:LeadingKeys = "
	onPasses     = onPass + "L#*, S#*" + named // of accounts
	onTokens     = "dynamodb:GetItem" + within + "T#*" + named
	onKeyring    = onTable + "ForAllValues:StringEquals dynamodb:LeadingKeys = KEYRING" + named
	onClosing    = onTable + "ForAllValues:StringEquals dynamodb:LeadingKeys = CLOSING" + named
	// onTold are a webhook and its notice, which one transaction writes.
	onTold    = within + "A#*, NOTICES" + named
	onNotices = onTable + "ForAllValues:StringEquals dynamodb:LeadingKeys = NOTICES" + named
	onFast    = " on !GetAtt Attempts.Arn"
	onSlow    = " on !GetAtt SlowAttempts.Arn"
	ofKey     = " on !Ref TableKeyArn if StringEquals kms:ViaService = !Sub dynamodb.${AWS::Region}.${AWS::URLSuffix}"
)

// rights returns all that each role may do, beside writing to its own log group.
func rights() map[string][]string {
	roles := map[string][]string{}
	for _, a := range all.APIs() {
		register, manage := apiFunctions(a)
		own := within + "A#" + string(a.Name) + "#*" + named
		roles[register+"Role"] = []string{onTokens, "dynamodb:PutItem" + own}
		roles[manage+"Role"] = []string{
			"dynamodb:DeleteItem" + own,
			onTokens,
			"dynamodb:PutItem" + own,
			"dynamodb:Query" + own,
			"dynamodb:UpdateItem" + own,
		}
	}
	maps.Copy(roles, ownRights)
	return roles
}

// ownRights are those of the roles that need more, or less, than every role of
// an API. TestGoldenExchanges in functions compares each with the calls made.
var ownRights = map[string][]string{
	"ShoptetRegisterRole": {
		"dynamodb:ConditionCheckItem" + within + "A#shoptet#*" + named,
		onTokens,
		"dynamodb:PutItem" + within + "A#shoptet#*" + named,
	},
	"ShoptetManageRole": {
		"dynamodb:DeleteItem" + within + "A#shoptet#*" + named,
		"dynamodb:GetItem" + within + "A#shoptet#*" + named,
		onTokens,
		"dynamodb:Query" + within + "A#shoptet#*" + named,
		"dynamodb:Query on !GetAtt Data.Outputs.DeliveriesTableArn if ForAllValues:StringLike dynamodb:LeadingKeys = A#shoptet#*" + named,
		"dynamodb:UpdateItem" + within + "A#shoptet#*" + named,
	},
	"AbbeycrossManageRole": {
		"dynamodb:DeleteItem" + within + "A#abbeycross#*" + named,
		onTokens,
		"dynamodb:Query" + within + "A#abbeycross#*" + named,
		"dynamodb:UpdateItem" + within + "A#abbeycross#*" + named,
	},
	"DocsRole": nil,
	"KeyringRole": {
		"dynamodb:PutItem" + onKeyring,
		"dynamodb:Query" + onKeyring,
		"kms:GenerateDataKeyPairWithoutPlaintext on !GetAtt Data.Outputs.SealingKmsKeyArn if StringEquals kms:DataKeyPairSpec = ECC_NIST_P256",
	},
	"PublishRole": {
		"dynamodb:BatchGetItem" + within + "A#*" + named,
		"dynamodb:PutItem" + onDeliveries,
		"dynamodb:UpdateItem" + onDeliveries,
		"sqs:SendMessage" + onFast,
		"sqs:SendMessage" + onSlow,
	},
	"PortalRole": {
		"dynamodb:BatchGetItem" + onPass + ofAPIs() + ", L#*, S#*" + named,
		"dynamodb:BatchGetItem" + within + ofAPIs() + ", L#*, S#*" + named,
		"dynamodb:ConditionCheckItem" + withinAPIs(),
		"dynamodb:DeleteItem" + onPasses,
		"dynamodb:DeleteItem" + withinAPIs(),
		"dynamodb:GetItem" + onDeliveries,
		"dynamodb:GetItem" + onTable + "ForAllValues:StringEquals dynamodb:LeadingKeys = A##" + named,
		"dynamodb:GetItem" + withinAPIs(),
		"dynamodb:PutItem" + onDeliveries,
		"dynamodb:PutItem" + onPasses,
		"dynamodb:PutItem" + withinAPIs(),
		"dynamodb:Query" + onDeliveries,
		"dynamodb:Query" + withinAPIs(),
		"dynamodb:UpdateItem" + onDeliveries,
		"dynamodb:UpdateItem" + withinAPIs(),
		"sqs:SendMessage" + onSlow,
	},
	"PortalOperatorRole": {
		"dynamodb:BatchGetItem" + onPass + "A##, OL#*, OS#*" + named,
		"dynamodb:BatchGetItem" + within + "A##, OL#*, OS#*" + named,
		"dynamodb:BatchGetItem" + withinAPIs(),
		"dynamodb:ConditionCheckItem" + within + "A#*, T#*" + named,
		"dynamodb:DeleteItem" + onPass + "OL#*, OS#*, L#*, S#*" + named,
		"dynamodb:DeleteItem" + within + "A#*, T#*" + named,
		"dynamodb:GetItem" + within + "A#*" + named,
		"dynamodb:PutItem" + onPass + "OL#*, OS#*, L#*, S#*" + named,
		"dynamodb:PutItem" + within + "A#*, ACCOUNTS#*, T#*" + named,
		"dynamodb:Query on !GetAtt Data.Outputs.FailingIndexArn",
		"dynamodb:Query" + within + "A#*, ACCOUNTS#*" + named,
		"dynamodb:UpdateItem" + within + "A#*" + named,
	},
	"OperateRole": {
		"dynamodb:BatchGetItem" + within + "A#*" + named,
		"dynamodb:ConditionCheckItem" + within + "A#*, T#*" + named,
		"dynamodb:DeleteItem" + within + "A#*, T#*" + named,
		"dynamodb:GetItem" + onDeliveries,
		"dynamodb:GetItem" + within + "A#*" + named,
		"dynamodb:PutItem" + onDeliveries,
		"dynamodb:PutItem" + within + "A#*, ACCOUNTS#*, T#*" + named,
		"dynamodb:Query on !GetAtt Data.Outputs.FailingIndexArn",
		"dynamodb:Query" + onDeliveries,
		"dynamodb:Query" + within + "A#*, ACCOUNTS#*" + named,
		"dynamodb:UpdateItem" + onDeliveries,
		"dynamodb:UpdateItem" + within + "A#*, CLOSING" + named,
		"sqs:SendMessage" + onSlow,
	},
	"DeliverRole": {
		"dynamodb:BatchGetItem" + onDeliveries,
		"dynamodb:BatchGetItem" + within + "A#*" + named,
		"dynamodb:Query" + onKeyring,
		"dynamodb:Query" + within + "A#*" + named,
		"dynamodb:UpdateItem" + onDeliveries,
		"dynamodb:UpdateItem" + within + "A#*" + named,
		"kms:Decrypt on !GetAtt Data.Outputs.SealingKmsKeyArn if ForAllValues:StringEquals kms:EncryptionContextKeys = hookline:key and Null kms:EncryptionContext:hookline:key = false",
		"sqs:DeleteMessage" + onFast,
		"sqs:DeleteMessage" + onSlow,
		"sqs:GetQueueAttributes" + onFast,
		"sqs:GetQueueAttributes" + onSlow,
		"sqs:ReceiveMessage" + onFast,
		"sqs:ReceiveMessage" + onSlow,
		"sqs:SendMessage" + onSlow,
	},
	"SweepRole": {
		"dynamodb:DeleteItem" + within + "A#*, T#*, ACCOUNTS#*, CLOSING" + named,
		"dynamodb:GetItem" + within + "A#*" + named,
		"dynamodb:Query" + onClosing,
		"dynamodb:Query" + onDeliveries,
		"dynamodb:Query" + within + "A#*" + named,
		"dynamodb:UpdateItem" + onClosing,
		"dynamodb:Query on !GetAtt Data.Outputs.DueIndexArn",
		"dynamodb:UpdateItem" + onDeliveries,
		"sqs:SendMessage" + onSlow,
	},
}

// ofAPIs are the keys of the accounts of all APIs, and of no other item.
func ofAPIs() string {
	var keys []string
	for _, a := range all.APIs() {
		keys = append(keys, "A#"+string(a.Name)+"#*")
	}
	return strings.Join(keys, ", ")
}

func withinAPIs() string { return within + ofAPIs() + named }

// Only what delivers may open a sealing key, and nothing may all of anything.
func TestOnlyDeliverOpensKeys(t *testing.T) {
	for role, lines := range rights() {
		for _, line := range lines {
			action, _, _ := strings.Cut(line, " on ")
			if strings.HasPrefix(action, "kms:Decrypt") && role != "DeliverRole" {
				t.Errorf("%s may %s", role, line)
			}
			if strings.Contains(action, "*") || strings.Contains(line, " on *") {
				t.Errorf("%s may %s: too much", role, line)
			}
		}
	}
}

// oneOrMany is a text or a list of texts, as IAM takes either.
type oneOrMany []string

func (l *oneOrMany) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*l = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

type policyDocument struct {
	Statement []struct {
		Effect           string
		Principal        any
		Action, Resource oneOrMany
		NotAction        any
		NotResource      any
		Condition        map[string]map[string]oneOrMany
	}
}

// grants writes a policy as sorted lines "action on resource if conditions",
// which begin with "Deny " where the policy denies.
func (p policyDocument) grants(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, s := range p.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || s.NotAction != nil || s.NotResource != nil {
			t.Errorf("a statement that neither simply allows nor denies: %+v", s)
		}
		effect := strings.TrimPrefix(s.Effect+" ", "Allow ")
		var conditions []string
		for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
			for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
				conditions = append(conditions, fmt.Sprintf("%s %s = %s", operator, key, strings.Join(s.Condition[operator][key], ", ")))
			}
		}
		for _, action := range s.Action {
			for _, res := range s.Resource {
				line := effect + action + " on " + res
				if len(conditions) > 0 {
					line += " if " + strings.Join(conditions, " and ")
				}
				lines = append(lines, line)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func TestRolesMayDoExactlyThis(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	roles := tm.ofType(t, "AWS::IAM::Role")
	slices.Sort(roles)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(rights())), roles); diff != "" {
		t.Fatalf("roles (-want +template):\n%s", diff)
	}
	for _, name := range roles {
		t.Run(name, func(t *testing.T) {
			var role struct {
				ManagedPolicyArns        any
				AssumeRolePolicyDocument struct {
					Statement []struct{ Principal map[string]string }
				}
				Policies []rolePolicy
			}
			tm.Resources[name].properties(t, &role)
			trusted := role.AssumeRolePolicyDocument.Statement
			if len(trusted) != 1 || !maps.Equal(trusted[0].Principal, map[string]string{"Service": "lambda.amazonaws.com"}) {
				t.Errorf("trusts %v, want Lambda only", trusted)
			}
			if role.ManagedPolicyArns != nil {
				t.Errorf("has managed policies: %v", role.ManagedPolicyArns)
			}
			var got []string
			conditional := map[string][]string{}
			for _, p := range role.Policies {
				if p.condition == "" {
					got = append(got, p.PolicyDocument.grants(t)...)
					continue
				}
				conditional[p.condition] = append(conditional[p.condition], p.PolicyDocument.grants(t)...)
			}
			wantConditional := maps.Clone(onDemand)
			if name != "DeliverRole" {
				delete(wantConditional, "HasSubnets")
			}
			if name == "DocsRole" { // which has no table
				delete(wantConditional, "HasTableKey")
			}
			if notices := ofNotices[name]; notices != nil {
				wantConditional["HasNotices"] = notices
			}
			if name == "OperateRole" {
				wantConditional["HasPortal"] = []string{"dynamodb:PutItem" + onPass + "L#*, OL#*" + named}
			}
			if diff := cmp.Diff(wantConditional, conditional); diff != "" {
				t.Errorf("rights on conditions (-want +got):\n%s", diff)
			}
			logs := " on !GetAtt " + strings.TrimSuffix(name, "Role") + "Logs.Arn"
			want := append(slices.Clone(rights()[name]), "logs:CreateLogStream"+logs, "logs:PutLogEvents"+logs)
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rights (-want +got):\n%s", diff)
			}
		})
	}
}

// onDemand are the rights that every role has on a condition: what DynamoDB does
// with a table key of the operator's own, and Lambda with traces. X-Ray has no
// resources. The last are of the role of deliver only, for Lambda, which
// connects it to a network; the function itself is denied them.
var onDemand = map[string][]string{
	"HasTableKey": {
		"kms:Decrypt" + ofKey, "kms:DescribeKey" + ofKey, "kms:Encrypt" + ofKey,
		"kms:GenerateDataKey" + ofKey, "kms:ReEncryptFrom" + ofKey, "kms:ReEncryptTo" + ofKey,
	},
	"HasTracing": {"xray:PutTelemetryRecords on *", "xray:PutTraceSegments on *"},
	"HasSubnets": slices.Concat(ofNetworks("Deny ", byFunction), ofNetworks("", "")),
}

// ofNotices are the rights of roles where notices are on.
var ofNotices = map[string][]string{
	"DeliverRole": {"dynamodb:UpdateItem" + onTold},
	"SweepRole": {
		"dynamodb:BatchGetItem" + within + "A#*" + named,
		"dynamodb:DeleteItem" + onNotices,
		"dynamodb:Query on !GetAtt Data.Outputs.FailingIndexArn",
		"dynamodb:Query" + onNotices,
		"dynamodb:UpdateItem" + onTold,
		"events:PutEvents on !Sub arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${NoticeBus}",
	},
}

const byFunction = " if ArnLike lambda:SourceFunctionArn = !Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*"

func ofNetworks(effect, condition string) []string {
	var lines []string
	for _, action := range []string{
		"AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface",
		"DescribeNetworkInterfaces", "DescribeSubnets", "UnassignPrivateIpAddresses",
	} {
		lines = append(lines, effect+"ec2:"+action+" on *"+condition)
	}
	return lines
}

// rolePolicy is a policy in a role, there on a condition or always.
type rolePolicy struct {
	condition      string
	PolicyDocument policyDocument
}

func (p *rolePolicy) UnmarshalJSON(text []byte) error {
	type plain rolePolicy
	var either struct {
		plain
		If []json.RawMessage `json:"!If"`
	}
	if err := json.Unmarshal(text, &either); err != nil {
		return err
	}
	*p = rolePolicy(either.plain)
	if either.If == nil {
		return nil
	}
	if len(either.If) != 3 || string(either.If[2]) != `"!Ref AWS::NoValue"` {
		return fmt.Errorf("not a policy or none: %s", text)
	}
	return errors.Join(json.Unmarshal(either.If[0], &p.condition), json.Unmarshal(either.If[1], (*plain)(p)))
}

// Nothing beside the roles hands out rights: what a role gets later, a function
// may already have been invoked without. The queues' policy takes some away.
func TestRightsAreInTheRoles(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	for name, r := range tm.Resources {
		iam := strings.HasPrefix(r.Type, "AWS::IAM::") || strings.HasSuffix(r.Type, "Policy")
		if iam && r.Type != "AWS::IAM::Role" && name != "QueuesByTLSOnly" {
			t.Errorf("%s (%s) is not written down here", name, r.Type)
		}
	}
	var queues struct {
		Queues         []string
		PolicyDocument policyDocument
	}
	tm.Resources["QueuesByTLSOnly"].properties(t, &queues)
	if want := []string{"!Ref Attempts", "!Ref DeadLetters", "!Ref SlowAttempts", "!Ref SlowDeadLetters"}; !slices.Equal(queues.Queues, want) {
		t.Errorf("only %v refuse what comes without TLS, want %v", queues.Queues, want)
	}
	want := []string{
		"Deny sqs:* on !GetAtt Attempts.Arn if Bool aws:SecureTransport = false",
		"Deny sqs:* on !GetAtt DeadLetters.Arn if Bool aws:SecureTransport = false",
		"Deny sqs:* on !GetAtt SlowAttempts.Arn if Bool aws:SecureTransport = false",
		"Deny sqs:* on !GetAtt SlowDeadLetters.Arn if Bool aws:SecureTransport = false",
	}
	if diff := cmp.Diff(want, queues.PolicyDocument.grants(t)); diff != "" || queues.PolicyDocument.Statement[0].Principal != "*" {
		t.Errorf("the queues' policy (-want +got):\n%s", diff)
	}
}

// A key policy's "*" is its own key; who else may use it, IAM decides. Nothing
// and nobody else is let in.
func TestKeyPolicyLeavesItToTheAccount(t *testing.T) {
	data := readTemplate(t, "infra/data.yaml")
	for _, name := range data.ofType(t, "AWS::KMS::Key") {
		var key struct{ KeyPolicy policyDocument }
		data.Resources[name].properties(t, &key)
		if diff := cmp.Diff([]string{"kms:* on *"}, key.KeyPolicy.grants(t)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		want := map[string]any{"AWS": "!Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
		for _, s := range key.KeyPolicy.Statement {
			if diff := cmp.Diff(any(want), s.Principal); diff != "" {
				t.Errorf("%s: principal (-want +got):\n%s", name, diff)
			}
		}
	}
}
