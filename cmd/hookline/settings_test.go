package main

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// inEnvironment has a program see variables and no others.
func inEnvironment(p *program, variables map[string]string) *program {
	p.getenv = func(name string) string { return variables[name] }
	p.environ = func() (entries []string) {
		for name, value := range variables {
			entries = append(entries, name+"="+value)
		}
		return entries
	}
	return p
}

// settingsFile is a file of settings with a text.
func settingsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The command line comes before the environment, and that before the file.
func TestSettings(t *testing.T) {
	t.Parallel()
	file := settingsFile(t, "# of the server\nHOOKLINE_DATA=/file\nHOOKLINE_UTC=true\nOTEL_SERVICE_NAME=hooks\nAWS_REGION=eu-west-1\nHOOKLINE_TOKEN='hk_$file'\n")
	for name, c := range map[string]struct {
		flags     string
		variables map[string]string
		want      globals
	}{
		"nothing":                 {"", nil, globals{Data: "./data"}},
		"variable":                {"", map[string]string{"HOOKLINE_DATA": "/env", "HOOKLINE_JSON": "1"}, globals{Data: "/env", JSON: true}},
		"empty variable":          {"", map[string]string{"HOOKLINE_DATA": "", "HOOKLINE_JSON": ""}, globals{Data: "./data"}},
		"file":                    {"--config " + file, nil, globals{Config: file, Data: "/file", UTC: true}},
		"file by variable":        {"", map[string]string{"HOOKLINE_CONFIG": file}, globals{Config: file, Data: "/file", UTC: true}},
		"variable before file":    {"--config " + file, map[string]string{"HOOKLINE_DATA": "/env", "HOOKLINE_UTC": "false"}, globals{Config: file, Data: "/env"}},
		"flag before all":         {"--data /flag --config " + file, map[string]string{"HOOKLINE_DATA": "/env"}, globals{Config: file, Data: "/flag", UTC: true}},
		"flag excludes variable":  {"--stack prod", map[string]string{"HOOKLINE_URL": "https://a.example"}, globals{Data: "./data", Stack: "prod"}},
		"of another command":      {"", map[string]string{"HOOKLINE_LISTEN": "wrong", "HOOKLINE_DELIVERY_LIST_LIMIT": "wrong"}, globals{Data: "./data"}},
		"of a service in a pod":   {"", map[string]string{"HOOKLINE_SERVICE_HOST": "1", "HOOKLINE_PORT_80_TCP_ADDR": "1", "HOOKLINE_API_PORT": "1"}, globals{Data: "./data"}},
		"of somebody else at all": {"", map[string]string{"HOOK": "1", "PATH": "/"}, globals{Data: "./data"}},
	} {
		p := inEnvironment(testProgram(nil, io.Discard, io.Discard), c.variables)
		if err := p.run(t.Context(), append([]string{"hookline", "version"}, strings.Fields(c.flags)...)); err != nil || *p.flags != c.want {
			t.Errorf("%s: %v, %+v; want %+v", name, err, *p.flags, c.want)
		}
		if c.want.Config != "" && p.settings.get("HOOKLINE_TOKEN") != "hk_$file" {
			t.Errorf("%s: HOOKLINE_TOKEN is %q", name, p.settings.get("HOOKLINE_TOKEN"))
		}
		if c.want.Config != "" && p.settings.get("OTEL_SERVICE_NAME") != "" {
			t.Errorf("%s: the file sets a variable that is not Hookline's", name)
		}
		p.settings.getenv = func(name string) string { return map[string]string{"AWS_REGION": "eu-west-1"}[name] }
		if unset := p.settings.unset(); c.want.Config != "" && !slices.Equal(unset, []string{"OTEL_SERVICE_NAME"}) {
			t.Errorf("%s: without effect are %q", name, unset)
		}
	}
}

// What is wrong is refused before anything is done, all at once and without
// showing what may be secret.
func TestSettingsAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config    string // the text of a file
		variables map[string]string
		want      []string
	}{
		"near":            {"", map[string]string{"HOOKLINE_TOKN": "hk_x"}, []string{"HOOKLINE_TOKN is no setting; did you mean HOOKLINE_TOKEN?"}},
		"far":             {"", map[string]string{"HOOKLINE_COLOURFUL": "1"}, []string{"HOOKLINE_COLOURFUL is no setting; --help"}},
		"value":           {"", map[string]string{"HOOKLINE_JSON": "perhaps"}, []string{"HOOKLINE_JSON: "}},
		"account":         {"", map[string]string{"HOOKLINE_ACCOUNT": "acme"}, []string{"HOOKLINE_ACCOUNT: ", "write it <api>:<id>"}},
		"both of a group": {"", map[string]string{"HOOKLINE_STACK": "a", "HOOKLINE_URL": "b"}, []string{"can't be used together"}},
		"all at once":     {"", map[string]string{"HOOKLINE_DATTA": "x", "HOOKLINE_STORE": "y"}, []string{"HOOKLINE_DATA?", "HOOKLINE_STORE: "}},
		"no file":         {"", map[string]string{"HOOKLINE_CONFIG": "/nowhere/env"}, []string{"--config /nowhere/env: no such file"}},
		"name in file":    {"HOOKLINE_DATTA=x\nexport hk_AAAA=y", nil, []string{"HOOKLINE_DATA?", "a line does not begin with HOOKLINE_"}},
		"value in file":   {"HOOKLINE_LIMITS=1\nHOOKLINE_STORE=no", nil, []string{"HOOKLINE_STORE: ", "HOOKLINE_LIMITS"}},
		"no settings":     {"{\"token\": \"hk_x\"}\n", nil, []string{"give lines of the form"}},
	} {
		variables := maps.Clone(c.variables)
		if c.config != "" {
			variables = map[string]string{"HOOKLINE_CONFIG": settingsFile(t, c.config)}
		}
		var said bytes.Buffer
		err := inEnvironment(testProgram(nil, io.Discard, io.Discard), variables).run(t.Context(), []string{"hookline", "delivery", "list"})
		if code := report(&said, err); code != exitUsage || strings.Contains(said.String(), "hk_") {
			t.Errorf("%s: exit code %d with %s", name, code, said.String())
		}
		contains(t, said.String(), c.want...)
		if n := strings.Count(said.String(), c.want[0]); n != 1 {
			t.Errorf("%s: told %d times: %s", name, n, said.String())
		}
	}
}

// settingsOf are the names of all variables.
func settingsOf(t *testing.T) (k *kong.Kong, names []string) {
	t.Helper()
	given := &settings{getenv: noSettings}
	k, err := testProgram(noSettings, io.Discard, io.Discard).parser(&commands{}, given)
	if err != nil {
		t.Fatal(err)
	}
	return k, given.known
}

// variables are the names in a text.
func variables(text string) []string {
	return regexp.MustCompile(`\bHOOKLINE_[A-Z0-9_]+\b`).FindAllString(text, -1)
}

// rowsOf are the rows of a page's first table of commands, by the commands that
// their first cells name.
func rowsOf(t *testing.T, path string) (page string, rows map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page, rows = string(text), map[string]string{}
	_, table, _ := strings.Cut(page, "\n| command |")
	table, _, _ = strings.Cut(table, "\n\n")
	for line := range strings.Lines(table) {
		cell, rest, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		for _, name := range regexp.MustCompile("`([a-z]+)( [a-z]+)?\\b").FindAllStringSubmatch(cell, -1) {
			rows[name[1]], rows[name[1]+name[2]] = rest, rest // completion bash is completion
		}
	}
	return page, rows
}

// The page on configuration names each variable in the row of its command, and
// no other.
func TestVariablesAreDocumented(t *testing.T) {
	t.Parallel()
	k, names := settingsOf(t)
	page, rows := rowsOf(t, "../../docs/configuration.md")
	own := slices.Clone(names) // without a flag
	for _, leaf := range k.Model.Leaves(true) {
		for _, flag := range leaf.Flags {
			own = slices.DeleteFunc(own, func(name string) bool { return name == flag.Envs[0] })
			if named := variables(rows[leaf.Path()]); flag.Name != "account" && !slices.Contains(named, flag.Envs[0]) {
				t.Errorf("docs/configuration.md does not name %s of %s", flag.Envs[0], leaf.Path())
			}
		}
	}
	for _, flag := range k.Model.Flags {
		own = slices.DeleteFunc(own, func(name string) bool { return slices.Contains(flag.Envs, name) })
	}
	named := variables(page)
	for _, name := range own {
		if name != "HOOKLINE_TOKEN" && !strings.Contains(rows["serve"], "`"+name+"`") {
			t.Errorf("docs/configuration.md does not name %s of serve", name)
		}
	}
	for _, name := range names {
		if !slices.Contains(named, name) {
			t.Errorf("docs/configuration.md does not name %s", name)
		}
	}
	for _, name := range named {
		if !slices.Contains(names, name) {
			t.Errorf("docs/configuration.md names %s, which there is not", name)
		}
	}
}

// The contract's row of each command names each of its flags.
func TestFlagsAreDocumented(t *testing.T) {
	t.Parallel()
	k, _ := settingsOf(t)
	_, rows := rowsOf(t, "../../docs/contracts/operator.md")
	for _, leaf := range k.Model.Leaves(true) {
		row, listed := rows[leaf.Path()]
		if !listed {
			t.Errorf("docs/contracts/operator.md has no row of %s", leaf.Path())
		}
		for _, flag := range leaf.Flags {
			named := regexp.MustCompile("--" + flag.Name + "[^a-z-]").MatchString(row)
			if leaf.Path() != "config check" && !named { // whose flags are serve's
				t.Errorf("docs/contracts/operator.md does not name --%s of %s", flag.Name, leaf.Path())
			}
		}
	}
}

// No variable sets flags of two commands, unless they are the same.
func TestVariablesAreDistinct(t *testing.T) {
	t.Parallel()
	k, _ := settingsOf(t)
	owner := map[string]string{}
	for _, leaf := range k.Model.Leaves(true) {
		for _, flag := range leaf.Flags {
			if len(flag.Envs) != 1 {
				t.Errorf("%s --%s has variables %q", leaf.Path(), flag.Name, flag.Envs)
				continue
			}
			is := leaf.Path() + " --" + flag.Name
			if flag.Name == "account" || flag.Name == "portal-url" || strings.HasPrefix(is, "config check ") {
				continue
			}
			if other := owner[flag.Envs[0]]; other != "" {
				t.Errorf("%s sets %s and %s", flag.Envs[0], other, is)
			}
			owner[flag.Envs[0]] = is
		}
	}
}

// All that is wrong is told at once, and nothing is made.
func TestConfigCheck(t *testing.T) {
	dir := t.TempDir()
	loose := filepath.Join(dir, "loose")
	if err := os.Mkdir(loose, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(loose, 0o777); err != nil {
		t.Fatal(err)
	}
	key := settingsFile(t, "not a key")
	before := files(t, dir)
	line := fails(t, exitFailed, "hookline", "config", "check", "--data", loose, "--listen", "8080", "--notify-url", "https://notices.example/in", "--notify-key-file", key,
		"--allow-network", "none", "--log-level", "loud", "--log-format", "xml", "--portal-url", "ftp://x", "--store", "files")
	contains(t, line, "--store: store \"files\": invalid: give sqlite", "chmod go-w "+loose, "--listen", "--allow-network: must be a network", "--log-level", "--log-format: must be json or text", "--portal-url: ", "--notify-key-file: "+key+" must hold a key")

	var out, said bytes.Buffer
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "nonsense") // where OpenTelemetry reads it
	p := inEnvironment(testProgram(nil, &out, &said), map[string]string{
		"HOOKLINE_LOGLEVEL": "info", "HOOKLINE_LOG_LEVEL": "loud", "HOOKLINE_TRUSTED_PROXY_HEADER": "via", "HOOKLINE_ABBEYCROSS_HOURS": "never",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
	})
	err := p.run(t.Context(), []string{"hookline", "config", "check", "--json", "--data", filepath.Join(dir, "new")})
	var result checkResult
	decode(t, out.String(), &result)
	if report(&said, err) != exitFailed || result.OK || len(result.Errors) != 5 {
		t.Errorf("config check: %v, %+v; want five errors", err, result)
	}
	contains(t, strings.Join(result.Errors, "\n"), "did you mean HOOKLINE_LOG_LEVEL?", "HOOKLINE_TRUSTED_PROXY_HEADER: must be x-forwarded-for or forwarded", "HOOKLINE_LOG_LEVEL: must be debug, info, warn or error", "HOOKLINE_ABBEYCROSS_HOURS: ",
		"OTEL_RESOURCE_ATTRIBUTES: ", "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf or grpc")
	for flags, want := range map[string]string{
		"--listen 203.0.113.1:80":                "--listen 203.0.113.1:80: ",
		"--data " + key:                          "is no directory",
		"--data " + key + "/below":               "not a directory",
		"--notify-url https://notices.example/n": "--notify-key-file must be given",
	} {
		contains(t, fails(t, exitFailed, append([]string{"hookline", "config", "check", "--data", filepath.Join(dir, "new")}, strings.Fields(flags)...)...), want)
	}
	if after := files(t, dir); !slices.Equal(before, after) {
		t.Errorf("there are %q now, there were %q", after, before)
	}

	s := boot(t, filepath.Join(dir, "running"))
	text := dataDir{data: s.data}.run(t, "config", "check", "--listen", strings.TrimPrefix(s.URL, "http://"))
	if text != "the settings are right" {
		t.Errorf("beside a running server: %s", text)
	}
}

// files are the names of all files below a directory.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDurationsInDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"2d": 48 * time.Hour, "30d": 720 * time.Hour, "1w": 168 * time.Hour, "1d12h": 36 * time.Hour, "90s": 90 * time.Second} {
		var line commands
		k, err := testProgram(noSettings, io.Discard, io.Discard).parser(&line, &settings{getenv: noSettings})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Parse([]string{"delivery", "list", "--since", text}); err != nil || line.Delivery.List.Since != want {
			t.Errorf("--since %s: %v, %v; want %v", text, line.Delivery.List.Since, err, want)
		}
	}
}
