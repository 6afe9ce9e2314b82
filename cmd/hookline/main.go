// Command hookline is Hookline in one program: it serves every API in one
// process, and it is the operator's way to accounts, tokens and webhooks, here
// or in a deployed stack.
//
// It guarantees that a result is on standard output and everything else on
// standard error, that an error is one line which says what to do, and that
// the exit code tells success (0) from failure (1) and wrong use (2). A token
// is printed once, when it is made, and stands in no log.
//
// It refuses to serve data whose sealing key is not at hand, and data that
// another server has taken.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // AbbeyCross's working hours have a time zone

	"github.com/hookline/hookline/pkg/delivery/sender"
)

func main() { start(newProgram(os.Getenv, os.Stdout, os.Stderr)) }

// start runs the program until it ends or is told to, and exits.
func start(p *program) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Once stopping has begun, a second signal does what it does by default.
	context.AfterFunc(ctx, stop)
	sender.FilterUnsolicited(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	os.Exit(report(os.Stderr, p.run(ctx, os.Args)))
}
