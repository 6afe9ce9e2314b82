package sender_test

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
)

// TestMain keeps what net/http writes about strangers' answers out of the way.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

func nothing() *log.Logger { return log.New(io.Discard, "", 0) }

const okay = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

// turns is a receiver that says one text after the other on each connection,
// and closes it in place of an empty one.
func turns(t *testing.T, say func(conn int64, n int) string) *receiver {
	t.Helper()
	return newReceiver(t, "tcp", "127.0.0.1:0", func(conn int64, c net.Conn) {
		r := bufio.NewReader(c)
		for n := 0; readRequest(r) == nil; n++ {
			text := say(conn, n)
			if text == "" {
				return
			}
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	})
}

func TestReusedConnections(t *testing.T) {
	for name, test := range map[string]struct {
		say   func(conn int64, n int) string
		want  []string
		conns int64
	}{
		"kept": {
			func(int64, int) string { return okay },
			[]string{"", "", ""}, 1,
		},
		"kept after a failure": {
			func(int64, int) string { return "HTTP/1.1 500 x\r\nContent-Length: 1\r\n\r\na" },
			[]string{"answered 500", "answered 500"}, 1,
		},
		"not after half a body": {
			func(int64, int) string { return "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + okay },
			[]string{"", ""}, 2,
		},
		"not after a bad chunk": {
			func(int64, int) string {
				return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nHTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"
			},
			[]string{"", ""}, 2,
		},
		"not after more than 4 KiB": {
			func(int64, int) string {
				return "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat("a", 5000)
			},
			[]string{"", ""}, 2,
		},
		"closed between": {
			func(conn int64, n int) string {
				if conn == 1 && n == 1 {
					return ""
				}
				return okay
			},
			[]string{"", ""}, 2,
		},
		"never twice in an attempt": {
			func(conn int64, n int) string {
				if conn == 2 || n == 1 {
					return ""
				}
				return okay
			},
			[]string{"", closedOff}, 2,
		},
		"not on a new connection": {
			func(int64, int) string { return "" },
			[]string{closedOff, closedOff}, 2,
		},
		"not after a byte of an answer": {
			func(_ int64, n int) string {
				if n == 1 {
					return "H"
				}
				return okay
			},
			[]string{"", "no answer within 100 ms"}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := turns(t, test.say)
			c := newClient(t, open())
			for i, want := range test.want {
				q := request(r.url("http"))
				if strings.HasPrefix(want, "no answer") || strings.HasSuffix(name, "half a body") {
					q.Timeout = 100 * time.Millisecond
				}
				if got := send(t, c, q); got.Reason != want {
					t.Errorf("attempt %d: got %+v, want %q", i, got, want)
				}
			}
			if n := r.accepted.Load(); n != test.conns {
				t.Errorf("%d connections, want %d", n, test.conns)
			}
		})
	}
}

// TestConnectionsJustClosed has many attempts at once meet connections that the
// receiver closes without a word after an answer or two. Each of them is made
// again on a new connection, and none is called interrupted.
func TestConnectionsJustClosed(t *testing.T) {
	r := newReceiver(t, "tcp", "127.0.0.1:0", func(conn int64, c net.Conn) {
		b := bufio.NewReader(c)
		for n := int64(0); n <= conn%3 && readRequest(b) == nil; n++ {
			if _, err := io.WriteString(c, okay); err != nil {
				return
			}
		}
	})
	const workers, each = 16, 100
	c := newClient(t, open())
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for range each {
				if got := c.Send(t.Context(), request(r.url("http"))); got != (delivery.Response{Status: 200}) {
					t.Errorf("got %+v", got)
				}
			}
		})
	}
	wait.Wait()
	if n := r.accepted.Load(); n < workers*each/3 {
		t.Errorf("%d connections for %d attempts: none was closed", n, workers*each)
	}
}

// TestConnectionsOfBeforeAFreeze lets the wall clock go on while no timer runs.
func TestConnectionsOfBeforeAFreeze(t *testing.T) {
	var clock atomic.Int64
	clock.Store(time.Date(2025, 11, 24, 8, 0, 0, 0, time.UTC).UnixNano())
	r := turns(t, func(int64, int) string { return okay })
	cfg := open()
	cfg.Now = func() time.Time { return time.Unix(0, clock.Load()) }
	c := newClient(t, cfg)
	for i, step := range []struct {
		ahead time.Duration
		conns int64
	}{
		{0, 1}, {30 * time.Second, 1}, {31 * time.Second, 2}, {29 * time.Second, 2}, {8 * time.Hour, 3}, {-time.Hour, 3},
	} {
		clock.Add(int64(step.ahead))
		if got := send(t, c, request(r.url("http"))); got.Status != 200 {
			t.Errorf("got %+v", got)
		}
		if n := r.accepted.Load(); n != step.conns {
			t.Errorf("step %d: %d connections, want %d", i, n, step.conns)
		}
	}
}

// TestManyAtOnce holds that attempts at one receiver do not wait for each other:
// it answers the first ones once all have come. Connections are shared, and none
// is left with its goroutines when the client is closed.
func TestManyAtOnce(t *testing.T) {
	const workers, each = 32, 50
	var conns sync.Map
	var arrived atomic.Int64
	all := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if arrived.Add(1) == workers {
			close(all)
		}
		select {
		case <-all:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	var opened atomic.Int64
	server.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
			conns.Store(c, s)
		}
	}
	server.Start()
	defer server.Close()
	c := newClient(t, open())
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for range each {
				if got := c.Send(t.Context(), request(server.URL)); got != (delivery.Response{Status: 204}) {
					t.Errorf("got %+v", got)
					return
				}
			}
		})
	}
	wait.Wait()
	if n := opened.Load(); n > 4*workers {
		t.Errorf("%d connections for %d workers", n, workers)
	}
	awaitNoConnection(t, c)
}

// TestNothingIsLeft ends attempts in every way that leaves something behind
// for a while.
func TestNothingIsLeft(t *testing.T) {
	r := newReceiver(t, "tcp", "127.0.0.1:0", func(_ int64, c net.Conn) { hold(c) })
	c := newClient(t, open())
	var wait sync.WaitGroup
	for range 20 {
		for _, head := range []string{"", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"} {
			slow := newReceiver(t, "tcp", "127.0.0.1:0", func(_ int64, c net.Conn) { _, _ = io.WriteString(c, head); hold(c) })
			for _, url := range []string{r.url("http"), slow.url("http")} {
				wait.Go(func() {
					q := request(url)
					q.Timeout = 20 * time.Millisecond
					_ = c.Send(t.Context(), q)
				})
			}
		}
	}
	wait.Wait()
	awaitNoConnection(t, c)
}

// awaitNoConnection closes a client and waits until no goroutine of a
// connection is left. A connection of HTTP/2 counts as in use for a moment
// after its last answer, so that one Close may miss it.
func awaitNoConnection(t *testing.T, c *sender.Client) {
	t.Helper()
	limit := time.Now().Add(timeout)
	for {
		c.Close()
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left := 0
		for _, owner := range []string{"persistConn", "Transport", "http2ClientConn", "http2clientConnReadLoop"} {
			left += strings.Count(string(stacks), "net/http.(*"+owner+")")
		}
		if left == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d goroutines are left:\n%s", left, stacks)
		}
		<-time.After(time.Millisecond)
	}
}
