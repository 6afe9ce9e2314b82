package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/terminal"
	"github.com/hookline/hookline/pkg/webhook"
)

// globals are the flags that all commands have.
type globals struct {
	Data  string    `help:"Directory of the SQLite file and the sealing key (default: ./data)." default:"./data" placeholder:"DIR"`
	Store storeName `help:"Where the data is stored: sqlite (the default, in the data directory), or dynamodb:<prefix> for the tables <prefix>-webhooks and <prefix>-deliveries, accessed with AWS credentials." placeholder:"sqlite|dynamodb:<prefix>" xor:"store"`
	Stack string    `help:"Use the deployed CloudFormation stack with this name, through its API and with AWS credentials." placeholder:"NAME" xor:"store"`
	URL   string    `help:"Use the server or stack at this URL, through its API. HOOKLINE_TOKEN is a token of the operator's." name:"url" placeholder:"URL" xor:"store"`
	SigV4 bool      `help:"Sign requests to --url with AWS credentials instead of a token." name:"sigv4"`
	JSON  bool      `help:"Write results as JSON." name:"json"`

	Version kong.VersionFlag `help:"Print the version."`
}

// remote reports whether commands work through a server's API.
func (g *globals) remote() bool { return g.Stack != "" || g.URL != "" }

// commands is the command line.
type commands struct {
	globals

	Serve    serveCommand     `cmd:"" help:"Serve all APIs in one process."`
	Account  accountCommands  `cmd:"" help:"Create, list and delete accounts."`
	Token    tokenCommands    `cmd:"" help:"Create, list and revoke access tokens."`
	Webhook  webhookCommands  `cmd:"" help:"List, test, enable, disable and delete the webhooks of an account."`
	Publish  publishCommand   `cmd:"" help:"Publish an event: it is delivered to the account's webhook for it."`
	Trigger  triggerCommand   `cmd:"" help:"Publish a realistic sample event, and show what comes of it."`
	Delivery deliveryCommands `cmd:"" help:"List, show, retry and recover deliveries."`
	Backup   backupCommand    `cmd:"" help:"Copy the data, beside a running server or not, and check the copy."`
	Restore  restoreCommand   `cmd:"" help:"Put a backup into an empty data directory, after checking it."`
	Listen   listenCommand    `cmd:"" help:"Receive webhooks: show and verify what is sent here."`
}

// program is the environment of the commands.
type program struct {
	flags          *globals
	name           string // the command that runs this program
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	keys           *keygen.Generator
	// sleep waits, or returns the error of ctx when that ends first.
	sleep    func(ctx context.Context, d time.Duration) error
	timeouts timeouts
}

// timeouts bound what a program waits for; zero is what the packages have.
type timeouts struct {
	request time.Duration // a client's, until it is answered
	call    time.Duration // on DynamoDB, with all its tries
	try     time.Duration // of a call
}

// newProgram returns a program with the real clock and random source.
func newProgram(getenv func(string) string, stdout, stderr io.Writer) *program {
	return &program{
		getenv: getenv,
		stdin:  os.Stdin,
		stdout: stdout,
		stderr: stderr,
		now:    time.Now,
		keys:   keygen.New(rand.Reader, time.Now),
		sleep:  sleep,
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// usageError means that a command line is not valid.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// report writes an error as one line, which a terminal does not obey, and returns the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	line := terminal.Escape(strings.Join(strings.FieldsFunc(err.Error(), isLineEnd), "; "))
	if errors.As(err, new(usageError)) {
		_, _ = fmt.Fprintf(stderr, "hookline: %s (see hookline --help)\n", line)
		return exitUsage
	}
	_, _ = fmt.Fprintf(stderr, "hookline: %s\n", line)
	return exitFailed
}

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' }

// run carries out a command line; args[0] is how the program was called. It
// returns when the command is done, a server when ctx has ended and the
// requests in flight are answered. The error is a usageError when nothing was
// begun because the command line cannot be understood.
func (p *program) run(ctx context.Context, args []string) error {
	var line commands
	asked := false // whether help or the version was requested and written
	parser, err := kong.New(&line,
		kong.Name("hookline"),
		kong.Description("Webhooks for the customers of your API.\n\nAn account is written <api>:<id>, such as squake:acme, shoptet:315185-myaddon or abbeycross:fleet-7."),
		kong.Vars{"version": "hookline " + webhook.Version, "statuses": statusNames()},
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { asked = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
	)
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	command, err := parser.Parse(args[1:])
	switch {
	case asked:
		return nil
	case err != nil:
		return usageError{err}
	}
	if line.SigV4 && line.URL == "" {
		return usageErrorf("--sigv4: give the URL of a stack's API with --url")
	}
	command.BindTo(ctx, (*context.Context)(nil))
	p.flags, p.name = &line.globals, callName(args[0])
	return command.Run(p)
}

// callName returns the command that runs the program from the same directory.
// "go run" leaves no executable.
func callName(arg0 string) string {
	if strings.Contains(filepath.ToSlash(arg0), "/go-build") {
		return "go run ./cmd/hookline"
	}
	return shellQuote(arg0)
}

// again returns the start of a command line that uses the same data.
func (p *program) again() string {
	words := p.name
	if p.flags.Data != "./data" {
		words += " --data " + shellQuote(p.flags.Data)
	}
	if p.flags.Store.prefix != "" {
		words += " --store " + shellQuote(p.flags.Store.String())
	}
	if p.flags.Stack != "" {
		words += " --stack " + shellQuote(p.flags.Stack)
	}
	if p.flags.URL != "" {
		words += " --url " + shellQuote(p.flags.URL)
	}
	if p.flags.SigV4 {
		words += " --sigv4"
	}
	return words
}

// shellQuote quotes s as one word of a POSIX shell.
func shellQuote(s string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
