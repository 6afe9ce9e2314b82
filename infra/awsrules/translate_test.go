package awsrules

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// object is a JSON object, and so any part of a template.
type object = map[string]any

// templates are the translated templates, by their paths in the checkout.
type templates map[string]object

const (
	mainPath       = "template.yaml"
	dataPath       = "infra/data.yaml"
	operationsPath = "infra/operations.yaml"
)

// translate gives the templates as CloudFormation gets them. Each call of what
// it returns gives a copy of their own to its caller.
func translate(t *testing.T) func() templates {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(root, ".tools", "venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("run `make tools`: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "translate.py", root)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("translate the templates: %v\n%s", err, stderr.Bytes())
	}
	return func() templates {
		var all templates
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatalf("translated templates: %v", err)
		}
		return all
	}
}

// deployment is what CloudFormation would make of a template and parameters:
// conditions are decided, parameters and pseudo parameters are their values, and
// what refers to a resource is as it was.
type deployment struct {
	path       string
	template   object // as translated
	parameters map[string]string
	conditions map[string]bool
	resources  map[string]resource
	outputs    map[string]any
	nested     []*deployment
}

type resource struct {
	kind       string // such as AWS::Lambda::Function
	dependsOn  []string
	properties object
}

// pseudo are the pseudo parameters. The name of the stack is as long as one may
// be, since other names begin with it.
func pseudo() map[string]string {
	return map[string]string{
		"AWS::AccountId": "123456789012", "AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::URLSuffix": "amazonaws.com",
		"AWS::StackId":   "arn:aws:cloudformation:eu-central-1:123456789012:stack/" + longestName + "/5d1f0ac0-9c8b-11ef-a7c6-0a1b2c3d4e5f",
		"AWS::StackName": longestName,
	}
}

const longestName = "a-stack-whose-name-has-as-many-characters-as-cloudformation-takes-at-most-which-are-one-hundred-and-twenty-eight-of-them-to-the-z"

// deploy decides template.yaml, and the nested ones with what it hands to them.
func deploy(all templates, with map[string]string) *deployment {
	d := decide(mainPath, all[mainPath], with)
	for _, name := range slices.Sorted(maps.Keys(d.resources)) {
		r := d.resources[name]
		path, ok := r.properties["TemplateURL"].(string)
		if r.kind != "AWS::CloudFormation::Stack" || !ok || all[path] == nil {
			continue
		}
		handed := map[string]string{}
		for parameter, value := range members(r.properties["Parameters"]) {
			handed[parameter] = text(value)
			if handed[parameter] == "" && value != "" {
				handed[parameter] = parameter // some resource's, known only when it is made
			}
		}
		d.nested = append(d.nested, decide(path, all[path], handed))
	}
	return d
}

func decide(path string, template object, with map[string]string) *deployment {
	d := &deployment{
		path: path, template: template, parameters: pseudo(),
		conditions: map[string]bool{}, resources: map[string]resource{}, outputs: map[string]any{},
	}
	for name, parameter := range members(template["Parameters"]) {
		d.parameters[name] = text(members(parameter)["Default"])
	}
	maps.Copy(d.parameters, with)
	for name := range members(template["Conditions"]) {
		d.conditions[name] = d.holds(object{"Condition": name})
	}
	for name, r := range members(template["Resources"]) {
		r := members(r)
		if condition := text(r["Condition"]); condition != "" && !d.conditions[condition] {
			continue
		}
		made := resource{kind: text(r["Type"]), dependsOn: texts(r["DependsOn"]), properties: members(d.resolve(r["Properties"]))}
		d.resources[name] = made
	}
	for name, o := range members(template["Outputs"]) {
		o := members(o)
		if condition := text(o["Condition"]); condition == "" || d.conditions[condition] {
			d.outputs[name] = d.resolve(o["Value"])
		}
	}
	return d
}

// all gives the deployment and those nested in it.
func (d *deployment) all() []*deployment {
	return append([]*deployment{d}, d.nested...)
}

// ofKind gives the names of the resources of a type, in order.
func (d *deployment) ofKind(kind string) []string {
	var names []string
	for name, r := range d.resources {
		if r.kind == kind {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
