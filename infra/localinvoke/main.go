// Command localinvoke prepares what the functions need under `sam local
// invoke`: DynamoDB Local with both tables, an account and a token of each API,
// the functions' environment and events with those tokens. docs/local.md says
// how it is used.
//
// It keeps nothing: what it stores is gone when it ends. It asks nothing of AWS
// and needs no credentials.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// config is what the command line says.
type config struct {
	port      int
	endpoint  string
	host      string
	directory string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "localinvoke:", err)
		os.Exit(1)
	}
}

// run prepares everything, says what to type, and waits until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if c.endpoint == "" {
		db, err := startDynamoDB(c.port)
		if err != nil {
			return err
		}
		defer db.stop()
		c.endpoint = db.url
		if err := db.await(ctx); err != nil {
			return err
		}
	}
	accounts, err := prepare(ctx, c.endpoint, time.Now())
	if err != nil {
		return err
	}
	if err := writeFiles(c, accounts, time.Now()); err != nil {
		return err
	}
	fmt.Fprint(stdout, welcome(c, accounts))
	<-ctx.Done()
	return nil
}

func parseFlags(args []string, stderr io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("localinvoke", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&c.port, "port", 8000, "`port` of DynamoDB Local on all addresses of this machine")
	flags.StringVar(&c.endpoint, "endpoint", "", "`URL` of a DynamoDB Local that runs already, as this machine reaches it; started with -sharedDb")
	flags.StringVar(&c.host, "host", "host.docker.internal", "`name` of this machine inside the functions' containers")
	flags.StringVar(&c.directory, "directory", ".aws-sam", "`directory` to write the environment and the events to")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return c, nil
}
