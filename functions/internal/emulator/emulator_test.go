package emulator_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/functions/internal/emulator"
)

// bare builds the smallest of functions.
func bare(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../bare")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return program
}

func TestInvoke(t *testing.T) {
	f := emulator.Start(t, bare(t), nil)
	for range 2 {
		answer, err := f.Invoke(t.Context(), []byte(`{}`))
		if err != nil || !strings.Contains(string(answer), `"statusCode":204`) {
			t.Errorf("Invoke = %s, %v, want 204", answer, err)
		}
	}
}

func TestInvokeKeepsToItsContext(t *testing.T) {
	f := emulator.Start(t, bare(t), nil)
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if _, err := f.Invoke(ctx, []byte(`{}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Invoke = %v, want DeadlineExceeded", err)
	}
}

// A function that does not start is an answer that says so.
func TestProgramThatEnds(t *testing.T) {
	program := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho no table >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := emulator.Start(t, program, nil)
	answer, err := f.Invoke(t.Context(), []byte(`{}`))
	if err == nil && !strings.Contains(string(answer), "Runtime.ExitError") {
		t.Errorf("Invoke = %s, want Runtime.ExitError", answer)
	}
	f.AwaitOutput(t, "no table")
}
