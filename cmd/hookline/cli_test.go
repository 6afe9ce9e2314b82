package main

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

func TestShellQuote(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", "a b", "it's", `back\slash`, "$HOME", "`id`", `"`, "*", "a\tb", "~", "é", "-n", "#", "!"} {
		text, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '[%s]' "+shellQuote(s)).Output()
		if err != nil || string(text) != "["+s+"]" {
			t.Errorf("the shell reads %s as %s, %v; want [%s]", shellQuote(s), text, err, s)
		}
	}
}

func TestCallName(t *testing.T) {
	t.Parallel()
	for arg0, want := range map[string]string{
		"hookline":                                              "hookline",
		"./bin/hookline":                                        "./bin/hookline",
		"/opt/my tools/hookline":                                "'/opt/my tools/hookline'",
		"/tmp/go-build123/b001/exe/hookline":                    "go run ./cmd/hookline",
		"/home/me/.cache/go-build/ab/a/hookline":                "go run ./cmd/hookline",
		"/cache/90/" + strings.Repeat("9f", 32) + "-d/hookline": "go run ./cmd/hookline",
	} {
		if got := callName(arg0); got != want {
			t.Errorf("callName(%s) = %s, want %s", arg0, got, want)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code int
		line string
	}{
		{nil, 0, ""},
		{errors.New("a"), 1, "hookline: a\n"},
		{errors.Join(errors.New("a"), errors.New("b\r\nc")), 1, "hookline: a; b; c\n"},
		{errors.New("a\x1b[31m\tb\u202e"), 1, "hookline: a\\u001b[31m\\tb\\u202e\n"},
		{usageErrorf("a"), 2, "hookline: a (see hookline --help)\n"},
	} {
		var said bytes.Buffer
		if code := report(&said, c.err); code != c.code || said.String() != c.line {
			t.Errorf("report(%v) = %d with %q, want %d with %q", c.err, code, said.String(), c.code, c.line)
		}
	}
}

// Help is asked for without what the command needs.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"--help", "account --help", "account create -h", "account delete --help", "webhook --help", "webhook disable -h", "token revoke --help", "serve --help"} {
		var out, log bytes.Buffer
		err := testProgram(noSettings, &out, &log).run(t.Context(), append([]string{"hookline"}, strings.Fields(line)...))
		if err != nil || !strings.HasPrefix(out.String(), "Usage: hookline") || log.Len() > 0 {
			t.Errorf("hookline %s: %v, %q, %q; want help", line, err, out.String(), log.String())
		}
	}
}

// What is asked for and cannot be written is a failure, and no wrong usage.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"--help", "serve --help", "help", "help account create", "--version", "version", "version --json", "completion bash"} {
		err := testProgram(noSettings, broken{}, io.Discard).run(t.Context(), append([]string{"hookline"}, strings.Fields(line)...))
		if code := report(io.Discard, err); code != exitFailed || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("hookline %s: %v, exit %d, want %d", line, err, code, exitFailed)
		}
	}
}
