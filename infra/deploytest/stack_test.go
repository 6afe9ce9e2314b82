package deploytest

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// parameters are what a deployment is told beside the template's defaults.
type parameters map[string]string

// stack is what one deployment made.
type stack struct {
	emulator *emulator
	name     string
	cli      string // the operator's program
	outputs  map[string]string
	// front is where its API is, for programs: see startFront.
	front string
	// resources are the physical ids by logical id, those of nested stacks as
	// "Data/WebhooksTable".
	resources map[string]string
}

// built finds the template that `make test` built, and refuses one that is
// older than what it was built from.
func built(t *testing.T) string {
	t.Helper()
	template := installed(t, "make test", ".aws-sam", "test", "template.yaml")
	made, err := os.Stat(template)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"template.yaml", filepath.Join("infra", "data.yaml"), filepath.Join("infra", "operations.yaml")} {
		source, err := os.Stat(filepath.Join(root(t), name))
		if err != nil {
			t.Fatal(err)
		}
		if source.ModTime().After(made.ModTime()) {
			t.Fatalf("run `make test`: %s is newer than what was built from it", name)
		}
	}
	return template
}

// operatorProgram builds the operator's commands.
func operatorProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "hookline")
	mustRun(t, root(t), os.Environ(), "go", "build", "-o", program, "./cmd/hookline")
	return program
}

// sam runs the AWS SAM CLI.
func sam(t *testing.T, dir string, environment []string, args ...string) error {
	t.Helper()
	python := installed(t, "make tools", ".tools", "venv", "bin", "python")
	program := installed(t, "make tools", ".tools", "venv", "bin", "sam")
	environment = append(environment, "SAM_CLI_TELEMETRY=0", "__SAM_CLI_APP_DIR="+t.TempDir())
	_, err := run(t, dir, environment, python, append([]string{program}, args...)...)
	return err
}

// tryDeploy runs `sam deploy` with the settings that users have, on a built
// template.
func (c *emulator) tryDeploy(t *testing.T, name, template string, with parameters) error {
	t.Helper()
	all := parameters{"Architecture": architecture(), "AbbeycrossEvents": "shipment.created,shipment.delivered"}
	maps.Copy(all, with)
	var overrides []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		overrides = append(overrides, key+"="+all[key])
	}
	return c.samDeploy(t, name, template, overrides...)
}

// samDeploy is tryDeploy with parameters as they are written on the command line.
func (c *emulator) samDeploy(t *testing.T, name, template string, overrides ...string) error {
	t.Helper()
	return sam(t, filepath.Dir(template), c.environment(), append([]string{
		"deploy", "--template-file", template, "--config-file", filepath.Join(root(t), "samconfig.toml"),
		"--stack-name", name, "--no-confirm-changeset", "--no-progressbar", "--parameter-overrides",
	}, overrides...)...)
}

// deploy is tryDeploy where a failure ends the test. It gives the stack with
// its API's routes made.
func (c *emulator) deploy(t *testing.T, cli, name, template string, with parameters) *stack {
	t.Helper()
	if err := c.tryDeploy(t, name, template, with); err != nil {
		t.Fatal(err)
	}
	return c.stack(t, cli, name)
}

// stack reads what a deployment made, and makes its API's routes.
func (c *emulator) stack(t *testing.T, cli, name string) *stack {
	t.Helper()
	s := &stack{emulator: c, name: name, cli: cli, outputs: c.outputs(t, name), resources: c.resources(t, name, "")}
	s.makeRoutes(t)
	s.startFront(t)
	return s
}

// architecture is this machine's, as Lambda calls it.
func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

func (c *emulator) outputs(t *testing.T, name string) map[string]string {
	t.Helper()
	response, err := cloudformation.NewFromConfig(c.config()).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil || len(response.Stacks) != 1 {
		t.Fatalf("describe stack %s: %d stacks, %v", name, len(response.Stacks), err)
	}
	outputs := map[string]string{}
	for _, o := range response.Stacks[0].Outputs {
		outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return outputs
}

func (c *emulator) resources(t *testing.T, name, prefix string) map[string]string {
	t.Helper()
	response, err := cloudformation.NewFromConfig(c.config()).DescribeStackResources(t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: &name})
	if err != nil {
		t.Fatalf("describe the resources of stack %s: %v", name, err)
	}
	ids := map[string]string{}
	for _, r := range response.StackResources {
		if r.ResourceStatus == types.ResourceStatusDeleteComplete {
			continue
		}
		logical, physical := aws.ToString(r.LogicalResourceId), aws.ToString(r.PhysicalResourceId)
		ids[prefix+logical] = physical
		if aws.ToString(r.ResourceType) == "AWS::CloudFormation::Stack" {
			maps.Copy(ids, c.resources(t, physical, prefix+logical+"/"))
		}
	}
	return ids
}

// delete deletes the stack and waits until it is gone.
func (s *stack) delete(t *testing.T) {
	t.Helper()
	client := cloudformation.NewFromConfig(s.emulator.config())
	if _, err := client.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &s.name}); err != nil {
		t.Fatalf("delete stack %s: %v", s.name, err)
	}
	waiter := cloudformation.NewStackDeleteCompleteWaiter(client, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = timeout/600, timeout/60
	})
	if err := waiter.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: &s.name}, timeout); err != nil {
		t.Fatalf("delete stack %s: %v", s.name, err)
	}
}

// operate runs one of the operator's commands on the stack, and gives what it
// printed.
func (s *stack) operate(t *testing.T, args ...string) string {
	t.Helper()
	out := mustRun(t, s.emulator.dir, s.environment(), s.cli, append(args, "--stack", s.name)...)
	return strings.TrimSpace(out)
}

// environment is what the operator's programs are told: the emulator's, with
// stacks described by the front.
func (s *stack) environment() []string {
	return append(s.emulator.environment(), "AWS_ENDPOINT_URL_CLOUDFORMATION="+s.front)
}
