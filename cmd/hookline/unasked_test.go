package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What a receiver sends unasked, on a connection that is kept for the next
// delivery, does not reach the server's log.
func TestUnaskedTextIsNotLogged(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go respondAndGoOn(listener)
	c := spawn(t, t.TempDir(), "--dev")
	mustRespond(t, http.StatusCreated, "POST", c.URL+"/v2/webhooks",
		`{"kind":"order","endpoint_url":"http://`+listener.Addr().String()+`/"}`, "Authorization: Bearer "+c.token(t, "squake"))
	cli(t, "publish", "--account", "squake:demo", "--event", "order", "--data", c.data)
	const logged = "Unsolicited response received on idle HTTP channel"
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(timeout); !strings.Contains(c.log.String(), logged); <-again.C {
		if time.Now().After(end) {
			t.Fatalf("the log does not say what came: %s", c.log)
		}
	}
	if log := c.log.String(); strings.Contains(log, "hunter2") || !strings.Contains(log, `"msg":"`+logged) {
		t.Errorf("the log holds what came, or is no JSON: %s", log)
	}
}

// respondAndGoOn answers each request, and says more after the answer's end.
func respondAndGoOn(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 hunter2\r\n\r\n")
		}
	}
}
