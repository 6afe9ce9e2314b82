package sender_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
)

// TestHostileResponses answers with a text and closes the connection.
func TestHostileResponses(t *testing.T) {
	const ok = "HTTP/1.1 200 " + marker + "\r\n"
	page := strings.Repeat(marker, 1000)
	for name, test := range map[string]struct {
		text   string
		status int
		reason string
	}{
		"no answer":                 {"", 0, closedOff},
		"half a status line":        {"HTTP/1.1 20", 0, malformed},
		"half a head":               {ok + "X-A: " + marker, 0, malformed},
		"not HTTP":                  {marker + "\r\n\r\n", 0, malformed},
		"SSH":                       {"SSH-2.0-" + marker + "\r\n", 0, malformed},
		"status of letters":         {"HTTP/1.1 abc OK\r\n\r\n", 0, malformed},
		"status of two digits":      {"HTTP/1.1 20 OK\r\n\r\n", 0, malformed},
		"negative status":           {"HTTP/1.1 -20 OK\r\n\r\n", 0, malformed},
		"version":                   {"HTTP/11 200 OK\r\n\r\n", 0, malformed},
		"header without a colon":    {ok + marker + "\r\n\r\n", 0, malformed},
		"lengths that differ":       {ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 0, malformed},
		"negative length":           {ok + "Content-Length: -1\r\n\r\n", 0, malformed},
		"huge length":               {ok + "Content-Length: 99999999999999999999\r\n\r\n", 0, malformed},
		"huge header":               {ok + "X-A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", 0, malformed},
		"many headers":              {ok + strings.Repeat("X-A: "+marker+"\r\n", 1<<14) + "\r\n", 0, malformed},
		"huge status line":          {"HTTP/1.1 200 " + strings.Repeat("a", 1<<20) + "\r\n\r\n", 0, malformed},
		"flood of 1xx":              {strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+marker+"\r\n\r\n", 1<<12) + ok + "\r\n", 0, malformed},
		"flood of bare 1xx":         {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1<<14) + ok + "\r\n", 0, malformed},
		"only 1xx":                  {"HTTP/1.1 100 Continue\r\n\r\n", 0, malformed},
		"some 1xx":                  {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok + "\r\n", 200, ""},
		"another protocol":          {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + marker, 101, "answered 101"},
		"101 alone":                 {"HTTP/1.1 101 x\r\n\r\n" + marker, 101, "answered 101"},
		"status 999":                {"HTTP/1.1 999 " + marker + "\r\n\r\n", 999, "answered 999"},
		"status 000":                {"HTTP/1.1 000 " + marker + "\r\n\r\n", 0, malformed},
		"HTTP/1.0":                  {"HTTP/1.0 200 OK\r\n\r\n" + marker, 200, ""},
		"length too long":           {ok + "Content-Length: 100\r\n\r\n" + marker, 200, ""},
		"length too short":          {ok + "Content-Length: 3\r\n\r\n" + page, 200, ""},
		"long body cut off later":   {ok + "Content-Length: 1000000\r\n\r\n" + page, 200, ""},
		"bad chunk":                 {ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + marker, 200, ""},
		"huge chunk size":           {ok + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("f", 40) + "\r\n" + marker, 200, ""},
		"chunks without an end":     {ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", 200, ""},
		"endless chunk extension":   {ok + "Transfer-Encoding: chunked\r\n\r\n1;" + page + page + "\r\n", 200, ""},
		"chunks":                    {ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, ""},
		"trailers":                  {ok + "Trailer: X-A\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: " + marker + "\r\nX-B: " + marker + "\r\n\r\n", 200, ""},
		"huge trailer":              {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: " + page + "\r\n\r\n", 200, ""},
		"many trailers":             {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X-A: b\r\n", 1<<14) + "\r\n", 200, ""},
		"unknown transfer encoding": {ok + "Transfer-Encoding: gzip\r\n\r\n" + marker, 0, malformed},
		"204 with a body":           {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 204, ""},
		"304":                       {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "answered 304"},
		"two answers":               {ok + "Content-Length: 0\r\n\r\nHTTP/1.1 500 " + marker + "\r\n\r\n", 200, ""},
		"failure that breaks off":   {"HTTP/1.1 410 Gone\r\nContent-Length: 100\r\n\r\n", 410, "answered 410"},
		"failure with a bad chunk":  {"HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + marker, 500, "answered 500"},
		"LF alone":                  {"HTTP/1.1 503 x\n\n", 503, "answered 503"},
		"gzip that is none":         {ok + "Content-Encoding: gzip\r\nContent-Length: 14\r\n\r\n" + marker, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := saying(t, test.text)
			want := delivery.Response{Status: test.status, Reason: test.reason}
			if got := send(t, newClient(t, open()), request(r.url("http"))); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if n := r.accepted.Load(); n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
		})
	}
}

// tooMuch is more than the system's buffers hold of a body that is not read.
const tooMuch = 64 << 20

// endless writes a text again and again until the other side goes away,
// or has read too much, and says how many bytes that took.
func endless(c net.Conn, text string) int {
	total := 0
	for {
		n, err := io.WriteString(c, text)
		if total += n; err != nil || total > tooMuch {
			return total
		}
	}
}

// TestBombs holds that of a body nothing is read for long after 4 KiB, nor
// decompressed.
func TestBombs(t *testing.T) {
	var bomb strings.Builder
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 4<<20))
	_ = z.Close()
	for name, test := range map[string]struct{ head, body string }{
		"endless":        {"", strings.Repeat(marker, 100)},
		"endless chunks": {"Transfer-Encoding: chunked\r\n", "e\r\n" + marker + "\r\n"},
		"gzip":           {"Content-Encoding: gzip\r\n", bomb.String()},
		"unasked brotli": {"Content-Encoding: br\r\n", strings.Repeat("\x00", 1000)},
	} {
		t.Run(name, func(t *testing.T) { readsLittle(t, newClient(t, open()), test.head, test.body, timeout) })
	}
}

// readsLittle answers with a body that has no end.
func readsLittle(t testing.TB, s delivery.Sender, head, body string, timeout time.Duration) {
	t.Helper()
	written := make(chan int, 1)
	r := answering(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+head+"\r\n")
		written <- endless(c, body)
	})
	attempt := request(r.url("http"))
	attempt.Timeout = timeout
	if got := send(t, s, attempt); got != (delivery.Response{Status: 200}) {
		t.Errorf("got %+v", got)
	}
	if n := await(t, written); n > tooMuch {
		t.Errorf("the receiver could send %d bytes", n)
	}
}

// TestSlowReceivers lets the time of an attempt run out in each of its parts.
func TestSlowReceivers(t *testing.T) {
	const late = "no answer within 50 ms"
	drip := func(c net.Conn, text string) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
	for name, test := range map[string]struct {
		scheme, head string
		drip         string
		want         delivery.Response
	}{
		"no answer":      {"http", "", "", delivery.Response{Reason: late}},
		"half a head":    {"http", "HTTP/1.1 200 OK\r\nX-A: ", "", delivery.Response{Reason: late}},
		"slow head":      {"http", "HTTP/1.1 200 OK\r\nX-A: ", "a", delivery.Response{Reason: late}},
		"slow 1xx":       {"http", "", "HTTP/1.1 102 Processing\r\n\r\n", delivery.Response{Reason: late}},
		"no body":        {"http", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "", delivery.Response{Status: 200}},
		"slow body":      {"http", "HTTP/1.1 201 OK\r\n\r\n", "a", delivery.Response{Status: 201}},
		"slow chunks":    {"http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n", delivery.Response{Status: 200}},
		"slow failure":   {"http", "HTTP/1.1 503 x\r\nRetry-After: 7\r\n\r\n", "a", delivery.Response{Status: 503, Reason: "answered 503", RetryAfter: 7 * time.Second}},
		"switched":       {"http", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "a", delivery.Response{Status: 101, Reason: "answered 101"}},
		"slow handshake": {"https", "", "", delivery.Response{Reason: late}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, "tcp", "127.0.0.1:0", func(_ int64, c net.Conn) {
				if test.scheme == "http" && readRequest(bufio.NewReader(c)) != nil {
					return
				}
				_, _ = io.WriteString(c, test.head)
				if test.drip != "" {
					drip(c, test.drip)
				}
				hold(c)
			})
			q := request(r.url(test.scheme))
			q.Timeout = 50 * time.Millisecond
			if got := send(t, newClient(t, open()), q); got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// TestSlowReader sends more than the system's buffers hold to a receiver that
// does not read it.
func TestSlowReader(t *testing.T) {
	done := make(chan struct{})
	r := newReceiver(t, "tcp", "127.0.0.1:0", func(int64, net.Conn) { <-done })
	defer close(done)
	q := request(r.url("http"))
	q.Body, q.Timeout = make([]byte, 64<<20), 100*time.Millisecond
	if got := send(t, newClient(t, open()), q); got.Reason != "no answer within 100 ms" {
		t.Errorf("got %+v", got)
	}
}

// TestResponseBeforeTheWholeRequest has receivers answer a request that they do
// not read, and then wait or close the connection while it is written.
func TestResponseBeforeTheWholeRequest(t *testing.T) {
	for name, then := range map[string]func(net.Conn){"wait": hold, "close": func(net.Conn) {}} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, "tcp", "127.0.0.1:0", func(_ int64, c net.Conn) {
				_, _ = c.Read(make([]byte, 1000))
				_, _ = io.WriteString(c, "HTTP/1.1 413 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				then(c)
			})
			c := newClient(t, open())
			for range 20 {
				q := request(r.url("http"))
				q.Body = make([]byte, 1<<20)
				if got := send(t, c, q); got.Status != 413 {
					t.Errorf("got %+v", got)
				}
			}
		})
	}
}

func TestReset(t *testing.T) {
	r := answering(t, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) })
	if got := send(t, newClient(t, open()), request(r.url("http"))); got.Reason != closedOff {
		t.Errorf("got %+v", got)
	}
}

func TestNobodyThere(t *testing.T) {
	r := saying(t, "")
	r.Close()
	if got := send(t, newClient(t, open()), request(r.url("http"))); got.Reason != noConnection {
		t.Errorf("got %+v", got)
	}
}

// TestInterrupted ends the caller's context in each part of an attempt.
func TestInterrupted(t *testing.T) {
	want := delivery.Response{Reason: "interrupted", Interrupted: true}
	t.Run("head", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := answering(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			cancel()
			hold(c)
		})
		if got := sendUnder(ctx, t, newClient(t, open()), request(r.url("http"))); got != want {
			t.Errorf("got %+v", got)
		}
		if got := sendUnder(ctx, t, newClient(t, open()), request(r.url("http"))); got != want {
			t.Errorf("after the end: got %+v", got)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		r := answering(t, hold)
		if got := sendUnder(ctx, t, newClient(t, open()), request(r.url("http"))); got != want {
			t.Errorf("got %+v", got)
		}
	})
	for _, status := range []int{200, 410} {
		t.Run(fmt.Sprint("not after ", status), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			r := answering(t, func(c net.Conn) {
				_, _ = fmt.Fprintf(c, "HTTP/1.1 %d x\r\nContent-Length: 9\r\n\r\n", status)
				hold(c)
			})
			if got := sendUnder(ctx, t, newClient(t, open()), request(r.url("http"))); got.Status != status || got.Interrupted {
				t.Errorf("got %+v", got)
			}
		})
	}
	for _, want := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		cfg := open()
		cfg.Connecting = func(netip.AddrPort) error { return want }
		if got := send(t, newClient(t, cfg), request("http://127.0.0.1:1/")); !got.Interrupted {
			t.Errorf("%v: got %+v", want, got)
		}
		cfg = open()
		cfg.Resolver = &net.Resolver{PreferGo: true, Dial: func(_ context.Context, network, _ string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("socket", want)}
		}}
		if got := send(t, newClient(t, cfg), request("http://name.test/")); !got.Interrupted {
			t.Errorf("look-up, %v: got %+v", want, got)
		}
	}
}

// TestTimeouts holds how a time is written.
func TestTimeouts(t *testing.T) {
	r := answering(t, hold)
	for timeout, want := range map[time.Duration]string{
		time.Second: "1 s", 20 * time.Millisecond: "20 ms", 0: "0 s", -time.Second: "-1 s",
	} {
		q := request(r.url("http"))
		q.Timeout = timeout
		if got := send(t, newClient(t, open()), q); got.Reason != fmt.Sprintf("no answer within %s", want) {
			t.Errorf("%v: got %+v", timeout, got)
		}
	}
}
