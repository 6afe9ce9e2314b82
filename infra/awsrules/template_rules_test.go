package awsrules

import (
	"fmt"
	"maps"
	"slices"
)

// templateRules are of templates as such, before anything is made.
func templateRules() []rule {
	const guide = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
	return []rule{
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
