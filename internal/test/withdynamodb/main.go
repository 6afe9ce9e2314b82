// Withdynamodb runs a command, such as go test, beside a DynamoDB Local that its
// tests share: each of their binaries would start one otherwise. It exits with
// the command's code.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/hookline/hookline/internal/test/dynamolocal"
)

func main() {
	code, err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withdynamodb:", err)
	}
	os.Exit(code)
}

func run(ctx context.Context, command []string, stdout, stderr io.Writer) (code int, err error) {
	if len(command) == 0 {
		return 2, errors.New("usage: withdynamodb <command> [<argument>...]")
	}
	server, err := dynamolocal.Launch()
	if err != nil {
		return 1, err
	}
	defer server.Close()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), dynamolocal.Variable+"="+server.URL)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
