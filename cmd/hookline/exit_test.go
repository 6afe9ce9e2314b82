package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// exitCodes has a command line for each exit code of each command: of success,
// of failure and of wrong usage. ACCOUNT and so on are those of exitTexts.
var exitCodes = map[string][3]string{
	"serve":            {"--listen 127.0.0.1:0 --data EMPTY", "--listen TAKEN --data EMPTY", "--listen 8080"},
	"account create":   {"squake:more", "ACCOUNT", "acme"},
	"account list":     {"squake", "--data NOWHERE", "nonsense"},
	"account delete":   {"abbeycross:demo", "squake:nobody", ""},
	"token create":     {"--operator", "--account squake:nobody", ""},
	"token list":       {"--operator", "--account squake:nobody", "--operator --account ACCOUNT"},
	"token revoke":     {"TOKEN --operator", "TOKEN-2 --operator", "TOKEN"},
	"webhook list":     {"--account ACCOUNT", "--account squake:nobody", ""},
	"webhook show":     {"WEBHOOK --account ACCOUNT", "x --account ACCOUNT", "WEBHOOK"},
	"webhook test":     {"WEBHOOK --account ACCOUNT", "x --account ACCOUNT", "WEBHOOK --account ACCOUNT --event none"},
	"webhook enable":   {"WEBHOOK --account ACCOUNT", "x --account ACCOUNT", "--account ACCOUNT"},
	"webhook disable":  {"WEBHOOK --account ACCOUNT", "x --account ACCOUNT", "WEBHOOK --account ACCOUNT more"},
	"webhook delete":   {"WEBHOOK --account ACCOUNT", "x --account ACCOUNT", "WEBHOOK --account operator:local"},
	"trigger":          {"squake order --account ACCOUNT", "squake order --account squake:nobody", "squake --account ACCOUNT"},
	"publish":          {"--account ACCOUNT --event order", "--account ACCOUNT --event none", "--account ACCOUNT --event order --payload {"},
	"delivery list":    {"--status pending", "--account squake:nobody", "--status gone"},
	"delivery show":    {"DELIVERY --account ACCOUNT", "x --account ACCOUNT", "DELIVERY"},
	"delivery retry":   {"DELIVERY --account ACCOUNT", "x --account ACCOUNT", ""},
	"delivery recover": {"--account ACCOUNT --since 1h", "--account squake:nobody --since 1h", "--account ACCOUNT"},
	"portal open":      {"--account ACCOUNT --read-only", "--account squake:nobody", "--operator --account ACCOUNT"},
	"portal close":     {"--operator", "--account squake:nobody", ""},
	"backup":           {"EMPTY/backup", "NOWHERE/backup", ""},
	"restore":          {"EMPTY/backup --data EMPTY/restored", "NOWHERE --data EMPTY/none", ""},
	"config check":     {"--data EMPTY", "--data EMPTY --notify-url https://a.example", "more"},
	"completion":       {"bash", "", "tcsh"},
	"help":             {"account create", "", "nonsense"},
	"version":          {"", "", "more"},
	"listen":           {"--listen 127.0.0.1:0", "--key @NOWHERE", "--status 99"},
}

// Every command exits with 0, with 1 after a failure and with 2 when it was
// used wrongly.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, s, c)[0]
	newOperator(t, where, s)
	var tokens []tokenResult
	decode(t, where.run(t, "token", "list", "--operator", "--json"), &tokens)
	exitTexts := strings.NewReplacer(
		"ACCOUNT", customer.account, "WEBHOOK", customer.id, "TOKEN-2", "x", "TOKEN", tokens[0].ID, "DELIVERY", customer.published(t, where),
		"TAKEN", strings.TrimPrefix(s.URL, "http://"), "EMPTY", t.TempDir(), "NOWHERE", t.TempDir()+"/nowhere",
	)
	for _, name := range leaves(t) {
		lines, listed := exitCodes[name]
		if !listed {
			t.Errorf("hookline %s: add its exit codes to the table", name)
		}
		for _, code := range []int{exitUsage, exitFailed, 0} { // what succeeds may delete
			if code == exitFailed && slices.Contains([]string{"completion", "help", "version"}, name) {
				continue // they cannot fail but for what they write to
			}
			args := append([]string{"hookline"}, strings.Fields(name+" "+exitTexts.Replace(lines[code]))...)
			if !slices.Contains(args, "--data") && name != "listen" {
				args = append(args, where.flags()...)
			}
			if got, said := exitCode(t, args); got != code {
				t.Errorf("%q: exit code %d, want %d: %s", args, got, code, said)
			}
		}
	}
}

// leaves are the names of all commands; those that take something away are last.
func leaves(t *testing.T) (names []string) {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("hookline"), kong.Vars{"version": "", "statuses": ""})
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range parser.Model.Leaves(true) {
		names = append(names, leaf.Path())
	}
	takesAway := func(name string) bool {
		return strings.HasSuffix(name, " disable") || strings.HasSuffix(name, " delete")
	}
	last := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !takesAway(name) })
	return append(slices.DeleteFunc(names, takesAway), last...)
}

// exitCode runs a command line, for which no time passes when it waits. Servers
// are stopped when they say that they listen.
func exitCode(t *testing.T, args []string) (code int, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	var text strings.Builder
	out := &stopper{stop: func() {}}
	if args[1] == "serve" || args[1] == "listen" {
		out.stop = cancel
	}
	program := testProgram(noSettings, out, out)
	program.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return report(&text, program.run(ctx, args)), text.String()
}

// stopper calls stop when something is written to it that tells an address.
type stopper struct {
	mu   sync.Mutex
	stop func()
}

func (s *stopper) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains(string(p), "http://127.0.0.1:") {
		s.stop()
	}
	return len(p), nil
}
