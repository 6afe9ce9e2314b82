package awsrules

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// policyRules are of IAM's policies and of resources' own.
func policyRules() []rule {
	const guide = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
	vacuous := func(all templates) {
		for _, p := range items(at(all[mainPath], "Resources", "PublishRole", "Properties", "Policies")) {
			for _, s := range items(at(p, "PolicyDocument", "Statement")) {
				delete(members(at(s, "Condition")), "Null")
			}
		}
	}
	return []rule{
		{
			name: "quotas of roles", source: guide + "reference_iam-quotas.html", check: rolesWithinQuotas,
			mutations: []mutation{
				property("a description that IAM cannot write", "Hookline’s publish", "PublishRole", "Description"),
				property("a description too long", strings.Repeat("x", 1001), "PublishRole", "Description"),
				{name: "policies too long together", plant: func(all templates) {
					all.main(append(items(at(all[mainPath], "Resources", "PublishRole", "Properties", "Policies")), object{
						"PolicyName": "long", "PolicyDocument": object{"Statement": list(object{"Effect": "Allow", "Action": strings.Repeat("x", 10240), "Resource": "*"})},
					}), "PublishRole", "Policies")
				}},
				{name: "two policies of one name", plant: func(all templates) {
					policies := items(at(all[mainPath], "Resources", "PublishRole", "Properties", "Policies"))
					all.main(append(policies, policies[0]), "PublishRole", "Policies")
				}},
			},
		},
		{
			name: "a condition on all values wants one", source: guide + "reference_policies_condition-single-vs-multi-valued-context-keys.html", check: noConditionHoldsOfNothing,
			mutations: []mutation{{name: "no Null beside", plant: vacuous}},
		},
		{
			name: "statements are well-formed", source: guide + "reference_policies_elements_sid.html", check: statementsAreWellFormed,
			mutations: []mutation{
				property("a Sid with a space", list(object{"Sid": "TLS only", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}),
					"QueuesByTLSOnly", "PolicyDocument", "Statement"),
				{name: "two of one Sid", plant: func(all templates) {
					statements := items(at(all[mainPath], "Resources", "QueuesByTLSOnly", "Properties", "PolicyDocument", "Statement"))
					all.main(append(statements, statements[0]), "QueuesByTLSOnly", "PolicyDocument", "Statement")
				}},
				{name: "no action", plant: func(all templates) { withoutAction(all, "SquakeRegisterRole", "dynamodb:PutItem"); emptied(all) }},
			},
		},
		{
			name: "a key's policy leaves it to the account", check: keyPolicyLeavesAccess,
			source: "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html",
			mutations: []mutation{
				dataProperty("only a role", list(object{"Effect": "Allow", "Principal": object{"AWS": "arn:aws:iam::123456789012:role/x"}, "Action": "kms:*", "Resource": "*"}),
					"SealingKmsKey", "KeyPolicy", "Statement"),
				dataProperty("a wait that KMS has not", 40.0, "SealingKmsKey", "PendingWindowInDays"),
			},
		},
	}
}

// emptied leaves the statement of one action without any.
func emptied(all templates) {
	for _, p := range items(at(all[mainPath], "Resources", "SquakeRegisterRole", "Properties", "Policies")) {
		for _, s := range items(at(p, "PolicyDocument", "Statement")) {
			if at(s, "Sid") == "Register" {
				members(s)["Action"] = list()
			}
		}
	}
}

// describes says whether IAM takes a description: printable Latin-1, tabs and
// line ends.
func describes(text string) bool {
	foreign := func(c rune) bool {
		return !strings.ContainsRune("\t\n\r", c) && (c < ' ' || c > '~') && (c < '\u00a1' || c > '\u00ff')
	}
	return utf8.RuneCountInString(text) <= 1000 && !strings.ContainsFunc(text, foreign)
}

func rolesWithinQuotas(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::IAM::Role") {
		p := d.resources[name].properties
		if description := text(p["Description"]); !describes(description) {
			wrong = append(wrong, fmt.Sprintf("%s: description %q", name, description))
		}
		length, seen := 0, map[string]bool{}
		for _, policy := range items(p["Policies"]) {
			body, err := json.Marshal(at(policy, "PolicyDocument"))
			if err != nil {
				wrong = append(wrong, err.Error())
			}
			for _, c := range string(body) {
				if !unicode.IsSpace(c) {
					length++
				}
			}
			policyName := text(at(policy, "PolicyName"))
			if seen[policyName] {
				wrong = append(wrong, fmt.Sprintf("%s: two policies %s", name, policyName))
			}
			seen[policyName] = true
		}
		if length > 10240 {
			wrong = append(wrong, fmt.Sprintf("%s: policies of %d characters together, at most 10240", name, length))
		}
	}
	return wrong
}

// allStatements gives the statements of every policy there is, by a name for
// each policy.
func (d *deployment) allStatements() map[string][]object {
	all := map[string][]object{}
	add := func(name string, document any) {
		for _, s := range items(at(document, "Statement")) {
			statement := members(s)
			if statement == nil {
				statement = object{}
			}
			all[name] = append(all[name], statement)
		}
	}
	for name, r := range d.resources {
		for _, p := range items(r.properties["Policies"]) {
			add(name+" "+text(at(p, "PolicyName")), at(p, "PolicyDocument"))
		}
		for _, document := range []string{"PolicyDocument", "KeyPolicy"} {
			add(name, r.properties[document])
		}
	}
	return all
}

// noConditionHoldsOfNothing holds each ForAllValues of what is allowed to a Null
// beside it: alone it lets a request pass that has no such key.
func noConditionHoldsOfNothing(d *deployment) []string {
	var wrong []string
	for _, one := range d.all() {
		for name, statements := range one.allStatements() {
			for _, s := range statements {
				for operator, keys := range members(s["Condition"]) {
					for key := range members(keys) {
						// The context's keys are wanted one by one.
						wanted := strings.TrimSuffix(key, "Keys") // kms:EncryptionContextKeys
						if strings.HasPrefix(operator, "ForAllValues:") && s["Effect"] == "Allow" && !wantsOne(s, key, wanted) {
							wrong = append(wrong, fmt.Sprintf("%s: %s of %s holds of a request without", name, operator, key))
						}
					}
				}
			}
		}
	}
	return wrong
}

// wantsOne says whether a statement asks that a key be there, or one under it.
func wantsOne(statement object, key, prefix string) bool {
	for name, value := range members(at(statement, "Condition", "Null")) {
		if (name == key || strings.HasPrefix(name, prefix+":")) && text(value) == "false" {
			return true
		}
	}
	return false
}

var sid = regexp.MustCompile(`^[A-Za-z0-9]*$`)

func statementsAreWellFormed(d *deployment) []string {
	var wrong []string
	for _, one := range d.all() {
		for name, statements := range one.allStatements() {
			seen := map[string]bool{}
			for _, s := range statements {
				id := text(s["Sid"])
				if !sid.MatchString(id) || id != "" && seen[id] {
					wrong = append(wrong, fmt.Sprintf("%s: Sid %q, or two of it", name, id))
				}
				seen[id] = true
				if len(texts(s["Action"])) == 0 || len(items(s["Resource"])) == 0 || !slices.Contains([]string{"Allow", "Deny"}, text(s["Effect"])) {
					wrong = append(wrong, fmt.Sprintf("%s: no action, resource or effect: %v", name, s))
				}
			}
		}
	}
	return wrong
}

// keyPolicyLeavesAccess holds a key's policy to let the account change it, which
// KMS asks for before it makes the key.
func keyPolicyLeavesAccess(d *deployment) []string {
	var wrong []string
	for _, one := range d.all() {
		for _, name := range one.ofKind("AWS::KMS::Key") {
			p := one.resources[name].properties
			if !slices.ContainsFunc(items(at(p, "KeyPolicy", "Statement")), func(s any) bool {
				return at(s, "Effect") == "Allow" && at(s, "Principal", "AWS") == "arn:aws:iam::123456789012:root" && at(s, "Action") == "kms:*" && at(s, "Condition") == nil
			}) {
				wrong = append(wrong, name+": its policy would let nobody change it")
			}
			if !between(p["PendingWindowInDays"], 7, 30) {
				wrong = append(wrong, name+": is deleted after less than 7 or more than 30 days")
			}
		}
	}
	return wrong
}
