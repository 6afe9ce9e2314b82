package functions_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// grant is an action on a resource that a statement allows, under conditions:
// their values by operator and key.
type grant struct {
	action, resource string
	conditions       map[string]map[string]many
	optional         bool
}

// byAWS are the calls that AWS makes in the name of a function's role, where no
// test can see them. They are the only rights that a role may have without a
// recorded call that takes them. (What a role lets DynamoDB, X-Ray and Lambda do
// when a parameter asks for it, infra/policies_test.go holds.)
func byAWS(resource string) []call {
	// Lambda writes what a function prints to its log group.
	logs := resource + "Logs.Arn"
	calls := []call{{action: "logs:CreateLogStream", resource: logs}, {action: "logs:PutLogEvents", resource: logs}}
	if resource == "Deliver" {
		// Lambda receives the messages that it hands to the function, and
		// deletes those that did not come back.
		for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} {
			calls = append(calls, call{action: action, resource: "Attempts.Arn"}, call{action: action, resource: "SlowAttempts.Arn"})
		}
	}
	return calls
}

// check holds a function to its role in template.yaml: it took no right that
// the role does not give, and, when all its cases were sent, left none unused.
func (w *watch) check(t *testing.T, resource string, all bool) {
	t.Helper()
	checkRights(t, resource, w.made(), all)
}

func checkRights(t *testing.T, resource string, made []call, all bool) {
	t.Helper()
	granted := grants(t)
	calls := append(byAWS(resource), made...)
	for _, err := range compare(calls, granted[resource], all) {
		t.Errorf("%s %s", resource, err)
	}
	if all {
		checkComparison(t, calls, granted, resource)
	}
}

// compare says which calls no grant allows and, when the calls are all that
// there are, which grants no call needs. Of two that allow a call, only the
// first is needed.
func compare(calls []call, granted []grant, all bool) []string {
	var errs []string
	needed := make([]bool, len(granted))
	for _, c := range calls {
		by := slices.IndexFunc(granted, func(g grant) bool { return g.allows(c) })
		if by < 0 {
			errs = append(errs, fmt.Sprintf("takes a right that its role has not: %v", c))
			continue
		}
		needed[by] = true
	}
	for i, g := range granted {
		if all && !needed[i] {
			errs = append(errs, fmt.Sprintf("never takes a right that its role has: %v", g))
		}
	}
	return errs
}

// checkComparison shows, with the calls that were really made, that compare
// would have failed with a grant less or more than the role has. Those added
// are of all other roles, and some that none has.
func checkComparison(t *testing.T, calls []call, granted map[string][]grant, resource string) {
	t.Helper()
	own := granted[resource]
	for i, g := range own {
		// A role without the option needs the narrower of two.
		if slices.ContainsFunc(own, func(o grant) bool {
			return o.optional && !g.optional && o.action == g.action && o.resource == g.resource
		}) {
			continue
		}
		if less := slices.Delete(slices.Clone(own), i, i+1); len(compare(calls, less, true)) == 0 {
			t.Errorf("%s: nobody would miss %v", resource, g)
		}
	}
	others := []grant{
		{action: "dynamodb:Scan", resource: "Data.Outputs.WebhooksTableArn"},
		{action: "dynamodb:GetItem", resource: "*"},
		{action: "kms:Encrypt", resource: "Data.Outputs.SealingKmsKeyArn"},
		{action: "sqs:PurgeQueue", resource: "Attempts.Arn"},
	}
	for _, theirs := range granted {
		others = append(others, theirs...)
	}
	for _, g := range others {
		if slices.ContainsFunc(own, func(o grant) bool { return fmt.Sprint(o) == fmt.Sprint(g) }) {
			continue
		}
		if len(compare(calls, append(slices.Clone(own), g), true)) == 0 {
			t.Errorf("%s: nobody would notice %v", resource, g)
		}
	}
}

// allows checks a call as IAM does.
func (g grant) allows(c call) bool {
	if g.action != c.action || g.resource != c.resource {
		return false
	}
	for operator, keys := range g.conditions {
		for key, values := range keys {
			if !holds(operator, values, c.context[key]) {
				return false
			}
		}
	}
	return true
}

// holds checks a condition by the operators that the policies use. ForAllValues
// holds of no value at all, too.
func holds(operator string, want, got []string) bool {
	switch operator {
	case "Null":
		return want[0] == fmt.Sprint(len(got) == 0)
	case "StringEquals":
		return len(got) == 1 && slices.Contains(want, got[0])
	case "ForAllValues:StringEquals":
		return !slices.ContainsFunc(got, func(value string) bool { return !slices.Contains(want, value) })
	case "ForAllValues:StringLike":
		return !slices.ContainsFunc(got, func(value string) bool {
			return !slices.ContainsFunc(want, func(pattern string) bool { return like(pattern, value) })
		})
	}
	return false
}

// like checks by a pattern that has at most a star at its end.
func like(pattern, value string) bool {
	start, open := strings.CutSuffix(pattern, "*")
	return value == pattern || open && strings.HasPrefix(value, start)
}

// grants reads what the role of each function may do, by the function's name.
func grants(t *testing.T) map[string][]grant {
	t.Helper()
	granted := map[string][]grant{}
	for name, role := range readTemplate(t).Resources {
		if role.Type != "AWS::IAM::Role" {
			continue
		}
		function := strings.TrimSuffix(name, "Role")
		for _, policy := range role.Properties.Policies {
			for _, s := range policy.PolicyDocument.Statement {
				for _, action := range s.Action {
					for _, resource := range s.Resource {
						granted[function] = append(granted[function], grant{action, resource, s.Condition, policy.Optional})
					}
				}
			}
		}
		if len(granted[function]) == 0 {
			t.Fatalf("template.yaml gives %s no rights", function)
		}
	}
	return granted
}

// Calls are checked as IAM would, by the conditions that the policies have.
func TestConditions(t *testing.T) {
	granted := grants(t)
	keys := func(keys ...string) map[string][]string { return map[string][]string{"dynamodb:LeadingKeys": keys} }
	const webhooks, deliveries, kmsURL = "Data.Outputs.WebhooksTableArn", "Data.Outputs.DeliveriesTableArn", "Data.Outputs.SealingKmsKeyArn"
	bound := map[string][]string{"kms:EncryptionContextKeys": {"hookline:key"}, "kms:EncryptionContext:hookline:key": {"v1"}}
	more := maps.Clone(bound)
	more["kms:EncryptionContextKeys"] = []string{"hookline:key", "other"}
	for _, tt := range []struct {
		name, resource string
		call           call
		want           bool
	}{
		{"own account", "SquakeRegister", call{"dynamodb:PutItem", webhooks, keys("A#squake#1")}, true},
		{"account of another API", "SquakeRegister", call{"dynamodb:PutItem", webhooks, keys("A#shoptet#1")}, false},
		{"another table", "SquakeRegister", call{"dynamodb:PutItem", deliveries, keys("A#squake#1")}, false},
		{"another action", "SquakeRegister", call{"dynamodb:DeleteItem", webhooks, keys("A#squake#1")}, false},
		{"a table of nobody's", "SquakeRegister", call{"dynamodb:PutItem", "", keys("A#squake#1")}, false},
		{"no key", "SquakeRegister", call{"dynamodb:PutItem", webhooks, keys()}, false},
		{"all keys of a batch", "Deliver", call{"dynamodb:BatchGetItem", webhooks, keys("A#squake#1", "A#shoptet#1")}, true},
		{"not all keys of a batch", "Deliver", call{"dynamodb:BatchGetItem", webhooks, keys("A#squake#1", "T#1")}, false},
		{"sealing keys", "Deliver", call{"dynamodb:Query", webhooks, keys("KEYRING")}, true},
		{"like sealing keys", "Deliver", call{"dynamodb:Query", webhooks, keys("KEYRING2")}, false},
		{"a sealing key", "Deliver", call{"kms:Decrypt", kmsURL, bound}, true},
		{"bound to more", "Deliver", call{"kms:Decrypt", kmsURL, more}, false},
		{"bound to nothing", "Deliver", call{"kms:Decrypt", kmsURL, nil}, false},
		{"an account of an API", "Portal", call{"dynamodb:UpdateItem", webhooks, keys("A#shoptet#1")}, true},
		{"the record of the operator", "Portal", call{"dynamodb:UpdateItem", webhooks, keys("A##")}, false},
		{"the list of accounts", "Portal", call{"dynamodb:PutItem", webhooks, keys("ACCOUNTS#squake")}, false},
		{"a token", "Portal", call{"dynamodb:PutItem", webhooks, keys("T#1")}, false},
		{"a token to read", "Portal", call{"dynamodb:GetItem", webhooks, keys("T#1")}, false},
		{"a session", "Portal", call{"dynamodb:PutItem", deliveries, keys("S#1")}, true},
		{"the operator's session", "Portal", call{"dynamodb:PutItem", deliveries, keys("OS#1")}, false},
		{"the operator's link", "Portal", call{"dynamodb:DeleteItem", deliveries, keys("OL#1")}, false},
		{"the operator's session to read", "Portal", call{"dynamodb:BatchGetItem", deliveries, keys("OS#1")}, false},
		{"his session", "PortalOperator", call{"dynamodb:PutItem", deliveries, keys("OS#1")}, true},
		{"a token of his making", "PortalOperator", call{"dynamodb:PutItem", webhooks, keys("T#1")}, true},
		{"a delivery", "PortalOperator", call{"dynamodb:PutItem", deliveries, keys("A#squake#1")}, false},
		{"key pair", "Keyring", call{"kms:GenerateDataKeyPairWithoutPlaintext", kmsURL, map[string][]string{"kms:DataKeyPairSpec": {"ECC_NIST_P256"}}}, true},
		{"another key pair", "Keyring", call{"kms:GenerateDataKeyPairWithoutPlaintext", kmsURL, map[string][]string{"kms:DataKeyPairSpec": {"RSA_4096"}}}, false},
	} {
		if got := len(compare([]call{tt.call}, granted[tt.resource], false)) == 0; got != tt.want {
			t.Errorf("%s: %s may %v: %v, want %v", tt.name, tt.resource, tt.call, got, tt.want)
		}
	}
}
