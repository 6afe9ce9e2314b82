package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/record"
)

// Clients that send nothing, half a header, or nothing more, however many, keep
// nobody out of a process that may have few files open: it answers, and
// delivers.
func TestConnectionsThatWait(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{
		"nothing":     "",
		"half":        "GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
		"one request": "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits for time-outs of a server of its own
			where, log := dataDir{data: t.TempDir()}, &record.Buffer{}
			c := spawnCommand(t, log, exec.Command("sh", append([]string{"-c", `ulimit -n 128 && exec "$@"`, "sh"},
				serveArgs(where.data, "--dev")...)...))
			c.data = where.data
			site := openSite(t)
			squake := customers(t, where, &c.instance, site)[0]
			for range 300 {
				if _, err := io.WriteString(dial(t, c.URL), sent); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				client := newClient(t)
				response, err := get(t, client, c.URL+healthPath)
				if err != nil || response != http.StatusOK {
					t.Fatalf("health: %d, %v", response, err)
				}
				squake.published(t, where)
				squake.verified(t, site.next(t), "")
				client.CloseIdleConnections()
			}
			c.signal(t, os.Interrupt)
			if err := c.wait(t); err != nil {
				t.Errorf("serve ended with %v: %s", err, c.log)
			}
			if text := log.String(); strings.Contains(text, "too many open files") {
				t.Errorf("the server ran out of files: %s", text)
			}
		})
	}
}

func get(t *testing.T, client *http.Client, url string) (status int, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// A connection whose request is being served is not closed for another, which
// waits. The one that has waited longest is.
func TestConnectionsThatServe(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun, release := make(chan struct{}), make(chan struct{})
	limited := limitConnections(listener, 2)
	server := &http.Server{ReadHeaderTimeout: timeout, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			begun <- struct{}{}
			<-release
		}
	})}
	limited.serveOn(server)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(limited) }()
	url := "http://" + listener.Addr().String()
	ask := func(path string) net.Conn {
		conn := dial(t, url)
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	answered := func(conn net.Conn) {
		t.Helper()
		if status, body := readResponse(t, conn, http.MethodGet); status != http.StatusOK {
			t.Errorf("answer %d %s", status, body)
		}
	}
	first := ask("/long")
	<-begun
	idle := ask("/")
	answered(idle)
	second := ask("/long") // in the place of the idle one
	<-begun
	if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the idle connection: %v, want it closed", err)
	}
	third := ask("/") // waits
	close(release)
	answered(first)
	answered(second)
	answered(third)
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve = %v", err)
	}
}

// Close ends an Accept that waits for room.
func TestConnectionsClose(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limited := limitConnections(listener, 1)
	url := "http://" + listener.Addr().String()
	dial(t, url)
	conn, err := limited.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.(*connection).begin()
	dial(t, url)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := limited.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	if err := limited.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(timeout):
		t.Error("Accept still waits")
	}
}

func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	for files, want := range map[uint64]int{0: 1, 128: 32, 1024: 256, 2048: 960, 4096: 3008, 20_000: 4096, 1<<63 - 1: 4096} {
		if got := connectionLimit(files); got != want {
			t.Errorf("with %d files %d connections, want %d", files, got, want)
		}
	}
}
