package infra_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// runbook gives infra/README.md by its sections, under the headings' texts.
func runbook(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "infra", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range regexp.MustCompile(`(?m)^## `).Split(string(text), -1)[1:] {
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
		for _, name := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(columns[1], -1) {
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

// Links within the runbook lead somewhere.
func TestRunbookLinks(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "infra", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		anchors[strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")] = true
	}
	links := regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(string(text), -1)
	if len(links) == 0 {
		t.Error("there are no links")
	}
	for _, link := range links {
		if !anchors[link[1]] {
			t.Errorf("#%s is no heading", link[1])
		}
	}
}
