package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/needed"
	"github.com/hookline/hookline/pkg/receiver"
)

// recorder is a receiver that keeps what it shows.
type recorder struct {
	*receiver.Receiver
	shown []receiver.Delivery
	notes chan string
}

// newRecorder gives a receiver with a clock of its own and no timeout, unless
// change says otherwise.
func newRecorder(t testing.TB, change func(*receiver.Config)) *recorder {
	t.Helper()
	r := &recorder{notes: make(chan string, 10)}
	cfg := receiver.Config{
		Response: receiver.Response{Status: http.StatusOK},
		Show:     func(d receiver.Delivery) error { r.shown = append(r.shown, d); return nil },
		Note:     func(line string) { r.notes <- line },
		Now:      time.Now,
		Sleep:    func(context.Context, time.Duration) error { return errors.New("slept") },
	}
	if change != nil {
		change(&cfg)
	}
	r.Receiver = receiver.New(cfg)
	return r
}

// send gives the answer to a delivery with header lines "name: value".
func (r *recorder) send(ctx context.Context, method, target string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequestWithContext(ctx, method, target, body)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Add(name, value)
	}
	response := httptest.NewRecorder()
	r.ServeHTTP(response, request)
	return response
}

func (r *recorder) post(t testing.TB, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	return r.send(t.Context(), http.MethodPost, "/in", strings.NewReader(body), header...)
}

func TestResponses(t *testing.T) {
	for _, tt := range []struct {
		response         receiver.Response
		body, retryAfter string
		location, text   string
	}{
		{receiver.Response{Status: 200}, "200 from hookline listen\n", "", "", "answer: 200 OK"},
		{receiver.Response{Status: 204}, "", "", "", "answer: 204 No Content"},
		{receiver.Response{Status: 205}, "", "", "", "answer: 205 Reset Content"},
		{receiver.Response{Status: 304}, "", "", "", "answer: 304 Not Modified"},
		{receiver.Response{Status: 299}, "299 from hookline listen\n", "", "", "answer: 299"},
		{receiver.Response{Status: 302}, "302 from hookline listen\n", "", "/redirected", "answer: 302 Found, Location /redirected"},
		{receiver.Response{Status: 308}, "308 from hookline listen\n", "", "/redirected", "answer: 308 Permanent Redirect, Location /redirected"},
		{receiver.Response{Status: 410}, "410 from hookline listen\n", "", "", "answer: 410 Gone"},
		{receiver.Response{Status: 429, RetryAfter: 1}, "429 from hookline listen\n", "1", "", "answer: 429 Too Many Requests, Retry-After 1"},
		{receiver.Response{Status: 503, RetryAfter: 90 * time.Second}, "503 from hookline listen\n", "90", "", "answer: 503 Service Unavailable, Retry-After 90"},
		{receiver.Response{Status: 500, RetryAfter: time.Second}, "500 from hookline listen\n", "", "", "answer: 500 Internal Server Error"},
	} {
		r := newRecorder(t, func(c *receiver.Config) { c.Response = tt.response })
		response := r.post(t, "{}")
		text := response.Body.String()
		if response.Code != tt.response.Status || text != tt.body ||
			response.Header().Get("Retry-After") != tt.retryAfter || response.Header().Get("Location") != tt.location {
			t.Errorf("%v: %d %v with %q", tt.response, response.Code, response.Header(), text)
		}
		if got := r.shown[0].Response.String(); got != tt.text {
			t.Errorf("shown as %q, want %q", got, tt.text)
		}
	}
}

func TestFailFirst(t *testing.T) {
	r := newRecorder(t, func(c *receiver.Config) { c.FailFirst, c.Response.Status = 2, http.StatusAccepted })
	for i, want := range []int{500, 500, 202, 202} {
		// What is no delivery is not counted.
		if response := r.send(t.Context(), http.MethodGet, "/", nil); response.Code != http.StatusOK {
			t.Errorf("GET /: %d, want 200", response.Code)
		}
		if got := r.post(t, "{}").Code; got != want || r.shown[i].Response.Status != want {
			t.Errorf("delivery %d: %d, shown as %v, want %d", i+1, got, r.shown[i].Response, want)
		}
	}
	if len(r.shown) != 4 {
		t.Errorf("%d deliveries shown, want 4", len(r.shown))
	}
}

func TestCountsWebhookIDs(t *testing.T) {
	r := newRecorder(t, nil)
	for _, id := range []string{"a", "b", "a", "", "a", ""} {
		r.post(t, "{}", "webhook-id: "+id)
	}
	var seen []int
	for _, d := range r.shown {
		seen = append(seen, d.Seen)
	}
	if got := fmt.Sprint(seen); got != "[1 1 2 0 3 0]" {
		t.Errorf("seen %s, want [1 1 2 0 3 0]", got)
	}
	for i := range 10_000 { // enough to forget those
		r.post(t, "{}", "webhook-id: new "+strconv.Itoa(i))
	}
	r.post(t, "{}", "webhook-id: a")
	r.post(t, "{}", "webhook-id: new 9999")
	last := len(r.shown)
	if old, recent := r.shown[last-2].Seen, r.shown[last-1].Seen; old != 1 || recent != 2 {
		t.Errorf("seen %d and %d times, want the old id forgotten (1) and the recent one known (2)", old, recent)
	}
}

func TestBodyLimit(t *testing.T) {
	r := newRecorder(t, func(c *receiver.Config) { c.Keys = keys(t, abbeycrossKey) })
	full := bytes.Repeat([]byte("a"), receiver.MaxBody)
	if response := r.post(t, string(full)); response.Code != http.StatusOK || !bytes.Equal(r.shown[0].Body, full) {
		t.Errorf("%d bytes: %d with %d bytes shown, want all", len(full), response.Code, len(r.shown[0].Body))
	}
	if response := r.post(t, string(full)+"a"); response.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a byte more: %d, want 413", response.Code)
	}
	if d := r.shown[1]; !d.TooLarge || d.Body != nil || fmt.Sprint(d.Errors()) != "[the body is larger than 1 MiB]" {
		t.Errorf("a byte more is shown as %d bytes, %v", len(d.Body), d.Errors())
	}
}

func TestBrokenBody(t *testing.T) {
	r := newRecorder(t, nil)
	response := r.send(t.Context(), http.MethodPost, "/in\u009b", iotest.ErrReader(io.ErrUnexpectedEOF))
	if response.Code != http.StatusBadRequest || len(r.shown) != 0 {
		t.Errorf("%d with %d shown, want 400 and none", response.Code, len(r.shown))
	}
	if note := <-r.notes; note != `POST /in\u009b: the sender hung up` {
		t.Errorf("noted %q", note)
	}
}

func TestFailingShow(t *testing.T) {
	r := newRecorder(t, func(c *receiver.Config) {
		c.Show = func(receiver.Delivery) error { return errors.New("the pipe is closed") }
	})
	if response := r.post(t, "{}"); response.Code != http.StatusInternalServerError {
		t.Errorf("%d, want 500: nothing unseen is accepted", response.Code)
	}
	if note := <-r.notes; note != "the pipe is closed" {
		t.Errorf("noted %q", note)
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, func(c *receiver.Config) {
			c.Response.Delay = 10 * time.Second
			c.Sleep = func(ctx context.Context, d time.Duration) error {
				ctx, cancel := context.WithTimeout(ctx, d)
				defer cancel()
				<-ctx.Done()
				if errors.Is(ctx.Err(), context.DeadlineExceeded) {
					return nil
				}
				return ctx.Err()
			}
		})
		began := time.Now()
		if response := r.post(t, "{}"); response.Code != http.StatusOK || time.Since(began) != 10*time.Second {
			t.Errorf("%d after %v, want 200 after 10s", response.Code, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		began = time.Now()
		response := r.send(ctx, http.MethodPost, "/slow", strings.NewReader("{}"))
		if response.Code != http.StatusServiceUnavailable || time.Since(began) != 3*time.Second {
			t.Errorf("interrupted: %d after %v, want 503 after 3s", response.Code, time.Since(began))
		}
		if note := <-r.notes; note != "POST /slow: no response after 3s: the sender hung up, or hookline listen was stopped" {
			t.Errorf("noted %q", note)
		}
	})
}

// Deliveries that arrive at once are shown one after the other and counted
// right.
func TestManyAtOnce(t *testing.T) {
	const senders, each = 8, 25
	var out bytes.Buffer // which has no lock
	now := time.Now()
	r := newRecorder(t, func(c *receiver.Config) {
		c.Keys, c.FailFirst = keys(t, abbeycrossKey), senders
		text, line := receiver.Text(&out, true), receiver.JSON(&out)
		show := c.Show
		c.Show = func(d receiver.Delivery) error { return errors.Join(text(d), line(d), show(d)) }
	})
	header := standard(t, now, body, abbeycrossKey)
	var lines []string
	for name := range header {
		lines = append(lines, name+": "+header.Get(name))
	}
	var wg sync.WaitGroup
	failed := make(chan int, senders*each)
	for range senders {
		wg.Go(func() {
			for range each {
				failed <- r.post(t, string(body), lines...).Code
			}
		})
	}
	wg.Wait()
	close(failed)
	count := map[int]int{}
	for status := range failed {
		count[status]++
	}
	if count[500] != senders || count[200] != senders*(each-1) {
		t.Errorf("answers %v, want %d times 500 and else 200", count, senders)
	}
	for i, d := range r.shown {
		if d.Seen != i+1 || len(d.Errors()) > 0 {
			t.Fatalf("delivery %d: seen %d, %v", i+1, d.Seen, d.Errors())
		}
	}
}

func TestNewNeeds(t *testing.T) {
	var cfg receiver.Config
	newRecorder(t, func(c *receiver.Config) { cfg = *c })
	needed.Fields(t, cfg, func(c receiver.Config) { receiver.New(c) }, "Keys", "Response", "Forward", "FailFirst")
}
