package infra_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// exampleFile is what a deployment's own parameter file begins as.
const exampleFile = "infra/parameters.example.yaml"

// deployed is what became of a stack: its parameters after each deployment,
// and what the SAM CLI said when it ended before one.
type deployed struct {
	After []map[string]string
	Error string
}

// deploy deploys stacks, each as often as it has values of
// --parameter-overrides. What is sent to CloudFormation is made by the SAM CLI's
// own code. It is asked once, since starting it costs seconds.
func deploy(t *testing.T, stacks ...[]string) []deployed {
	t.Helper()
	request, err := json.Marshal(map[string]any{"template": filepath.Join(root, "template.yaml"), "stacks": stacks})
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(root, ".tools", "venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("run `make tools`: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "parameters.py"))
	cmd.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0")
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	var all []deployed
	if err := json.Unmarshal(out.Bytes(), &all); err != nil || len(all) != len(stacks) {
		t.Fatalf("%d stacks, %v: %s", len(all), err, out.String())
	}
	return all
}

// parameterFile writes a parameter file and gives the --parameter-overrides
// that reads it.
func parameterFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parameters.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

// commentedOut is a parameter's line in the example, in a comment.
var commentedOut = regexp.MustCompile(`(?m)^# ([A-Z][A-Za-z]+: (?:"[^"]*"|[0-9]+))$`)

const hours = "Mon-Fri 08:00-18:00, Sat 09:00-12:00 Europe/Prague"

// telling is a parameter file with every form of value.
const telling = `AbbeycrossEvents:
  - trip.started
  - trip.ended
  - "vehicle:moved"
AbbeycrossHours: "` + hours + `"
SealingKeyVersion: 2
AllowHttp: "true"
DeliverConcurrency: 5
HostedZoneId: "Z0123456789"
ExistingWebhooksTable: "hookline-webhooks-restored"
ExistingSealingKmsKeyArn: "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
AlarmTopicArn: ""
`

// unnamed leaves most of telling to what the stack has.
const unnamed = "DeliverConcurrency: 5\nAlarmTopicArn:\n"

func TestParameters(t *testing.T) {
	example := readFile(t, exampleFile)
	whole := commentedOut.ReplaceAllString(example, "$1")
	file := parameterFile(t, telling)
	stacks := deploy(t,
		[]string{parameterFile(t, example), parameterFile(t, whole)},
		[]string{file, file, parameterFile(t, unnamed), parameterFile(t, "# nothing\n"), "DeliverConcurrency=5"},
		[]string{parameterFile(t, "AllowHttp: true\nExistingWebhooksTable: restored\n"), `ExistingWebhooksTable="" Dashboard="false"`},
		[]string{"file://" + filepath.Join(t.TempDir(), "parameters.yaml")},
	)
	t.Run("example", func(t *testing.T) { checkExample(t, example, whole, stacks[0]) })
	t.Run("retained", func(t *testing.T) { checkRetained(t, stacks[1]) })
	// What the example warns of does happen: true without quotes, and the empty
	// values that `sam deploy --guided` writes down.
	t.Run("warned of", func(t *testing.T) {
		if got := stacks[2].After[0]["AllowHttp"]; got == "true" {
			t.Error("true needs no quotes any more: say so in the example")
		}
		if got := stacks[2].After[1]["ExistingWebhooksTable"]; got != "" {
			t.Errorf("an empty value leaves %q", got)
		}
	})
	t.Run("no file", func(t *testing.T) {
		if got := stacks[3]; len(got.After) > 0 || !strings.Contains(got.Error, "parameters.yaml was not found") {
			t.Errorf("%d deployments, %q, want none and an error that says so", len(got.After), got.Error)
		}
	})
}

// checkExample holds the example to name every parameter and no other. As it is
// it sets only what has no default, and with the comments taken away it changes
// nothing.
func checkExample(t *testing.T, example, whole string, stack deployed) {
	t.Helper()
	named := regexp.MustCompile(`(?m)^([A-Z][A-Za-z]+):`)
	var names []string
	for _, match := range named.FindAllStringSubmatch(whole, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	tm := readTemplate(t, "template.yaml")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(tm.Parameters)), names); diff != "" {
		t.Errorf("parameters of %s (-template +example):\n%s", exampleFile, diff)
	}
	if set := named.FindAllString(example, -1); !slices.Equal(set, []string{"AbbeycrossEvents:"}) {
		t.Errorf("%s sets %v, want only what has no default", exampleFile, set)
	}
	if diff := cmp.Diff(stack.After[0], stack.After[1]); diff != "" {
		t.Errorf("its defaults are not the template's (-template +example):\n%s", diff)
	}
}

// checkRetained holds values to arrive as they are meant, and to stay when a later
// deployment names them again, names others, or names none.
func checkRetained(t *testing.T, stack deployed) {
	t.Helper()
	want := map[string]string{
		"AbbeycrossEvents": "trip.started,trip.ended,vehicle:moved", "AbbeycrossHours": hours,
		"SealingKeyVersion": "2", "AllowHttp": "true", "DeliverConcurrency": "5",
		"HostedZoneId": "Z0123456789", "ExistingWebhooksTable": "hookline-webhooks-restored",
		"ExistingSealingKmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		"AlarmTopicArn":            "", "AllowPrivate": "false", "Architecture": "arm64",
	}
	if len(stack.After) != 5 {
		t.Fatalf("%d deployments, %s", len(stack.After), stack.Error)
	}
	for i, parameters := range stack.After {
		for name, value := range want {
			if got := parameters[name]; got != value {
				t.Errorf("after deployment %d: %s is %q, want %q", i+1, name, got, value)
			}
		}
		if diff := cmp.Diff(stack.After[0], parameters); diff != "" {
			t.Errorf("deployment %d changed (-before +after):\n%s", i+1, diff)
		}
	}
}

// A plain `sam deploy` reads the file, which git ignores.
func TestParameterFileIsTheDefault(t *testing.T) {
	for path, line := range map[string]string{
		"samconfig.toml": `parameter_overrides = "file://parameters.yaml"`,
		".gitignore":     "/parameters*.yaml",
	} {
		if !slices.Contains(strings.Split(readFile(t, path), "\n"), line) {
			t.Errorf("%s lacks the line %s", path, line)
		}
	}
}
