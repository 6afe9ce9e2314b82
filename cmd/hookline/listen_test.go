package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hookline/hookline/internal/test/record"
)

// Signing keys as AbbeyCross shows them.
const (
	listenKey  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/2nEE2sC9E="
	retiredKey = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
)

// receiving is a running hookline listen.
type receiving struct {
	url   string
	lines chan string // of standard output
	log   *record.Buffer
	// stop ends it and gives its error. Calling it again gives the same.
	stop func() error
}

// startListen runs the real program in this process until the test ends. No
// key may be in what it writes.
func startListen(t testing.TB, args ...string) *receiving {
	t.Helper()
	return startListenWith(t, noSettings, args...)
}

// startListenWith is startListen with variables of the environment.
func startListenWith(t testing.TB, getenv func(string) string, args ...string) *receiving {
	t.Helper()
	l := &receiving{lines: make(chan string, 1000)}
	out, stdout := io.Pipe()
	l.log, l.url, l.stop = listenTo(t, getenv, stdout, args...)
	go func() {
		defer close(l.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			l.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		if err := l.stop(); err != nil {
			t.Errorf("listen ended with: %v", err)
		}
		_ = stdout.Close()
		text := l.log.String() + l.rest()
		for _, key := range []string{listenKey[6:], retiredKey[6:]} {
			if strings.Contains(text, key) {
				t.Errorf("a key stands in the output:\n%s", text)
			}
		}
	})
	return l
}

// listenTo runs the real program, whose results go to stdout.
func listenTo(t testing.TB, getenv func(string) string, stdout io.Writer, args ...string) (log *record.Buffer, url string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	said, stderr := io.Pipe()
	log = &record.Buffer{}
	go func() {
		err := testProgram(getenv, stdout, io.MultiWriter(log, stderr)).run(ctx, append([]string{"hookline", "listen", "--listen", "127.0.0.1:0"}, args...))
		_ = stderr.Close()
		ended <- err
	}()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	reader := bufio.NewReader(said)
	line, err := reader.ReadString('\n')
	if err != nil {
		t.Fatalf("listen did not start: %v", stop())
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }() // the transcript keeps it
	return log, addressIn(t, line), stop
}

// addressIn finds the URL in the line that listen begins with.
func addressIn(t testing.TB, line string) string {
	t.Helper()
	url, found := strings.CutPrefix(line, "Listening at ")
	url, _, more := strings.Cut(url, ": ")
	if !found || !more {
		t.Fatalf("listen began with %q", line)
	}
	return url
}

// rest is the standard output that no one has read; it ends when listen does.
func (l *receiving) rest() string {
	var text strings.Builder
	for line := range l.lines {
		text.WriteString(line + "\n")
	}
	return text.String()
}

// shown is a line of listen --json.
type shown struct {
	Time     time.Time         `json:"time"`
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	ID       string            `json:"id"`
	Seen     int               `json:"seen"`
	Event    string            `json:"event"`
	Account  string            `json:"account"`
	Verified bool              `json:"verified"`
	Scheme   string            `json:"scheme"`
	Reason   string            `json:"reason"`
	Status   int               `json:"status"`
	Forward  string            `json:"forwarded"`
	Headers  map[string]string `json:"headers"`
	Body     json.RawMessage   `json:"body"`
}

func (l *receiving) next(t testing.TB) shown {
	t.Helper()
	var s shown
	select {
	case line := <-l.lines:
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("listen wrote %q: %v", line, err)
		}
	case <-time.After(timeout):
		t.Fatal("listen shows nothing")
	}
	return s
}

// signedHeader are the header lines of a delivery that keys have signed.
func signedHeader(t testing.TB, at time.Time, body string, keys ...string) []string {
	t.Helper()
	var signatures []string
	for _, key := range keys {
		signer, err := standardwebhooks.NewWebhook(key)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := signer.Sign("msg_1", at, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		signatures = append(signatures, signature)
	}
	return []string{
		"webhook-id: msg_1",
		"webhook-timestamp: " + strconv.FormatInt(at.Unix(), 10),
		"webhook-signature: " + strings.Join(signatures, " "),
		"Content-Type: application/json",
	}
}

func TestListenVerifies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("\n"+retiredKey+"\r\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const body = `{"type":"trip.ended","timestamp":"2026-01-15T12:00:00Z","data":{"n":1}}`
	l := startListen(t, "--json", "--key", listenKey, "--key", "@"+path, "--status", "202", "--fail-first", "1")
	client, now := newClient(t), time.Now()
	for i, tt := range []struct {
		header []string
		body   string
		status int
		reason string // part of it; empty for verified
	}{
		{signedHeader(t, now, body, listenKey), body, 500, ""},
		{signedHeader(t, now, body, retiredKey), body, 202, ""},
		{signedHeader(t, now, body, "whsec_"+strings.Repeat("B", 40), listenKey), body, 202, ""},
		{signedHeader(t, now, body, listenKey), strings.Replace(body, "1}", "2}", 1), 202, "matches none of the 2 keys"},
		{signedHeader(t, now, body, "whsec_"+strings.Repeat("B", 40)), body, 202, "matches none of the 2 keys"},
		{signedHeader(t, now.Add(-time.Hour), body, listenKey), body, 202, "old, more than 5 minutes"},
		{nil, body, 202, "no signature"},
	} {
		status, err := post(t.Context(), client, l.url+"/in?n="+strconv.Itoa(i), tt.body, tt.header...)
		if err != nil || status != tt.status {
			t.Errorf("delivery %d: %d, %v, want %d", i, status, err, tt.status)
		}
		s := l.next(t)
		if s.Verified != (tt.reason == "") || !strings.Contains(s.Reason, tt.reason) {
			t.Errorf("delivery %d: verified %t, %q, want %q", i, s.Verified, s.Reason, tt.reason)
		}
		if s.Path != "/in?n="+strconv.Itoa(i) || s.Method != http.MethodPost || s.Event != "trip.ended" || s.Status != tt.status || string(s.Body) != tt.body {
			t.Errorf("delivery %d is shown as %+v", i, s)
		}
		if tt.header != nil && (s.ID != "msg_1" || s.Seen != i+1 || s.Scheme == "" && s.Verified || s.Headers["webhook-id"] != "msg_1") {
			t.Errorf("delivery %d is shown as %+v", i, s)
		}
		if now := time.Now(); s.Time.After(now) || now.Sub(s.Time) > timeout {
			t.Errorf("delivery %d came at %v", i, s.Time)
		}
	}
}

func TestListenWithoutKey(t *testing.T) {
	t.Parallel()
	l := startListen(t)
	contains(t, l.log.String(), "Without --key no signature is verified")
	if status, err := post(t.Context(), newClient(t), l.url, "{}", signedHeader(t, time.Now(), "{}", listenKey)...); err != nil || status != http.StatusOK {
		t.Errorf("%d, %v, want 200", status, err)
	}
	if err := l.stop(); err != nil {
		t.Error(err)
	}
	l2 := <-l.lines
	contains(t, l2+<-l.lines, " POST /", "not checked: no key given")
	if strings.Contains(l2, "\x1b") {
		t.Errorf("colours in what is no terminal: %q", l2)
	}
}

// A sender may break off, or send what no one would.
func TestListenToBadSenders(t *testing.T) {
	t.Parallel()
	l := startListen(t, "--json", "--key", listenKey)
	for _, head := range []string{
		"POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
		"POST /in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"\x16\x03\x01\x02\x00\x01",
	} {
		conn := dial(t, l.url)
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	conn := dial(t, l.url)
	if _, err := io.WriteString(conn, "PUT /\xc2\x9b2J HTTP/1.1\r\nHost: a\r\nwebhook-id: \x9b\r\nConnection: close\r\nContent-Length: 4\r\n\r\n\x1b[2J"); err != nil {
		t.Fatal(err)
	}
	if status, text := readResponse(t, conn, http.MethodPut); status != http.StatusOK {
		t.Errorf("%d %s, want 200", status, text)
	}
	if s := l.next(t); s.Method != http.MethodPut || s.Path != "/\u009b2J" || string(s.Body) != `"\u001b[2J"` {
		t.Errorf("shown as %+v", s)
	}
	if status, err := post(t.Context(), newClient(t), l.url, strings.Repeat("a", 1<<20+1)); err == nil && status != http.StatusRequestEntityTooLarge {
		t.Errorf("too large a body: %d, want 413", status)
	}
	if s := l.next(t); s.Status != http.StatusRequestEntityTooLarge || s.Verified || s.Body != nil {
		t.Errorf("too large a body is shown as %+v", s)
	}
}

// What cannot be shown is not received.
func TestListenEndsWithItsOutput(t *testing.T) {
	t.Parallel()
	out, stdout := io.Pipe()
	_ = out.Close()
	_, url, stop := listenTo(t, noSettings, stdout)
	if status, err := post(t.Context(), newClient(t), url, "{}"); err == nil && status != http.StatusInternalServerError {
		t.Errorf("%d, want 500", status)
	}
	awaitClosed(t, url)
	if err := stop(); err == nil || report(io.Discard, err) != exitFailed || !strings.Contains(err.Error(), "write a delivery: io: read/write on closed pipe") {
		t.Errorf("listen ended with %v, want that it cannot write", err)
	}
}

// An interrupt ends a delay and the program, which exits with 0 and leaves
// nothing behind.
func TestListenStops(t *testing.T) {
	t.Parallel()
	command := exec.Command("hookline", "listen", "--listen", "127.0.0.1:0", "--delay", "1h", "--json")
	command.Dir = t.TempDir()
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() }) // it has ended already, unless the test failed
	said := bufio.NewReader(stderr)
	line, err := said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, addressIn(t, line))
	if _, err := io.WriteString(conn, "POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil { // it waits now
		t.Fatal(err)
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if status, text := readResponse(t, conn, http.MethodPost); status != http.StatusServiceUnavailable {
		t.Errorf("the delivery that waits: %d %s, want 503", status, text)
	}
	rest, err := io.ReadAll(said)
	if err := errors.Join(err, command.Wait()); err != nil {
		t.Errorf("listen ended with %v, want exit code 0: %s", err, rest)
	}
	if left, err := os.ReadDir(command.Dir); err != nil || len(left) > 0 {
		t.Errorf("listen left %v, %v", left, err)
	}
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	line := fails(t, exitFailed, "hookline", "listen", "--listen", taken.Addr().String())
	contains(t, line, "the port is in use", "choose another with --listen")

	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "@" + path
	}
	for _, tt := range []struct {
		code int
		args []string
		want string
	}{
		{exitUsage, []string{"--key", "hunter2hunter2"}, "--key: not a signing key"},
		{exitUsage, []string{"--key", listenKey, "--key", "hunter2hunter2"}, "--key number 2: not a signing key"},
		{exitUsage, []string{"--key", write("bad", listenKey+"\nhunter2hunter2\n")}, "not a signing key"},
		{exitUsage, []string{"--key", write("empty", " \n")}, "it contains no key"},
		{exitUsage, []string{"--key", ""}, "it contains no key"},
		{exitFailed, []string{"--key", "@" + filepath.Join(dir, "none")}, "read the signing key: open"},
		{exitFailed, []string{"--key", "@" + dir}, "is a directory"},
		{exitFailed, []string{"--key", write("large", strings.Repeat(" ", maxKeyFile+1))}, "larger than 64 KiB"},
	} {
		line := fails(t, tt.code, append([]string{"hookline", "listen", "--listen", "127.0.0.1:0"}, tt.args...)...)
		contains(t, line, tt.want)
		if strings.Contains(line, "hunter2") || strings.Contains(line, listenKey[6:]) {
			t.Errorf("the error quotes a key: %s", line)
		}
	}
}
