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
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/record"
)

// child is a server in a process of its own.
type child struct {
	instance
	process *os.Process
	ended   chan error // what Wait said
}

// spawn starts the real program and waits until its port is open.
func spawn(t testing.TB, data string, more ...string) *child {
	t.Helper()
	log := &record.Buffer{}
	c := spawnTo(t, log, data, more...)
	c.log = log
	return c
}

// spawnTo starts the real program, which logs to log.
func spawnTo(t testing.TB, log io.Writer, data string, more ...string) *child {
	t.Helper()
	c := spawnCommand(t, log, exec.Command("hookline", serveArgs(data, more...)[1:]...))
	c.data = data
	return c
}

// spawnCommand starts a command that becomes the real program.
func spawnCommand(t testing.TB, log io.Writer, command *exec.Cmd) *child {
	t.Helper()
	c := &child{instance: instance{log: &record.Buffer{}}, ended: make(chan error, 1)}
	if buffer, ok := log.(*record.Buffer); ok {
		c.log = buffer
	}
	command.Stderr = log
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	c.process = command.Process
	t.Cleanup(func() { _ = c.process.Kill() }) // it has ended already, unless the test failed
	line, readErr := bufio.NewReader(out).ReadBytes('\n')
	go func() { c.ended <- command.Wait() }()
	if readErr != nil {
		t.Fatalf("serve did not start: %v: %s", <-c.ended, c.log)
	}
	if err := json.Unmarshal(line, &c.welcomeResult); err != nil {
		t.Fatalf("serve wrote %q: %v", line, err)
	}
	return c
}

// wait gives how the process ended.
func (c *child) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-c.ended:
		return err
	case <-time.After(timeout):
		t.Fatalf("the server does not end: %s", c.log)
		return nil
	}
}

func (c *child) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := c.process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// begin sends a registration up to its body, and returns when the server waits
// for that.
func begin(t testing.TB, server, token, event string) (conn net.Conn, body string) {
	t.Helper()
	conn, body = dial(t, server), oneEvent(event)
	head := "POST /v1/webhooks/register HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token +
		"\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
	response := make([]byte, len(goOn))
	if _, err := io.ReadFull(conn, response); err != nil || string(response) != goOn {
		t.Fatalf("the server says %q, %v", response, err)
	}
	return conn, body
}

// awaitClosed returns when a server takes no connections any more.
func awaitClosed(t testing.TB, server string) {
	t.Helper()
	for end := time.Now().Add(timeout); time.Now().Before(end); {
		conn, err := net.DialTimeout("tcp", hostOf(t, server), timeout)
		if err != nil {
			return
		}
		_ = conn.Close()
	}
	t.Fatal("the server still takes connections")
}

// heedHangUp has programs that the test starts heed SIGHUP, although tests that
// run under nohup pass on that it is ignored.
func heedHangUp(t *testing.T) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(heard) })
}

func TestStopFinishesWhatItBegan(t *testing.T) {
	t.Parallel()
	heedHangUp(t)
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			c := spawn(t, t.TempDir(), "--dev")
			conn, body := begin(t, c.URL, c.token(t, "abbeycross"), "trip.ended")
			c.signal(t, s)
			awaitClosed(t, c.URL)
			if _, err := io.WriteString(conn, body); err != nil {
				t.Fatal(err)
			}
			if status, text := readResponse(t, conn, http.MethodPost); status != http.StatusCreated {
				t.Errorf("the request in flight: %d %s, want 201", status, text)
			}
			if err := c.wait(t); err != nil {
				t.Errorf("serve ended with %v, want exit code 0: %s", err, c.log)
			}
			contains(t, c.log.String(), `"msg":"started"`, `"msg":"stopping"`, `"status":201`, `"msg":"stopped"`)
			c.searchLog(t)
		})
	}
}

// Who starts the server with nohup means it to outlive the terminal.
func TestIgnoredHangUpStaysIgnored(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	c := spawnCommand(t, &record.Buffer{}, exec.Command("sh", append([]string{"-c", `trap "" HUP; exec hookline "$@"`, "sh"}, serveArgs(data)[1:]...)...))
	c.signal(t, syscall.SIGHUP)
	if status, _ := exchange(t, c.URL, "GET", "/healthz"); status != http.StatusOK {
		t.Errorf("health after the signal: %d", status)
	}
	c.signal(t, syscall.SIGTERM)
	if err := c.wait(t); err != nil {
		t.Errorf("serve ended with %v, want exit code 0", err)
	}
	if log := c.log.String(); strings.Contains(log, "hangup") || !strings.Contains(log, "terminated") {
		t.Errorf("the log says what ended it: %s; want the second signal", log)
	}
}

// A receiver ends in order, too, and takes its webhook back.
func TestSignalsEndListen(t *testing.T) {
	t.Parallel()
	heedHangUp(t)
	where := dataDir{data: t.TempDir()}
	boot(t, where.data, "--dev")
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP} {
		command := exec.Command("hookline", "listen", "--listen", "127.0.0.1:0", "--data", where.data, "--account", "squake:demo", "--event", "order")
		said, err := command.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = command.Process.Kill() }) // it has ended already, unless the test failed
		if _, err := bufio.NewReader(said).ReadBytes('\n'); err != nil {
			t.Fatal(err)
		}
		if list := webhooksOf(t, where, "squake:demo"); len(list) != 1 {
			t.Errorf("%v: registered %+v", s, list)
		}
		if err := errors.Join(command.Process.Signal(s), command.Wait()); err != nil {
			t.Errorf("%v: listen ended with %v, want exit code 0", s, err)
		}
		if list := webhooksOf(t, where, "squake:demo"); len(list) != 0 {
			t.Errorf("%v: listen left %+v", s, list)
		}
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	c := spawn(t, t.TempDir(), "--dev")
	begin(t, c.URL, c.token(t, "abbeycross"), "trip.ended")
	c.signal(t, syscall.SIGTERM)
	awaitClosed(t, c.URL)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case err := <-c.ended:
			status, ok := errors.AsType[*exec.ExitError](err)
			if !ok || status.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
				t.Errorf("serve ended with %v, want by the signal", err)
			}
			return
		case <-again.C:
			_ = c.process.Signal(syscall.SIGTERM) // it may have ended just now
		}
	}
}

func TestStopHasAnEnd(t *testing.T) {
	t.Parallel()
	p := testProgram(noSettings, io.Discard, io.Discard)
	p.flags = &globals{Data: t.TempDir()}
	command := &serveCommand{Listen: "127.0.0.1:0", Dev: true}
	s, err := command.boot(t.Context(), p, discardLog())
	if err != nil {
		t.Fatal(err)
	}
	s.timeout = 20 * time.Millisecond
	var shown strings.Builder
	p.stdout, p.flags.JSON = &shown, true
	if err := command.welcome(t.Context(), p, s); err != nil {
		t.Fatal(err)
	}
	var i instance
	if err := json.Unmarshal([]byte(shown.String()), &i.welcomeResult); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	begin(t, i.URL, i.token(t, "abbeycross"), "trip.ended")
	cancel()
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("Run = %v, want that requests were cut off", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
