package sender_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/webhook"
)

// What receivers send and URLs hold in these tests, and no reason may.
const (
	marker = "hostile-marker"
	query  = "?token=hunter2"
)

// timeout is far more than anything takes that ends by itself.
const timeout = 20 * time.Second

// receiver is a server that does with each connection as it is told, and
// counts them. Its connections are closed when the test ends.
type receiver struct {
	net.Listener
	accepted atomic.Int64
}

func newReceiver(t testing.TB, network, address string, serve func(n int64, c net.Conn)) *receiver {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{Listener: l}
	done := make(chan struct{})
	var running sync.WaitGroup
	t.Cleanup(func() {
		close(done)
		l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := r.accepted.Add(1)
			over := make(chan struct{})
			running.Go(func() {
				defer close(over)
				serve(n, c)
			})
			running.Go(func() {
				select {
				case <-done:
				case <-over:
				}
				c.Close()
			})
		}
	})
	return r
}

// url is the receiver's, with a query that must not turn up anywhere.
func (r *receiver) url(scheme string) string {
	return scheme + "://" + r.Addr().String() + "/hook" + query
}

// answering is a receiver that reads one request of each connection and has it
// answered by a function.
func answering(t testing.TB, response func(c net.Conn)) *receiver {
	t.Helper()
	return newReceiver(t, "tcp", "127.0.0.1:0", func(_ int64, c net.Conn) {
		if readRequest(bufio.NewReader(c)) == nil {
			response(c)
		}
	})
}

// saying is a receiver that answers with a text and closes the connection.
func saying(t testing.TB, text string) *receiver {
	t.Helper()
	return answering(t, func(c net.Conn) { _, _ = io.WriteString(c, text) })
}

func readRequest(r *bufio.Reader) error {
	request, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err
}

// Reasons that several tests expect.
const (
	notPublic    = "address is not public"
	noName       = "name could not be resolved"
	noConnection = "could not connect"
	expired      = "certificate has expired or is not valid yet"
	closedOff    = "connection closed without a valid answer"
	malformed    = "answer is malformed, incomplete or has a head larger than 32 KiB"
)

// hold waits for the other side to go away.
func hold(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// open is a client that may go anywhere, as in development.
func open() sender.Config {
	return sender.Config{Version: "1.2.3", AllowHTTP: true, AllowPrivate: true}
}

func newClient(t testing.TB, cfg sender.Config) *sender.Client {
	t.Helper()
	c := sender.New(cfg)
	t.Cleanup(c.Close)
	return c
}

func request(url string) delivery.Request {
	return delivery.Request{
		URL:     url,
		Header:  map[string]string{"Content-Type": "application/json", "webhook-id": "1"},
		Body:    []byte(`{"a":1}`),
		Timeout: timeout,
	}
}

// send makes an attempt and holds what is true of every answer.
func send(t testing.TB, c delivery.Sender, r delivery.Request) delivery.Response {
	t.Helper()
	return sendUnder(t.Context(), t, c, r)
}

func sendUnder(ctx context.Context, t testing.TB, c delivery.Sender, r delivery.Request) delivery.Response {
	t.Helper()
	began := time.Now()
	a := c.Send(ctx, r)
	if took := time.Since(began); took > r.Timeout+timeout/2 {
		t.Errorf("it took %v, %v were allowed", took, r.Timeout)
	}
	success := a.Status >= 200 && a.Status <= 299
	if len(a.Body) > webhook.MaxKeptResponse || success && a.Body != "" {
		t.Errorf("%d bytes of the body of an answer %d are kept", len(a.Body), a.Status)
	}
	a.Body = "" // TestBodyIsKept
	if success != (a.Reason == "") {
		t.Errorf("%+v: a reason stands beside every failure, and beside nothing else", a)
	}
	if len(a.Reason) > 120 {
		t.Errorf("reason %q is %d bytes long", a.Reason, len(a.Reason))
	}
	for _, secret := range []string{marker, "hunter2", "127.0.0", "::1", "hook", "\n", "http:", "net/"} {
		if strings.Contains(a.Reason, secret) {
			t.Errorf("reason %q shows %q", a.Reason, secret)
		}
	}
	if a.RetryAfter < 0 || a.RetryAfter > 24*time.Hour {
		t.Errorf("wait %v", a.RetryAfter)
	}
	return a
}

// await waits for what another goroutine is to say.
func await[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(timeout):
		t.Fatal("it does not come")
		panic("unreachable")
	}
}
