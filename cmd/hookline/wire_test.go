package main

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"
)

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// dial opens a connection to a server.
func dial(t testing.TB, server string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", hostOf(t, server), timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func hostOf(t testing.TB, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// readResponse reads the answer to a request of that method.
func readResponse(t testing.TB, conn net.Conn, method string) (status int, body string) {
	t.Helper()
	response := readWhole(t, conn, method)
	return response.status, response.body
}

// readWhole reads it with its headers.
func readWhole(t testing.TB, conn net.Conn, method string) fetched {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fetched{response.StatusCode, response.Header, string(text)}
}
