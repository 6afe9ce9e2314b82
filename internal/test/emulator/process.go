package emulator

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/record"
)

// Process is a program that ends with the test at the latest, however that ends.
type Process struct {
	output *record.Buffer
	exited <-chan struct{}
	alive  io.Closer
}

// Run starts a program with its arguments, and env and PATH as its whole
// environment.
func Run(t testing.TB, env map[string]string, command ...string) *Process {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", guard, "guard"}, command...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // for the shell
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	printed := &record.Buffer{}
	cmd.Stdout, cmd.Stderr = printed, printed
	alive, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("start %s: %v", command[0], err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // its status says "killed"
	}()
	p := &Process{output: printed, exited: exited, alive: alive}
	t.Cleanup(p.Stop)
	return p
}

// Stop ends the program before the test does. It may be called again.
func (p *Process) Stop() {
	_ = p.alive.Close() // the guard sees its input end
	<-p.exited
}

// Output is all that was printed so far. What a
// program printed arrives some time after its answer.
func (p *Process) Output() string { return p.output.String() }

// AwaitOutput waits until what was printed holds text so many times or more,
// and fails the test if it never does.
func (p *Process) AwaitOutput(t testing.TB, text string, times int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for strings.Count(p.Output(), text) < times {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("%q is not printed %d times: %s", text, times, p.Output())
		}
	}
}

// guard runs its arguments and kills them as soon as its input ends: the
// write end of that pipe is only in the test process, so that the system
// closes it however the process ends. The function ends with its emulator.
const guard = `"$@" & child=$!; exec >/dev/null 2>&1; cat; kill -9 $child; wait $child`
