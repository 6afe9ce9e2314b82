package deploytest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/hookline/hookline/internal/test/record"
)

const (
	// timeout is how long ministack may take to start, and a request to be
	// answered, on a busy machine.
	timeout = time.Minute
	region  = "eu-central-1"
	// operator is the access key that ministack takes for the account's root.
	operator = "test"
)

// emulator is an AWS account in one process.
type emulator struct {
	address string // such as 127.12.9.3:41001
	dir     string // scratch, gone after the test
	client  *http.Client
	output  *record.Buffer
	cleanup func(func()) // registers what to do before it ends
}

// startEmulator runs an empty ministack until the test ends, however that ends.
func startEmulator(t *testing.T) *emulator {
	t.Helper()
	python := installed(t, "make tools", ".tools", "ministack", "bin", "python")
	c := &emulator{address: freeAddress(t), dir: t.TempDir(), client: &http.Client{Transport: &http.Transport{}}, output: &record.Buffer{}, cleanup: t.Cleanup}
	cmd := exec.Command("/bin/sh", "-c", guard, "guard", python, filepath.Join(root(t), "infra", "tools", "ministack", "serve.py"))
	host, port, err := net.SplitHostPort(c.address)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(c.environment(),
		"AUTH=true", "BIND_HOST="+host, "MINISTACK_HOST="+host, "GATEWAY_PORT="+port, "MINISTACK_REGION="+region,
		"IOT_MTLS_ENABLED=0", // it would listen on a fixed port of all addresses
		"PYTHONDONTWRITEBYTECODE=1", "STATE_DIR="+c.dir, "S3_DATA_DIR="+c.dir,
		// The functions inherit these. Their settings of the same names are for trials.
		"AWS_ENDPOINT_URL_DYNAMODB="+c.url(), "AWS_ENDPOINT_URL_EVENTBRIDGE="+c.url(), "AWS_ENDPOINT_URL_KMS="+c.url(), "AWS_ENDPOINT_URL_SQS="+c.url(),
	)
	cmd.Dir = c.dir
	cmd.Stdout, cmd.Stderr = c.output, c.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the guard ends its group: the functions too
	alive, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("start ministack: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // its status says "killed"
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the functions printed:\n%s", c.functionLogs())
		}
		_ = alive.Close() // the guard sees its input end
		<-exited
		c.client.CloseIdleConnections()
		if t.Failed() {
			t.Logf("ministack printed:\n%s", c.output)
		}
	})
	c.await(t, exited)
	return c
}

// guard runs its arguments, and kills its process group as soon as they end or
// its input does: the write end of that pipe is only in the test process, so
// that the system closes it however the process ends.
const guard = `{ "$@" </dev/null; kill -9 0; } & exec >/dev/null 2>&1; cat; kill -9 0`

// await waits until ministack answers.
func (c *emulator) await(t *testing.T, exited <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url()+"/_ministack/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.client.Do(r)
		if err == nil {
			_ = resp.Body.Close()
			return
		}
		select {
		case <-ticker.C:
		case <-exited:
			t.Fatal("ministack exited")
		case <-ctx.Done():
			t.Fatalf("ministack does not answer: %v", err)
		}
	}
}

func (c *emulator) url() string { return "http://" + c.address }

// environment is all that a program is told so that this is its AWS.
func (c *emulator) environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "TMPDIR=" + c.dir, "LANG=C.UTF-8",
		"AWS_ENDPOINT_URL=" + c.url(), "AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + operator, "AWS_SECRET_ACCESS_KEY=" + operator,
	}
}

// config is the same for the AWS SDK.
func (c *emulator) config() aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(c.url()), HTTPClient: c.client,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: operator, SecretAccessKey: operator}, nil
		}),
	}
}

// freeAddress finds a free port of a loopback address that is as good as never
// used by anything else, so that nobody takes the port before ministack does.
// Linux, for which the functions are built, answers on all of 127/8.
func freeAddress(t *testing.T) string {
	t.Helper()
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(255), 1+rand.IntN(254))
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

// root is the top of the checkout.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// installed finds a file of the checkout that a command makes.
func installed(t *testing.T, command string, path ...string) string {
	t.Helper()
	name := filepath.Join(append([]string{root(t)}, path...)...)
	if _, err := os.Stat(name); err != nil {
		t.Fatalf("run `%s`: %v", command, err)
	}
	return name
}

// run runs a program to its end and gives what it printed on standard output.
// Whatever it printed is in the error.
func run(t *testing.T, dir string, environment []string, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, environment
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// mustRun is run where a failure ends the test.
func mustRun(t *testing.T, dir string, environment []string, program string, args ...string) string {
	t.Helper()
	out, err := run(t, dir, environment, program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
