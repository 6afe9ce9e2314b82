package awsrules

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// templateRules are of templates as such, before anything is made.
func templateRules() []rule {
	const guide = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
	return []rule{
		{
			name: "template quotas", source: guide + "cloudformation-limits.html", check: eachStack(withinQuotas),
			mutations: []mutation{
				{name: "too long", plant: func(all templates) { all.set(strings.Repeat("x", 1<<20), mainPath, "Metadata", "Text") }},
				{name: "description too long", plant: func(all templates) { all.set(strings.Repeat("x", 1025), dataPath, "Description") }},
			},
		},
		{
			name: "parameter defaults", source: guide + "parameters-section-structure.html", check: eachStack(defaultsAreAllowed),
			mutations: []mutation{
				{name: "a default that the pattern refuses", plant: func(all templates) { all.set("x", mainPath, "Parameters", "DomainName", "Default") }},
				{name: "a default below the least", plant: func(all templates) { all.set(1.0, mainPath, "Parameters", "DeliverConcurrency", "Default") }},
				{name: "a default that is not to choose from", plant: func(all templates) { all.set("maybe", mainPath, "Parameters", "Tracing", "Default") }},
			},
		},
		{
			name: "functions of rules", source: guide + "intrinsic-function-reference-rules.html", check: eachStack(rulesUseTheirFunctions),
			mutations: []mutation{{name: "a function of resources", plant: func(all templates) {
				joined := object{"Fn::Equals": list(object{"Fn::Join": list("", ref("DeliverSubnetIds"))}, "")}
				all.set(joined, mainPath, "Rules", "GroupsAreForSubnets", "RuleCondition")
			}}},
		},
		{
			name: "parameters of nested stacks", source: guide + "aws-resource-cloudformation-stack.html", check: nestedGetTheirParameters,
			mutations: []mutation{
				property("one that is unknown there", "x", "Data", "Parameters", "Unknown"),
				property("a list", list("a"), "Data", "Parameters", "TableKeyArn"),
				property("one less", nil, "Operations", "Parameters", "Api"),
			},
		},
	}
}

// eachStack asks the same of a template and those nested in it.
func eachStack(check func(*deployment) []string) func(*deployment) []string {
	return func(d *deployment) []string {
		var wrong []string
		for _, one := range d.all() {
			for _, w := range check(one) {
				wrong = append(wrong, one.path+": "+w)
			}
		}
		return wrong
	}
}

func withinQuotas(d *deployment) []string {
	body, err := json.Marshal(d.template)
	if err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	for what, n := range map[string][2]int{
		"bytes": {len(body), 1 << 20}, "bytes of description": {len(text(d.template["Description"])), 1024},
		"parameters": {len(members(d.template["Parameters"])), 200}, "resources": {len(members(d.template["Resources"])), 500},
		"outputs": {len(members(d.template["Outputs"])), 200},
	} {
		if n[0] > n[1] {
			wrong = append(wrong, fmt.Sprintf("%d %s, at most %d", n[0], what, n[1]))
		}
	}
	for name, parameter := range members(d.template["Parameters"]) {
		if n := len(text(at(parameter, "Description"))); n > 4000 {
			wrong = append(wrong, fmt.Sprintf("parameter %s: a description of %d bytes, at most 4000", name, n))
		}
	}
	return wrong
}

func defaultsAreAllowed(d *deployment) []string {
	var wrong []string
	for name, parameter := range members(d.template["Parameters"]) {
		p := members(parameter)
		standard, given := p["Default"]
		if !given {
			continue
		}
		value := text(standard)
		pattern, err := regexp.Compile("^(?:" + text(p["AllowedPattern"]) + ")$")
		allowed := items(p["AllowedValues"])
		least, hasLeast := number(p["MinValue"])
		n, isNumber := number(standard)
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("parameter %s: %v", name, err))
		case p["AllowedPattern"] != nil && !pattern.MatchString(value),
			allowed != nil && !slices.ContainsFunc(allowed, func(a any) bool { return text(a) == value }),
			hasLeast && (!isNumber || n < least):
			wrong = append(wrong, fmt.Sprintf("parameter %s may not have its default %q", name, value))
		}
	}
	return wrong
}

// rulesUseTheirFunctions holds the section Rules to the functions that it may
// use, which are fewer than those of resources.
func rulesUseTheirFunctions(d *deployment) []string {
	var wrong []string
	var walk func(rule string, value any)
	walk = func(rule string, value any) {
		for _, item := range items(value) {
			for name, member := range members(item) {
				if strings.HasPrefix(name, "Fn::") && !slices.Contains(ruleFunctions(), name) {
					wrong = append(wrong, fmt.Sprintf("rule %s uses %s", rule, name))
				}
				walk(rule, member)
			}
			if inner, ok := item.([]any); ok {
				walk(rule, inner)
			}
		}
	}
	for name, r := range members(d.template["Rules"]) {
		walk(name, r)
	}
	return wrong
}

func ruleFunctions() []string {
	return []string{
		"Fn::And", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::Equals",
		"Fn::Not", "Fn::Or", "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll",
	}
}

func nestedGetTheirParameters(d *deployment) []string {
	var wrong []string
	for _, inner := range d.nested {
		for _, name := range d.ofKind("AWS::CloudFormation::Stack") {
			if d.resources[name].properties["TemplateURL"] != inner.path {
				continue
			}
			handed, known := members(d.resources[name].properties["Parameters"]), members(inner.template["Parameters"])
			for parameter, value := range handed {
				if _, isList := value.([]any); isList || known[parameter] == nil {
					wrong = append(wrong, fmt.Sprintf("%s: parameter %s is a list or unknown", name, parameter))
				}
			}
			for _, parameter := range slices.Sorted(maps.Keys(known)) {
				if _, optional := members(known[parameter])["Default"]; !optional && handed[parameter] == nil {
					wrong = append(wrong, fmt.Sprintf("%s: parameter %s is not given", name, parameter))
				}
			}
		}
	}
	return wrong
}
