// Package main_test holds what docs/local.md and README.md say about
// `sam local invoke` to be true. Each of their lines is resolved by the SAM
// CLI's own code, and the program that it names is run under the Lambda runtime
// emulator, which is what the container would do, with exactly the environment
// that SAM would pass, and with what `make local` prepares. No Docker is
// needed.
package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/emulator"
)

// timeout bounds what the test waits for on a busy machine.
const timeout = 2 * time.Minute

// invocation is what a line of the documents comes to.
type invocation struct {
	line        string
	Function    string
	Program     string
	Environment map[string]string
	Event       string
	Hosts       map[string]string
}

func TestDocumentedInvocations(t *testing.T) {
	lines := documentedLines(t)
	checkout := newCheckout(t)
	local := startLocal(t, checkout)
	for _, line := range slices.Concat(lines, local.lines) {
		if !slices.Contains(lines, line) {
			t.Errorf("`make local` prints %q, which docs/local.md has not", line)
		}
	}
	invoked := map[string]bool{}
	for _, in := range resolve(t, checkout, lines) {
		invoked[in.Function] = true
		if in.Hosts["host.docker.internal"] != "host-gateway" {
			t.Errorf("%s: containers are told of %v", in.line, in.Hosts)
		}
		checkEnvironment(t, in)
		checkResponse(t, in, invoke(t, checkout, in))
	}
	for _, folder := range emulator.Folders(t) {
		if name := emulator.ResourceName(folder); !invoked[name] {
			t.Errorf("docs/local.md does not invoke %s", name)
		}
	}
	local.interrupt(t)
}

// documentedLines are all lines of README.md and docs/ that invoke a function,
// in the order in which they stand.
func documentedLines(t *testing.T) []string {
	t.Helper()
	root := emulator.Root(t)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile("(?m)(?:^|`)(sam local invoke [A-Z][^`\n]*)")
	var lines []string
	for _, page := range append([]string{filepath.Join(root, "README.md")}, pages...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range command.FindAllStringSubmatch(string(text), -1) {
			lines = append(lines, strings.TrimSpace(match[1]))
		}
	}
	if len(lines) < 10 {
		t.Fatalf("the documents invoke %d functions, want at least 10", len(lines))
	}
	return lines
}

// newCheckout is a directory with what the commands read, so that they write
// nothing into the real one: there `make test` has built the functions for this
// machine, as `make local-build` does.
func newCheckout(t *testing.T) string {
	t.Helper()
	root, dir := emulator.Root(t), t.TempDir()
	emulator.Program(t, "SquakeRegister") // says what to run if nothing is built
	if err := os.Mkdir(filepath.Join(dir, ".aws-sam"), 0o700); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		".aws-sam/local": ".aws-sam/test", "events": "events", "samconfig.toml": "samconfig.toml", ".tools": ".tools",
	} {
		if err := os.Symlink(filepath.Join(root, to), filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// local is a running `make local`.
type local struct {
	cmd    *exec.Cmd
	port   string
	lines  []string // that it prints to be pasted
	exited chan error
}

// startLocal runs what `make local` runs, and waits until it says that all is
// prepared.
func startLocal(t *testing.T, checkout string) *local {
	t.Helper()
	program := filepath.Join(t.TempDir(), "localinvoke")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./infra/localinvoke")
	build.Dir = emulator.Root(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	l := &local{port: freePort(t), exited: make(chan error, 1)}
	l.cmd = exec.CommandContext(t.Context(), program, "--port", l.port, "--host", "127.0.0.1")
	l.cmd.Dir = checkout
	l.cmd.Cancel = func() error { return l.cmd.Process.Signal(os.Interrupt) }
	l.cmd.WaitDelay = timeout
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	l.cmd.Stderr = &errs
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed := readUntil(out, "Ctrl-C")
	if !strings.Contains(printed, "Ctrl-C") {
		t.Fatalf("make local: %v: %s%s", l.cmd.Wait(), printed, errs.String())
	}
	go func() { l.exited <- l.cmd.Wait() }()
	t.Cleanup(func() { _ = l.cmd.Process.Kill() }) // it has ended by then, if all is well
	for line := range strings.Lines(printed) {
		if strings.HasPrefix(line, "sam local invoke") {
			l.lines = append(l.lines, strings.TrimSpace(line))
		}
	}
	if len(l.lines) == 0 {
		t.Fatalf("make local prints no line to paste: %s", printed)
	}
	return l
}

// readUntil reads until what was read holds text, or ends.
func readUntil(r io.Reader, text string) string {
	var read strings.Builder
	for buffer := make([]byte, 4096); !strings.Contains(read.String(), text); {
		n, err := r.Read(buffer)
		read.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	return read.String()
}

// interrupt does what Ctrl-C does, and holds it to leave nothing running.
func (l *local) interrupt(t *testing.T) {
	t.Helper()
	if err := l.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-l.exited:
		if err != nil {
			t.Errorf("make local: %v", err)
		}
	case <-time.After(timeout):
		t.Fatal("make local does not end")
	}
	var dialer net.Dialer
	if conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", l.port)); err == nil {
		_ = conn.Close()
		t.Error("DynamoDB Local is still there")
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", ":0") // where DynamoDB Local listens
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// resolve has the SAM CLI say what lines come to. The shell that they are typed
// in has AWS credentials, which SAM passes on.
func resolve(t *testing.T, checkout string, lines []string) []invocation {
	t.Helper()
	words := make([][]string, len(lines))
	for i, line := range lines {
		words[i] = strings.Fields(line)[1:]
	}
	request, err := json.Marshal(words)
	if err != nil {
		t.Fatal(err)
	}
	root := emulator.Root(t)
	script := filepath.Join(root, "infra", "localinvoke", "testdata", "resolve.py")
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, ".tools", "venv", "bin", "python"), script)
	cmd.Dir = checkout
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "SAM_CLI_TELEMETRY=0", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_REGION=ap-southeast-2", "AWS_DEFAULT_REGION=ap-southeast-2", "AWS_ACCESS_KEY_ID=AKIDOFTHESHELL",
		"AWS_SECRET_ACCESS_KEY=secret of the shell", "AWS_SESSION_TOKEN=session of the shell",
	}
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("run `make tools`, if %v: %s", err, errs.String())
	}
	var all []invocation
	if err := json.Unmarshal(out.Bytes(), &all); err != nil || len(all) != len(lines) {
		t.Fatalf("%d of %d lines resolved, %v: %s", len(all), len(lines), err, out.String())
	}
	for i := range all {
		all[i].line = lines[i]
	}
	return all
}

// checkEnvironment holds an environment to reach nothing of AWS, whatever
// credentials are in it, and to have no more than Lambda takes.
func checkEnvironment(t *testing.T, in invocation) {
	t.Helper()
	for _, name := range []string{"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_SQS"} {
		endpoint, err := url.Parse(in.Environment[name])
		if err != nil || endpoint.Hostname() != "127.0.0.1" && endpoint.Hostname() != "host.docker.internal" {
			t.Fatalf("%s: %s is %q, %v: it would reach AWS", in.line, name, in.Environment[name], err)
		}
	}
	if got := in.Environment["AWS_ACCESS_KEY_ID"]; got != "AKIDOFTHESHELL" {
		t.Errorf("%s: SAM passes the access key id %q, not the shell's", in.line, got)
	}
	size := 0
	for name, value := range in.Environment {
		if !strings.HasPrefix(name, "AWS_LAMBDA_") {
			size += len(name) + len(value)
		}
	}
	if size > 4096 {
		t.Errorf("%s: %d bytes of environment, Lambda takes 4096", in.line, size)
	}
}

// invoke runs the program with the environment, and gives what it answers.
func invoke(t *testing.T, checkout string, in invocation) []byte {
	t.Helper()
	event, err := os.ReadFile(filepath.Join(checkout, in.Event))
	if err != nil {
		t.Fatalf("%s: %v", in.line, err)
	}
	function := emulator.Start(t, in.Program, in.Environment)
	defer function.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	response, err := function.Invoke(ctx, event)
	if err != nil {
		t.Fatalf("%s: %v", in.line, err)
	}
	return response
}

// checkResponse holds an answer to the status of its event, and to what
// docs/local.md says of the functions that no gateway invokes.
func checkResponse(t *testing.T, in invocation, response []byte) {
	t.Helper()
	switch in.Function {
	case "Sweep":
		if string(response) != "null" {
			t.Errorf("%s: answered %s, want null", in.line, response)
		}
	case "Deliver":
		if string(response) != `{"batchItemFailures":[]}` {
			t.Errorf("%s: answered %s, want no failures", in.line, response)
		}
	case "Keyring":
		if !bytes.Contains(response, []byte("127.0.0.1:1")) || !bytes.Contains(response, []byte("connection refused")) {
			t.Errorf("%s: answered %s, want that CloudFormation cannot be told", in.line, response)
		}
	default:
		checkStatus(t, in, response)
	}
}

// statuses are those of the events that documented lines send.
var statuses = map[string]int{
	"no-token.json": 401, "no-session.json": 403, "created.json": 201, "list.json": 200, "squake.json": 202, "create-account.json": 201,
	"description.json": 200,
}

func checkStatus(t *testing.T, in invocation, response []byte) {
	t.Helper()
	var got struct{ StatusCode int }
	want := statuses[filepath.Base(in.Event)]
	if err := json.Unmarshal(response, &got); err != nil || got.StatusCode != want || want == 0 {
		t.Errorf("%s: answered %s, %v, want status %d", in.line, response, err, want)
	}
}
