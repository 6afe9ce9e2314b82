package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/internal/test/record"
)

// timeout bounds every wait in a test: only what hangs takes so long.
const timeout = 5 * time.Minute

// TestMain lets the test binary be "hookline" too: scripts and tests find it
// under that name in PATH.
func TestMain(m *testing.M) {
	syscall.Umask(0o022) // others may not write to the tests' directories, which serve would refuse
	if err := os.Setenv(raceSettings()); err != nil {
		panic(err)
	}
	testscript.Main(tests{m}, map[string]func(){"hookline": patientMain, "hookline-quick": quickMain})
}

// tests are those of this package, which AWS's variables are set for.
type tests struct{ *testing.M }

func (m tests) Run() int {
	for name, value := range awsEnvironment() {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	return m.M.Run()
}

// testProgram is the program with timeouts that a busy machine keeps.
func testProgram(getenv func(string) string, stdout, stderr io.Writer) *program {
	p := newProgram(getenv, stdout, stderr)
	p.timeouts = timeouts{request: timeout, call: timeout, try: timeout}
	p.environ = func() []string {
		return slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "HOOKLINE_TEST_") })
	}
	return p
}

func patientMain() {
	os.Args = append(os.Args, strings.Fields(os.Getenv(extraFlags))...)
	start(testProgram(os.Getenv, os.Stdout, os.Stderr))
}

// quickMain is the program, for which no time passes when it waits.
func quickMain() {
	p := testProgram(os.Getenv, os.Stdout, os.Stderr)
	p.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	os.Exit(report(os.Stderr, p.run(context.Background(), os.Args)))
}

// raceSettings is the environment variable that keeps a process with the race
// detector from waiting a second before it ends.
func raceSettings() (name, value string) { return "GORACE", "atexit_sleep_ms=0" }

// The scripts run each way that commands have. What a way does not apply to,
// they skip. A token and a signature take the same way from the client on: what
// signs is in short runs left to TestOperatorPolicy, which runs all commands, and
// to the tests of throughTheAPI.
func TestScripts(t *testing.T) {
	t.Parallel()
	for _, way := range ways()[:long.Pick(2, 3)] {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			testScripts(t, way)
		})
	}
}

func testScripts(t *testing.T, way string) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv(raceSettings())
			if way == "data" {
				e.Setenv("AGAIN", "")
				return nil
			}
			t, ok := e.T().(testing.TB)
			if !ok {
				return errors.New("a script is no test")
			}
			s := boot(t, filepath.Join(e.WorkDir, "data"))
			e.Defer(func() { _ = s.stop() }) // boot reports the error
			reached := reachBy(t, way, s)
			for name, value := range reached.environment {
				e.Setenv(name, value)
			}
			e.Setenv(extraFlags, strings.Join(reached.flags, " "))
			e.Setenv("AGAIN", " "+strings.Join(reached.flags, " "))
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "data" {
				return false, errors.New("the conditions are data and !data")
			}
			return way == "data", nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"lines":      lines,
			"registered": registered,
		},
	})
}

// extraFlags is the variable with flags that every command of a script gets.
const extraFlags = "HOOKLINE_TEST_FLAGS"

// exits runs hookline and demands an exit code: exits 2 token create.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits <code> [<argument>...]")
	}
	// The shell tells the code, which testscript does not.
	err := ts.Exec("sh", append([]string{"-c", `hookline "$@"; test $? = "$0"`}, args...)...)
	if err != nil {
		ts.Fatalf("hookline %s did not exit with %s", strings.Join(args[1:], " "), args[0])
	}
}

// lines demands that standard error of the last command is one line.
func lines(ts *testscript.TestScript, _ bool, _ []string) {
	if text := ts.ReadFile("stderr"); strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "hookline: ") {
		ts.Fatalf("standard error is not one line of hookline's:\n%s", text)
	}
}

// instance is a running server.
type instance struct {
	welcomeResult
	data string
	log  *record.Buffer
	// stop ends it and gives its error. Calling it again gives the same.
	stop func() error
}

// serveArgs is the command line of a server for tests.
func serveArgs(data string, more ...string) []string {
	return append([]string{"hookline", "serve", "--json", "--listen", "127.0.0.1:0", "--data", data}, more...)
}

// boot runs the real program in this process until the test ends. Its log is
// then searched for secrets.
func boot(t testing.TB, data string, more ...string) *instance {
	t.Helper()
	return bootLogged(t, func(*program) {}, data, more...)
}

// bootLogged is boot with something about the program changed.
func bootLogged(t testing.TB, change func(*program), data string, more ...string) *instance {
	t.Helper()
	log := &record.Buffer{}
	s := bootWith(t, change, log, data, more...)
	s.log = log
	t.Cleanup(func() {
		_ = s.stop() // whose error bootWith reports
		s.searchLog(t)
	})
	return s
}

// bootTo runs the real program, which logs to log.
func bootTo(t testing.TB, log io.Writer, data string, more ...string) *instance {
	t.Helper()
	return bootWith(t, func(*program) {}, log, data, more...)
}

// bootWith runs the real program with something about it changed.
func bootWith(t testing.TB, change func(*program), log io.Writer, data string, more ...string) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &instance{data: data}
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		p := testProgram(noSettings, in, log)
		change(p)
		err := p.run(ctx, serveArgs(data, more...))
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("serve did not start: %v", s.stop())
	}
	if err := json.Unmarshal(line, &s.welcomeResult); err != nil {
		t.Fatalf("serve wrote %q: %v", line, err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("serve ended with: %v", err)
		}
	})
	return s
}

func noSettings(string) string { return "" }

// searchLog looks for what must never be logged: tokens and keys by what
// begins them, and bodies by words that stand in all that the tests send.
func (s *instance) searchLog(t testing.TB) {
	t.Helper()
	log := s.log.String()
	forbidden := []string{"hk_", "whsec_", "receiver.example", "example.com", `endpoint_url\"`, "Bearer"}
	for _, d := range s.Demo {
		forbidden = append(forbidden, d.Token)
	}
	for _, word := range forbidden {
		if word != "" && strings.Contains(log, word) {
			t.Errorf("the log holds %q", word)
		}
	}
}

// token is the demo token of an API.
func (s *instance) token(t testing.TB, api string) string {
	t.Helper()
	for _, d := range s.Demo {
		if strings.HasPrefix(d.Account, api+":") {
			return d.Token
		}
	}
	t.Fatalf("no demo account of %s in %+v", api, s.Demo)
	return ""
}

// cli runs a command of the real program as a process of its own and gives its
// standard output.
func cli(t testing.TB, args ...string) string {
	t.Helper()
	text, err := tryCLI(t.Context(), args...)
	if err != nil {
		t.Fatalf("hookline %s: %v", strings.Join(args, " "), err)
	}
	return text
}

func tryCLI(ctx context.Context, args ...string) (string, error) {
	text, err := exec.CommandContext(ctx, "hookline", args...).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", &commandError{failed, string(failed.Stderr)}
	}
	return strings.TrimSpace(string(text)), err
}

// commandError is how a command failed, with what it said.
type commandError struct {
	*exec.ExitError
	said string
}

func (e *commandError) Error() string { return e.ExitError.Error() + ": " + e.said }

// oneEvent is a registration of one event.
func oneEvent(event string) string {
	return `{"url":"https://receiver.example/in","events":["` + event + `"]}`
}

// register sends a registration to AbbeyCross's API and gives the status.
func register(ctx context.Context, client *http.Client, server, token, event string) (int, error) {
	return post(ctx, client, server+"/v1/webhooks/register", oneEvent(event), "Authorization: Bearer "+token, "Content-Type: application/json")
}

// post sends a body with header lines, and gives the status of the answer.
func post(ctx context.Context, client *http.Client, url, body string, header ...string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, err
	}
	return response.StatusCode, nil
}

// newClient gives an HTTP client with connections of its own.
func newClient(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: timeout}
}

// fails runs a command line that must fail, and gives its one line.
func fails(t testing.TB, wantCode int, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	var said, log bytes.Buffer
	code := report(&said, testProgram(noSettings, io.Discard, &log).run(ctx, args))
	line := said.String()
	if code != wantCode || strings.Count(line, "\n") != 1 {
		t.Fatalf("%q: exit code %d with %q, want %d with one line", args, code, line, wantCode)
	}
	if log.Len() > 0 && !strings.Contains(strings.Join(args, " "), "serve") {
		t.Errorf("%q wrote to standard error: %s", args, log.String())
	}
	return line
}

// contains demands words of a text.
func contains(t testing.TB, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
}

// remove deletes a file.
func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
