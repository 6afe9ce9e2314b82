package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/hookline/hookline/pkg/webhook"
)

// benchClients is how many clients register at once, each on a connection that
// it keeps.
const benchClients = 16

// BenchmarkServe measures the whole server: durable registrations over TCP
// into SQLite, one event each, and how long a client waits for its 201. As a
// yardstick the same clients then ask a bare HTTP server that stores nothing.
func BenchmarkServe(b *testing.B) {
	data := b.TempDir()
	log, err := os.Create(filepath.Join(data, "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	s := bootTo(b, log, data)
	register := benchRequest{path: "/v1/webhooks/register", body: oneEvent("bench.trip." + benchDigits), want: http.StatusCreated}
	clients := newBenchClients(b, s.URL, func(number int) benchRequest {
		own := register
		// A client may send twice as many requests as others.
		for i := range 2*b.N/benchClients/webhook.MaxWebhooks + 1 {
			account := fmt.Sprintf("abbeycross:bench-%d-%d", number, i)
			cli(b, "account", "create", account, "--data", s.data)
			own.tokens = append(own.tokens, cli(b, "token", "create", "--account", account, "--data", s.data))
		}
		own.token = own.tokens[0]
		return own
	})
	bare := newBenchClients(b, newBareServer(b), func(int) benchRequest { return register })
	b.ReportAllocs()
	b.ResetTimer()
	rate, waits := measure(b, clients, b.N)
	b.StopTimer()
	b.ReportMetric(rate, "registrations/s")
	b.ReportMetric(float64(waits.ValueAtQuantile(50))/1000, "p50-ms")
	b.ReportMetric(float64(waits.ValueAtQuantile(99))/1000, "p99-ms")
	bareRate, _ := measure(b, bare, b.N)
	b.ReportMetric(rate/bareRate, "of-bare-http")
}

// newBareServer reads each request and answers 201 with a short body.
func newBareServer(b *testing.B) (url string) {
	b.Helper()
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"message":"Webhook registered successfully."}`)
	}))
	b.Cleanup(bare.Close)
	return bare.URL
}

// measure lets the clients send n requests: so many a second, and how long each
// of them has waited so far.
func measure(b *testing.B, clients []*benchClient, n int) (perSecond float64, waits *hdrhistogram.Histogram) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	begin := time.Now()
	for _, c := range clients {
		all.Go(func() {
			for left.Add(-1) >= 0 && c.failed == nil {
				start := time.Now()
				c.failed = c.send()
				_ = c.waits.RecordValue(time.Since(start).Microseconds()) // up to a minute
			}
		})
	}
	all.Wait()
	elapsed := time.Since(begin)
	waits = hdrhistogram.New(1, time.Minute.Microseconds(), 3)
	for _, c := range clients {
		if c.failed != nil {
			b.Error(c.failed)
		}
		waits.Merge(c.waits)
	}
	return float64(n) / elapsed.Seconds(), waits
}

// benchRequest is a POST whose body has benchDigits in one or more places.
type benchRequest struct {
	path, token, body string
	// tokens are those of several accounts, if one may not have all that comes
	// of the requests. They follow each other.
	tokens []string
	want   int // the status of its answer
}

// benchDigits are those in which the requests of a client differ.
const benchDigits = "00000000"

// benchClient writes requests that differ in their digits only.
type benchClient struct {
	conn      net.Conn
	responses *bufio.Reader
	request   []byte
	digits    [][]byte // inside request
	token     []byte   // inside request
	tokens    []string
	want      int
	count     int
	waits     *hdrhistogram.Histogram
	failed    error
}

// newBenchClients gives clients that were seen to work, each with the request
// that its number makes.
func newBenchClients(b *testing.B, server string, of func(number int) benchRequest) []*benchClient {
	b.Helper()
	clients := make([]*benchClient, benchClients)
	for i := range clients {
		clients[i] = newBenchClient(b, server, of(i))
		if err := clients[i].send(); err != nil {
			b.Fatal(err)
		}
	}
	return clients
}

func newBenchClient(b *testing.B, server string, r benchRequest) *benchClient {
	b.Helper()
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", r.path, r.token, len(r.body), r.body)
	conn, err := net.DialTimeout("tcp", hostOf(b, server), timeout)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	var digits [][]byte
	for rest := request; ; {
		at := bytes.Index(rest, []byte(benchDigits))
		if at < 0 {
			break
		}
		digits = append(digits, rest[at:at+len(benchDigits)])
		rest = rest[at+len(benchDigits):]
	}
	before, _, _ := bytes.Cut(request, []byte(r.token))
	return &benchClient{
		conn:      conn,
		responses: bufio.NewReader(conn),
		request:   request,
		digits:    digits,
		token:     request[len(before):][:len(r.token)],
		tokens:    r.tokens,
		want:      r.want,
		waits:     hdrhistogram.New(1, time.Minute.Microseconds(), 3),
	}
}

// send sends the next request and demands the status that it is to have.
func (c *benchClient) send() error {
	if len(c.tokens) > 0 {
		copy(c.token, c.tokens[c.count/webhook.MaxWebhooks])
	}
	c.count++
	return c.sendNumber(c.count)
}

// sendNumber sends the request with a number in its digits.
func (c *benchClient) sendNumber(number int) error {
	text := fmt.Appendf(nil, "%0*d", len(benchDigits), number)
	for _, digits := range c.digits {
		copy(digits, text)
	}
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	status, err := c.readResponse()
	if err == nil && status != c.want {
		err = fmt.Errorf("request %d: status %d, want %d", number, status, c.want)
	}
	return err
}

// readResponse reads an answer that has a Content-Length, without what
// net/http's client costs.
func (c *benchClient) readResponse() (status int, err error) {
	line, err := c.responses.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 201") {
		return 0, fmt.Errorf("answer begins with %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length := 0
	for {
		if line, err = c.responses.ReadSlice('\n'); err != nil {
			return 0, err
		}
		name, value, found := bytes.Cut(line, []byte(": "))
		if !found {
			break // the empty line
		}
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(textproto.TrimBytes(value))); err != nil {
				return 0, err
			}
		}
	}
	_, err = io.CopyN(io.Discard, c.responses, int64(length))
	return status, err
}
