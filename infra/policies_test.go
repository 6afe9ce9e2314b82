package infra_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	onTable = " on !GetAtt Data.Outputs.WebhooksTableArn if "
	within  = onTable + "ForAllValues:StringLike dynamodb:LeadingKeys = "
	// onDeliveries are those of all accounts.
	onDeliveries = " on !GetAtt Data.Outputs.DeliveriesTableArn if ForAllValues:StringLike dynamodb:LeadingKeys = A#*"
	onTokens     = "dynamodb:GetItem" + within + "T#*"
	onQueue      = " on !GetAtt Attempts.Arn"
	ofKey        = " on !Ref TableKeyArn if StringEquals kms:ViaService = !Sub dynamodb.${AWS::Region}.${AWS::URLSuffix}"
)

// rights are all that each role may do, beside writing to its own log group.
var rights = map[string][]string{
	"SquakeRegisterRole": {
		onTokens,
		"dynamodb:PutItem" + within + "A#squake#*",
	},
	"ShoptetRegisterRole": {
		"dynamodb:ConditionCheckItem" + within + "A#shoptet#*",
		onTokens,
		"dynamodb:PutItem" + within + "A#shoptet#*",
	},
	"AbbeycrossRegisterRole": {
		onTokens,
		"dynamodb:PutItem" + within + "A#abbeycross#*",
	},
	"SquakeManageRole": {
		"dynamodb:DeleteItem" + within + "A#squake#*",
		onTokens,
		"dynamodb:PutItem" + within + "A#squake#*",
		"dynamodb:Query" + within + "A#squake#*",
		"dynamodb:UpdateItem" + within + "A#squake#*",
	},
	"ShoptetManageRole": {
		"dynamodb:DeleteItem" + within + "A#shoptet#*",
		"dynamodb:GetItem" + within + "A#shoptet#*",
		onTokens,
		"dynamodb:Query" + within + "A#shoptet#*",
		"dynamodb:Query on !GetAtt Data.Outputs.DeliveriesTableArn if ForAllValues:StringLike dynamodb:LeadingKeys = A#shoptet#*",
		"dynamodb:UpdateItem" + within + "A#shoptet#*",
	},
	"AbbeycrossManageRole": {
		"dynamodb:DeleteItem" + within + "A#abbeycross#*",
		onTokens,
		"dynamodb:Query" + within + "A#abbeycross#*",
		"dynamodb:UpdateItem" + within + "A#abbeycross#*",
	},
	"KeyringRole": {
		"dynamodb:PutItem" + onTable + "ForAllValues:StringEquals dynamodb:LeadingKeys = KEYRING",
		"dynamodb:Query" + onTable + "ForAllValues:StringEquals dynamodb:LeadingKeys = KEYRING",
		"kms:GenerateDataKeyPairWithoutPlaintext on !GetAtt Data.Outputs.SealingKmsKeyArn if StringEquals kms:DataKeyPairSpec = ECC_NIST_P256",
	},
	"PublishRole": {
		"dynamodb:BatchGetItem" + within + "A#*",
		"dynamodb:PutItem" + onDeliveries,
		"sqs:SendMessage" + onQueue,
	},
	"DeliverRole": {
		"dynamodb:BatchGetItem" + onDeliveries,
		"dynamodb:BatchGetItem" + within + "A#*",
		"dynamodb:Query" + onTable + "ForAllValues:StringEquals dynamodb:LeadingKeys = KEYRING",
		"dynamodb:Query" + within + "A#*",
		"dynamodb:UpdateItem" + onDeliveries,
		"dynamodb:UpdateItem" + within + "A#*",
		"kms:Decrypt on !GetAtt Data.Outputs.SealingKmsKeyArn if ForAllValues:StringEquals kms:EncryptionContextKeys = hookline:key and Null kms:EncryptionContext:hookline:key = false",
		"sqs:DeleteMessage" + onQueue,
		"sqs:GetQueueAttributes" + onQueue,
		"sqs:ReceiveMessage" + onQueue,
		"sqs:SendMessage" + onQueue,
	},
	"SweepRole": {
		"dynamodb:Query on !GetAtt Data.Outputs.DueIndexArn",
		"dynamodb:UpdateItem" + onDeliveries,
		"sqs:SendMessage" + onQueue,
	},
}

// Only what delivers may open a sealing key, and nothing may all of anything.
func TestOnlyDeliverOpensKeys(t *testing.T) {
	for role, lines := range rights {
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

// grants writes a policy as sorted lines "action on resource if conditions".
func (p policyDocument) grants(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, s := range p.Statement {
		if s.Effect != "Allow" || s.NotAction != nil || s.NotResource != nil {
			t.Errorf("a statement that does not simply allow: %+v", s)
		}
		var conditions []string
		for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
			for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
				conditions = append(conditions, fmt.Sprintf("%s %s = %s", operator, key, strings.Join(s.Condition[operator][key], ", ")))
			}
		}
		for _, action := range s.Action {
			for _, res := range s.Resource {
				line := action + " on " + res
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
	if diff := cmp.Diff(slices.Sorted(maps.Keys(rights)), roles); diff != "" {
		t.Fatalf("roles (-want +template):\n%s", diff)
	}
	for _, name := range roles {
		t.Run(name, func(t *testing.T) {
			var role struct {
				ManagedPolicyArns        any
				AssumeRolePolicyDocument struct {
					Statement []struct{ Principal map[string]string }
				}
				Policies []struct{ PolicyDocument policyDocument }
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
			for _, p := range role.Policies {
				got = append(got, p.PolicyDocument.grants(t)...)
			}
			logs := " on !GetAtt " + strings.TrimSuffix(name, "Role") + "Logs.Arn"
			want := append(slices.Clone(rights[name]), "logs:CreateLogStream"+logs, "logs:PutLogEvents"+logs)
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rights (-want +got):\n%s", diff)
			}
		})
	}
}

// shared are policies that all roles have when a parameter asks for them: what
// DynamoDB does with a table key of the operator's own, and Lambda with traces.
// X-Ray has no resources, so that its two rights are the only ones on "*".
var shared = map[string]struct {
	condition string
	rights    []string
}{
	"TableKeyUse": {"HasTableKey", []string{
		"kms:Decrypt" + ofKey, "kms:DescribeKey" + ofKey, "kms:Encrypt" + ofKey,
		"kms:GenerateDataKey" + ofKey, "kms:ReEncryptFrom" + ofKey, "kms:ReEncryptTo" + ofKey,
	}},
	"TraceWriting": {"HasTracing", []string{"xray:PutTelemetryRecords on *", "xray:PutTraceSegments on *"}},
}

// Nothing beside the roles hands out rights but the shared policies, and these
// only when they are asked for.
func TestSharedPolicies(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	for name, r := range tm.Resources {
		iam := strings.HasPrefix(r.Type, "AWS::IAM::") || strings.HasSuffix(r.Type, "Policy")
		if _, ok := shared[name]; iam && r.Type != "AWS::IAM::Role" && !ok {
			t.Errorf("%s (%s) is not written down here", name, r.Type)
		}
	}
	var roles []string
	for name := range rights {
		roles = append(roles, "!Ref "+name)
	}
	slices.Sort(roles)
	for name, want := range shared {
		r := tm.Resources[name]
		if r.Condition != want.condition {
			t.Errorf("%s: condition %q, want %q", name, r.Condition, want.condition)
		}
		var policy struct {
			Roles          []string
			PolicyDocument policyDocument
		}
		r.properties(t, &policy)
		slices.Sort(policy.Roles)
		if diff := cmp.Diff(roles, policy.Roles); diff != "" {
			t.Errorf("%s: roles (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(want.rights, policy.PolicyDocument.grants(t)); diff != "" {
			t.Errorf("%s: rights (-want +got):\n%s", name, diff)
		}
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
