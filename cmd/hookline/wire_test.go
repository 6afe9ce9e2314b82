package main

import (
	"bufio"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/keygen"
)

func newKeys() *keygen.Generator { return keygen.New(rand.Reader, time.Now) }

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// dial opens a connection to a server.
func dial(t testing.TB, server string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", hostOf(t, server), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
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

// readAnswer reads the answer to a request of that method.
func readAnswer(t testing.TB, conn net.Conn, method string) (status int, body string) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
