package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func helpOf(t *testing.T, args ...string) string {
	t.Helper()
	var out, log bytes.Buffer
	if err := testProgram(noSettings, &out, &log).run(t.Context(), append([]string{"hookline"}, args...)); err != nil || log.Len() > 0 {
		t.Errorf("hookline %q: %v, %s", args, err, log.String())
	}
	return out.String()
}

// The help of every command has examples that are valid, each flag with its
// variable, and the flags that all commands have last.
func TestHelpOfEachCommand(t *testing.T) {
	t.Parallel()
	k, _ := settingsOf(t)
	for _, leaf := range k.Model.Leaves(true) {
		words := strings.Fields(leaf.Path())
		text := helpOf(t, append(words, "--help")...)
		if text != helpOf(t, append([]string{"help"}, words...)...) {
			t.Errorf("help %s is another text than --help", leaf.Path())
		}
		global, ours := strings.Index(text, "\nGlobal flags:\n"), strings.Index(text, "\nFlags:\n")
		if global < 0 || ours > global || (ours < 0) != (len(leaf.Flags) == 0) {
			t.Errorf("the help of %s has flags at %d and global flags at %d", leaf.Path(), ours, global)
		}
		for _, flag := range leaf.Flags {
			contains(t, text, "--"+flag.Name, "$"+flag.Envs[0])
		}
		_, shown, _ := strings.Cut(text, "\nExamples:\n  hookline "+leaf.Path())
		if shown == "" {
			t.Errorf("the help of %s has no example", leaf.Path())
		}
		for _, example := range examples()[leaf.Path()] {
			k, _ := settingsOf(t) // it remembers what was parsed
			line, err := k.Parse(shellWords(t, example)[1:])
			if err != nil {
				t.Errorf("%s: %v", example, err)
				continue
			}
			for _, flag := range line.Flags() { // publish takes none that is older than 7 days
				if at, ok := flag.Target.Interface().(*moment); ok && at != nil && time.Since(at.Time) > time.Hour {
					t.Errorf("%s: %v is long ago", example, at)
				}
			}
		}
	}
}

// shellWords are the words of a command line as a shell reads them, without
// where its output goes.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	line, _, _ = strings.Cut(line, " >")
	text, err := exec.CommandContext(t.Context(), "sh", "-c", `printf '%s\n' `+line).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func TestUsageShowsChoices(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"token create":  "Usage: hookline token create (--account=<api>:<id> | --operator) [flags]\n",
		"token revoke":  "Usage: hookline token revoke (--account=<api>:<id> | --operator) <id> [flags]\n",
		"webhook list":  "Usage: hookline webhook list (--account=<api>:<id> | --all) [flags]\n",
		"delivery show": "Usage: hookline delivery show --account=<api>:<id> <id> [flags]\n",
		"account":       "Usage: hookline account <command> [flags]\n",
		"":              "Usage: hookline <command> [flags]\n",
	} {
		if text := helpOf(t, append(strings.Fields(command), "--help")...); !strings.HasPrefix(text, want) {
			t.Errorf("help of %q begins %.90q, want %q", command, text, want)
		}
	}
	contains(t, fails(t, exitUsage, "hookline", "help", "nonsense"), "nonsense")
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var r versionResult
	decode(t, helpOf(t, "version", "--json"), &r)
	contains(t, r.Go, "go1.")
	if text := helpOf(t, "version"); !strings.HasPrefix(text, helpOf(t, "--version")) || !strings.Contains(text, r.Go) {
		t.Errorf("version says %s", text)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words, want []string
	}{
		{[]string{"tok"}, []string{"token"}},
		{[]string{"token", ""}, []string{"create", "list", "revoke"}},
		{[]string{"token", "create", "--o"}, []string{"--operator"}},
		{[]string{"--data", "token", "webhook", "en"}, []string{"enable"}},
		{[]string{"--json", "account", "list", "s"}, []string{"squake", "shoptet"}},
		{[]string{"account", "list", "squake", ""}, nil},
		{[]string{"delivery", "list", "--status", "re"}, []string{"retrying"}},
		{[]string{"delivery", "list", "--status=re"}, []string{"--status=retrying"}},
		{[]string{"delivery", "list", "--status", "=", "re"}, []string{"retrying"}},
		{[]string{"delivery", "list", "--status", "="}, []string{"pending", "retrying", "delivered", "failed", "cancelled"}},
		{[]string{"delivery", "list", "--last-status", "5"}, []string{"5xx"}},
		{[]string{"serve", "--log-format", ""}, []string{"json", "text"}},
		{[]string{"webhook", "list", "--state", "h"}, []string{"healthy"}},
		{[]string{"completion", ""}, []string{"bash", "zsh", "fish"}},
		{[]string{"serve", "--log-level", "w"}, []string{"warn"}},
		{[]string{"token", "create", "--rights", "p"}, []string{"publish", "publish,read,write"}},
		{[]string{"help", "account", "c"}, []string{"create"}},
		{[]string{"serve", "--data", "x"}, []string{completeFiles}},
		{[]string{"--config=/etc/h"}, []string{completeFiles}},
		{[]string{"serve", "--tls-cert", "", "--tls-key", ""}, []string{completeFiles}},
		{[]string{"serve", "--notify-key-file", ""}, []string{completeFiles}},
		{[]string{"backup", ""}, []string{completeFiles}},
		{[]string{"restore", "x"}, []string{completeFiles}},
		{[]string{"publish", "--event", ""}, nil},
		{[]string{"portal", "open", "--account", ""}, nil},
		{[]string{"account", "create", ""}, nil},
		{[]string{"trigger", "squake", ""}, nil},
		{[]string{"nonsense", "t"}, nil},
		{nil, nil},
	} {
		var got []string
		for line := range strings.Lines(helpOf(t, append([]string{completeWord}, c.words...)...)) {
			candidate, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got = append(got, candidate)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q is completed by %q, want %q", c.words, got, c.want)
		}
	}
}

// The script has bash complete command lines.
func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatalf("%v; make runs its commands by it too", err)
	}
	script := filepath.Join(t.TempDir(), "hookline.bash")
	if err := os.WriteFile(script, []byte(helpOf(t, "completion", "bash")), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), bash, "-c", `. "$0"
compopt() { echo compopt "$@"; }
COMP_WORDS=(hookline webhook list --state f) COMP_CWORD=4
_hookline
printf '%s\n' "${COMPREPLY[@]}"
COMP_WORDS=(hookline webhook list --account f) COMP_CWORD=4
_hookline
COMP_WORDS=(hookline restore f) COMP_CWORD=2
_hookline
echo "${#COMPREPLY[@]}"
complete -p hookline`, script).CombinedOutput()
	if want := "failing\ncompopt -o default\n0\ncomplete -F _hookline hookline\n"; err != nil || string(text) != want {
		t.Errorf("bash says %q, %v; want %q", text, err, want)
	}
}
