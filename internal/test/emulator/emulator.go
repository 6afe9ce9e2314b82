// Package emulator runs built functions under AWS's Lambda runtime interface
// emulator, for tests. A function gets the environment that the test gives it
// and PATH, nothing else, starts at its first invocation, and ends with the test,
// however that ends. Nothing is skipped: when the emulator or a function is
// not there, the test fails and says which command makes it.
package emulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// timeout is how long the emulator may take to start, and a function to
// answer, on a busy machine.
const timeout = 30 * time.Second

// invocations is the emulator's one path. The name in it is fixed.
const invocations = "/2015-03-31/functions/function/invocations"

// Function is a function under the emulator.
type Function struct {
	*Process

	url    string
	client *http.Client
}

// Start runs program under an emulator, with env as its whole environment. The
// program itself is started by the first Invoke.
func Start(t testing.TB, program string, env map[string]string) *Function {
	t.Helper()
	rie := file(t, "make tools", ".tools", "rie")
	gateway, runtime := freeAddress(t), freeAddress(t)
	f := &Function{
		url:     "http://" + gateway + invocations,
		client:  &http.Client{Transport: &http.Transport{}},
		Process: Run(t, env, rie, "--runtime-interface-emulator-address", gateway, "--runtime-api-address", runtime, program),
	}
	t.Cleanup(f.Stop)
	f.await(t, gateway)
	f.await(t, runtime) // a function that is faster than it ends for good
	return f
}

// Invoke hands the function an event and gives what it answers.
func (f *Function) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(event))
	if err != nil {
		return nil, err
	}
	resp, err := f.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("invoke: %w: %s", err, f.output)
	}
	defer func() { _ = resp.Body.Close() }()
	response, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("invoke: %w: %s", err, f.output)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("invoke: the emulator answers %s: %s\n%s", resp.Status, response, f.output)
	}
	return response, nil
}

// Stop ends emulator and function before the test does. It may be called again.
func (f *Function) Stop() {
	f.Process.Stop()
	f.client.CloseIdleConnections()
}

// await waits until the emulator accepts connections.
func (f *Function) await(t testing.TB, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close() // only a look
			return
		}
		select {
		case <-ticker.C:
		case <-f.exited:
			t.Fatalf("the Lambda emulator exited: %s", f.output)
		case <-ctx.Done():
			t.Fatalf("the Lambda emulator does not answer: %v: %s", err, f.output)
		}
	}
}

// freeAddress finds a free port of a loopback address that is as good as never
// used by anything else, so that nobody takes the port before the emulator
// does. Linux, for which the emulator is built, answers on all of 127/8.
func freeAddress(t testing.TB) string {
	t.Helper()
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(255), 1+rand.IntN(254))
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Program finds the program of a function of template.yaml, as the tests'
// build made it for this machine.
func Program(t testing.TB, resource string) string {
	t.Helper()
	return file(t, "make test", ".aws-sam", "test", resource, "bootstrap")
}

// Root is the directory of the module that the test belongs to.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

func file(t testing.TB, command string, path ...string) string {
	t.Helper()
	name := filepath.Join(append([]string{Root(t)}, path...)...)
	if _, err := os.Stat(name); err != nil {
		t.Fatalf("run `%s`: %v", command, err)
	}
	return name
}
