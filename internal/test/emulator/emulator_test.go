package emulator_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hookline/hookline/internal/test/emulator"
)

// asFunction makes TestMain play a function that greets.
const asFunction = "EMULATOR_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(asFunction) != "" {
		lambda.Start(func() (string, error) { return "hello", nil })
	}
	os.Exit(m.Run())
}

// start runs this test's own program as a function.
func start(t *testing.T) *emulator.Function {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return emulator.Start(t, program, map[string]string{asFunction: "1"})
}

func TestInvoke(t *testing.T) {
	f := start(t)
	for range 2 {
		response, err := f.Invoke(t.Context(), []byte(`{}`))
		if err != nil || string(response) != `"hello"` {
			t.Errorf("Invoke = %s, %v, want a greeting", response, err)
		}
	}
}

func TestInvokeKeepsToItsContext(t *testing.T) {
	f := start(t)
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
	response, err := f.Invoke(t.Context(), []byte(`{}`))
	if err == nil && !strings.Contains(string(response), "Runtime.ExitError") {
		t.Errorf("Invoke = %s, want Runtime.ExitError", response)
	}
	f.AwaitOutput(t, "no table", 1)
}
