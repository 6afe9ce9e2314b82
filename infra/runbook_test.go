package infra_test

import (
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// runbook gives infra/README.md by its sections, under the headings' texts.
func runbook(t *testing.T) map[string]string {
	t.Helper()
	sections := map[string]string{}
	for _, section := range regexp.MustCompile(`(?m)^## `).Split(readFile(t, "infra/README.md"), -1)[1:] {
		heading, body, _ := strings.Cut(section, "\n")
		sections[heading] = body
	}
	return sections
}

// firstCells gives the second cells of a section's rows by the names in their
// first ones, which are code. A section's tables are taken together.
func firstCells(section string) map[string]string {
	cells := map[string]string{}
	for line := range strings.Lines(section) {
		columns := strings.Split(line, "|")
		if len(columns) < 3 {
			continue
		}
		for _, name := range regexp.MustCompile("`([A-Za-z0-9]+)`").FindAllStringSubmatch(columns[1], -1) {
			cells[name[1]] = strings.TrimSpace(columns[2])
		}
	}
	return cells
}

// The runbook has each parameter of the template, with its default, and no
// other.
func TestRunbookHasTheParameters(t *testing.T) {
	got, want := firstCells(runbook(t)["Parameters"]), readTemplate(t, "template.yaml").Parameters
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("parameters (-template.yaml +infra/README.md):\n%s", diff)
	}
	for name, cell := range got {
		parameter, _ := want[name].(map[string]any)
		standard := "empty"
		switch value, given := parameter["Default"]; {
		case !given:
			standard = "none"
		case value != "":
			standard = fmt.Sprint(value)
		}
		if shown, _, _ := strings.Cut(cell, ":"); strings.Trim(strings.SplitN(shown, ";", 2)[0], "`") != standard {
			t.Errorf("%s has the default %q there, want %s", name, cell, standard)
		}
	}
}

// The runbook has each output, and its commands use no other.
func TestRunbookHasTheOutputs(t *testing.T) {
	sections, outputs := runbook(t), readTemplate(t, "template.yaml").Outputs
	got := firstCells(sections["Deploy"])
	if diff := cmp.Diff(slices.Sorted(maps.Keys(outputs)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("outputs (-template.yaml +infra/README.md):\n%s", diff)
	}
	used := 0
	for heading, section := range sections {
		for _, command := range regexp.MustCompile(`\(output ([A-Za-z]+)`).FindAllStringSubmatch(section, -1) {
			used++
			if _, ok := outputs[command[1]]; !ok {
				t.Errorf("%s: there is no output %s", heading, command[1])
			}
		}
	}
	if used == 0 {
		t.Error("no command uses an output")
	}
}

// The runbook says of each alarm what to do, under its name, and of no other.
func TestRunbookHasTheAlarms(t *testing.T) {
	want := readTemplate(t, "infra/operations.yaml").ofType(t, "AWS::CloudWatch::Alarm")
	slices.Sort(want)
	var got []string
	for _, part := range strings.Split(runbook(t)["Alarms"], "\n### ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		got = append(got, name)
		if len(strings.TrimSpace(text)) < 50 {
			t.Errorf("nothing is said of %s", name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alarms (-infra/operations.yaml +infra/README.md):\n%s", diff)
	}
}

// pages are the runbook and the pages that were once part of it.
var pages = []string{"infra/README.md", "docs/capacity.md", "docs/cost.md", "docs/regions.md"}

// fenced gives a page's blocks of code in a language, at the left margin.
func fenced(page, language string) []string {
	var blocks []string
	for _, found := range regexp.MustCompile("(?ms)^( *)```"+language+"\n(.*?)^ *```$").FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, regexp.MustCompile("(?m)^"+found[1]).ReplaceAllString(found[2], ""))
	}
	return blocks
}

// Every command is a shell's. SAM reads the parameter file that samconfig.toml
// names, and never asks: --guided would write every parameter into samconfig.toml.
func TestRunbookCommands(t *testing.T) {
	deployments := 0
	for _, path := range pages {
		for _, block := range fenced(readFile(t, path), "sh") {
			shell := exec.Command("bash", "-n")
			shell.Stdin = strings.NewReader(block)
			if out, err := shell.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s\n%s", path, err, out, block)
			}
			for line := range strings.Lines(block) {
				_, arguments, found := strings.Cut(strings.TrimSpace(line), "sam deploy")
				if !found {
					continue
				}
				deployments++
				if arguments != "" {
					t.Errorf("%s: sam deploy%s", path, arguments)
				}
			}
		}
	}
	if deployments < 4 {
		t.Errorf("%d deployments; are they found?", deployments)
	}
}

// generated are resources that SAM makes of a function and its events.
var generated = []string{"AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::Events::Rule"}

// The commands look for resources, alarms and nested stacks that there are.
func TestRunbookNamesResources(t *testing.T) {
	main, data, operations := readTemplate(t, "template.yaml"), readTemplate(t, "infra/data.yaml"), readTemplate(t, "infra/operations.yaml")
	logical := slices.Concat(slices.Collect(maps.Keys(main.Resources)), slices.Collect(maps.Keys(data.Resources)), slices.Collect(maps.Keys(operations.Resources)))
	page := readFile(t, "infra/README.md")
	for pattern, known := range map[string][]string{
		`LogicalResourceId=='(\w+)'`:                logical,
		`contains\(AlarmName, '(\w+)'\)`:            logical,
		`starts_with\(StackName, 'hookline-(\w+)-'`: logical,
		`--alarm-name-prefix hookline-(\w+)`:        logical,
		`ResourceType=='(AWS::[\w:]+)'`:             generated,
		`\blist (AWS::[\w:]+)`:                      generated,
	} {
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(page, -1)
		if len(found) == 0 {
			t.Errorf("no command has %s", pattern)
		}
		for _, name := range found {
			if !slices.Contains(known, name[1]) {
				t.Errorf("%s is nothing that the templates make", name[1])
			}
		}
	}
	// What a failed deployment leaves, and what is listed then, is what is kept.
	for name, r := range data.Resources {
		stored := r.DeletionPolicy == "Retain"
		if listed := strings.Contains(runbook(t)["After a failed first deployment"], "`"+name+"`"); listed != stored {
			t.Errorf("%s is listed there: %v; it is kept: %v", name, listed, stored)
		}
	}
	// Restoring stops the mapping and the rule. A queue whose function has no
	// concurrency would fill the dead-letter queue.
	restore := runbook(t)["Restore"]
	for _, command := range []string{"update-event-source-mapping --uuid \"$m\" --no-enabled", "disable-rule", "update-event-source-mapping --uuid \"$m\" --enabled", "enable-rule"} {
		if !strings.Contains(restore, command) {
			t.Errorf("restoring lacks %s", command)
		}
	}
	if regexp.MustCompile(`put-function-concurrency[^\n]*(Deliver|Sweep)`).MatchString(restore) {
		t.Error("restoring takes the concurrency of what reads the queue")
	}
}

// What the runbook puts into parameters.yaml are parameters, with values that
// the template takes as SAM hands them on: text by text, lists with commas.
func TestRunbookParameterFiles(t *testing.T) {
	parameters := readTemplate(t, "template.yaml").Parameters
	blocks := fenced(readFile(t, "infra/README.md"), "yaml")
	if len(blocks) < 4 {
		t.Errorf("%d blocks; are they found?", len(blocks))
	}
	for _, block := range blocks {
		var file map[string]any
		if err := yaml.Unmarshal([]byte(block), &file); err != nil {
			t.Errorf("%v:\n%s", err, block)
		}
		for name, given := range file {
			parameter, known := parameters[name].(map[string]any)
			if list, ok := given.([]any); ok {
				given = strings.Join(strings.Fields(strings.Trim(fmt.Sprint(list), "[]")), ",")
			}
			value := fmt.Sprint(given)
			if _, ok := given.(bool); ok {
				value = map[string]string{"true": "True", "false": "False"}[value] // Python's
			}
			pattern, _ := parameter["AllowedPattern"].(string)
			pattern = strings.ReplaceAll(pattern, "{0,499}", "*") // more than regexp takes
			allowed, limited := parameter["AllowedValues"].([]any)
			if !known || !regexp.MustCompile(pattern).MatchString(value) || limited && !slices.Contains(allowed, any(value)) {
				t.Errorf("%s: %s is no value of a parameter", name, value)
			}
		}
	}
}
