// Command hookline is Hookline in one program. It serves all APIs in one
// process, and lets the operator manage accounts, tokens and webhooks, locally
// or in a deployed stack.
//
// Results are written to standard output and everything else to standard error.
// An error is one line that says what to do, and the exit code tells success
// (0) from failure (1) and incorrect usage (2). A token is printed once, when
// it is created, and is in no log.
//
// The server refuses data whose sealing key it does not have, and data that
// another server uses.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // AbbeyCross's working hours have a time zone

	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/terminal"
)

func main() { start(newProgram(os.Getenv, os.Stdout, os.Stderr)) }

// start runs the program until it ends or is told to, and exits.
func start(p *program) {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	// While stopping, a second signal has its default effect.
	context.AfterFunc(ctx, stop)
	sender.FilterUnsolicited(slog.New(slog.NewJSONHandler(terminal.NewWriter(os.Stderr), nil)))
	os.Exit(report(os.Stderr, p.run(ctx, os.Args)))
}

// stopSignals are the signals that end a command in order. A hang-up that
// whoever started the program has it ignore, as nohup does, stays ignored.
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}
