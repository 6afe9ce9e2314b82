package sqlitestore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Some tests need a process of its own: the test binary, started again with
// the name of a child and its argument in the environment.
const (
	childVariable    = "SQLITESTORE_TEST_CHILD"
	argumentVariable = "SQLITESTORE_TEST_ARGUMENT"
)

func TestMain(m *testing.M) {
	name := os.Getenv(childVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	children := map[string]func(ctx context.Context, argument string) error{
		"create":   createUntilKilled,
		"change":   changeUntilKilled,
		"operator": runOperator,
		"limit":    hitFileLimit,
		"open":     openOnce,
		"nobody":   openAsNobody,
	}
	if err := children[name](context.Background(), os.Getenv(argumentVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child is a started process of which the output is read line by line.
type child struct {
	*exec.Cmd
	lines  *bufio.Scanner
	stderr strings.Builder
}

func startChild(t *testing.T, name, argument string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.CommandContext(t.Context(), exe)}
	c.Env = append(os.Environ(), childVariable+"="+name, argumentVariable+"="+argument)
	c.Stderr = &c.stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// runChild runs a child to its end and returns what it printed; the test
// fails if the child does.
func runChild(t *testing.T, name, argument string) []string {
	t.Helper()
	c := startChild(t, name, argument)
	var lines []string
	for c.lines.Scan() {
		lines = append(lines, c.lines.Text())
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("child %s %s: %v\n%s", name, argument, err, c.stderr.String())
	}
	return lines
}
