package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/xhit/go-str2duration/v2"

	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/terminal"
	"github.com/hookline/hookline/pkg/webhook"
)

// globals are the flags that all commands have.
type globals struct {
	Config string    `help:"File of settings, one HOOKLINE_…=value a line. The command line and the environment come before it." placeholder:"FILE" group:"global"`
	Data   string    `help:"Directory of the SQLite file and the sealing key (default: ./data)." default:"./data" placeholder:"DIR" group:"global"`
	Store  storeName `help:"Where the data is stored: sqlite (the default, in the data directory), or dynamodb:<prefix> for the tables <prefix>-webhooks and <prefix>-deliveries, accessed with AWS credentials." placeholder:"sqlite|dynamodb:<prefix>" xor:"store" group:"global"`
	Stack  string    `help:"Use the deployed CloudFormation stack with this name, through its API and with AWS credentials." placeholder:"NAME" xor:"store" group:"global"`
	URL    string    `help:"Use the server or stack at this URL, through its API. HOOKLINE_TOKEN is a token of the operator's." name:"url" placeholder:"URL" xor:"store" group:"global"`
	SigV4  bool      `help:"Sign requests to --url with AWS credentials instead of a token." name:"sigv4" group:"global"`
	JSON   bool      `help:"Write results as JSON; lists as one array." name:"json" group:"global"`
	JSONL  bool      `help:"Write results as JSON; lists as one object a line." name:"jsonl" group:"global"`
	UTC    bool      `help:"Show exact times in lists on a terminal, too." name:"utc" group:"global"`

	Version versionFlag `help:"Print the version." group:"global"`
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
	Portal   portalCommands   `cmd:"" help:"Open the portal for an account or the operator, and close it."`
	Backup   backupCommand    `cmd:"" help:"Copy the data, beside a running server or not, and check the copy."`
	Restore  restoreCommand   `cmd:"" help:"Put a backup into an empty data directory, after checking it."`
	Listen   listenCommand    `cmd:"" help:"Receive webhooks: show and verify what is sent here."`

	Settings   configCommands    `cmd:"" name:"config" help:"Check the settings of a server."`
	Completion completionCommand `cmd:"" help:"Write the script that has a shell complete command lines."`
	Help       helpCommand       `cmd:"" help:"Show help for a command."`
	Built      versionCommand    `cmd:"" name:"version" help:"Show the version, and what the program was built of."`
}

// program is the environment of the commands.
type program struct {
	flags          *globals
	arg0           string // how the program was called
	name           string // the command that runs this program
	getenv         func(string) string
	environ        func() []string
	settings       *settings // of the command line that is carried out
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	keys           *keygen.Generator
	// aws reads the AWS settings.
	aws func(context.Context) (aws.Config, error)
	// sleep waits, or returns the error of ctx when that ends first.
	sleep    func(ctx context.Context, d time.Duration) error
	timeouts timeouts
	// screen returns the width of the terminal that a writer writes to, 0 if it
	// is none.
	screen func(io.Writer, func(string) string) int
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
		getenv:  getenv,
		environ: os.Environ,
		stdin:   os.Stdin,
		stdout:  stdout,
		stderr:  stderr,
		now:     time.Now,
		keys:    keygen.New(rand.Reader, time.Now),
		aws:     awsConfig,
		sleep:   sleep,
		screen:  screenWidth,
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
type usageError struct {
	error
	command string // that the line names, such as "account create"; may be empty
}

func (e usageError) Unwrap() error { return e.error }

func usageErrorf(format string, args ...any) error {
	return usageError{error: fmt.Errorf(format, args...)}
}

// ofCommand adds to a usage error the command whose help explains the line.
func ofCommand(line *kong.Context, err error) error {
	if !errors.As(err, new(usageError)) || line == nil || line.Selected() == nil {
		return err
	}
	return usageError{err, line.Selected().Path()}
}

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// report writes an error as one line, which a terminal does not obey, and
// returns the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	line := terminal.Escape(strings.Join(strings.FieldsFunc(err.Error(), isLineEnd), "; "))
	if usage, ok := errors.AsType[usageError](err); ok {
		_, _ = fmt.Fprintf(stderr, "hookline: %s (see %s --help)\n", line, strings.TrimSpace("hookline "+usage.command))
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
	given := &settings{getenv: p.getenv, environ: p.environ}
	parser, err := p.parser(&line, given, kong.Exit(func(int) { asked = true }))
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	if len(args) > 1 && args[1] == completeWord {
		return p.complete(parser, args[2:])
	}
	p.arg0, p.name = args[0], callName(args[0])
	command, err := parser.Parse(args[1:])
	switch {
	case asked:
		return nil
	case errors.As(err, new(writeError)):
		return err
	}
	read := command
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok {
		read = wrong.Context
	}
	if err := p.accept(command, given, err); err != nil {
		return ofCommand(read, err)
	}
	if line.SigV4 && line.URL == "" {
		return ofCommand(read, usageErrorf("--sigv4: give the URL of a stack's API with --url"))
	}
	line.JSON = line.JSON || line.JSONL
	command.BindTo(ctx, (*context.Context)(nil))
	p.flags, p.settings = &line.globals, given
	was := p.getenv
	p.getenv = given.get
	defer func() { p.getenv = was }()
	return ofCommand(read, command.Run(p))
}

// parser returns the parser of command lines, for line and the settings.
func (p *program) parser(line *commands, given *settings, more ...kong.Option) (*kong.Kong, error) {
	k, err := kong.New(line, slices.Concat(helpOptions(), more, []kong.Option{
		kong.Name("hookline"),
		kong.Description("Webhooks for the customers of your API.\n\nAn account is written <api>:<id>, such as squake:acme, shoptet:315185-myaddon or abbeycross:fleet-7. Every flag can be set by the variable that stands with it."),
		kong.Vars{"version": "hookline " + webhook.Version, "statuses": statusNames()},
		kong.Writers(p.stdout, p.stderr),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(decodeDuration)),
		kong.WithBeforeResolve(given.load),
		kong.Resolvers(given),
	})...)
	if err != nil {
		return nil, err
	}
	given.nameVariables(k.Model.Node)
	return k, nil
}

// accept returns the error of a command line. Settings that are wrong come
// before the rest, which may follow from them. Commands that have no settings
// and the one that checks them are begun in spite of them.
func (p *program) accept(command *kong.Context, given *settings, err error) error {
	name := ""
	if command != nil {
		name = command.Command()
	}
	first, _, _ := strings.Cut(name, " ")
	if slices.Contains([]string{"help", "version", "completion"}, first) {
		return nil
	}
	given.checkNames()
	switch wrong := given.err(); {
	case wrong != nil && name != "config check":
		return usageError{error: wrong}
	case err != nil:
		return usageError{error: err}
	}
	return nil
}

// decodeDuration is the mapper of durations, which may be in days and weeks.
func decodeDuration(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	d, err := str2duration.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("expected a duration but got %q: give one such as 90s, 24h or 30d", text)
	}
	target.Set(reflect.ValueOf(d))
	return nil
}

// callName returns the command that runs the program from the same directory.
// "go run" leaves an executable in a temporary folder, or in its cache, in a
// folder named by a hash.
func callName(arg0 string) string {
	folder := filepath.Base(filepath.Dir(arg0))
	if strings.Contains(filepath.ToSlash(arg0), "/go-build") || len(folder) == sha256.Size*2+len("-d") && strings.HasSuffix(folder, "-d") {
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
