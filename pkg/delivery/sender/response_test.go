package sender_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/delivery"
)

func TestOnly2xxIsSuccess(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Location", "/200")
		w.WriteHeader(status)
	}))
	defer server.Close()
	c := newClient(t, open())
	for status := 200; status <= 599; status++ {
		want := delivery.Response{Status: status, Reason: fmt.Sprintf("answered %d", status)}
		switch status {
		case 301, 302, 303, 307, 308:
			want.Reason = fmt.Sprintf("redirected to another place (%d)", status)
		}
		if status < 300 {
			want.Reason = ""
		}
		got := send(t, c, request(fmt.Sprintf("%s/%d%s", server.URL, status, query)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d: %s", status, diff)
		}
	}
}

// TestWire holds what goes out, byte by byte.
func TestWire(t *testing.T) {
	for name, test := range map[string]struct {
		header map[string]string
		body   string
		path   string
		want   string
	}{
		"letter case": {
			header: map[string]string{"webhook-id": "id", "X-ODD-case": "1", "Content-Type": "application/json"},
			body:   `{"a":1}`, path: "/hook" + query,
			want: "POST /hook?token=hunter2 HTTP/1.1\r\nHost: HOST\r\nUser-Agent: Hookline/1.2.3\r\nContent-Length: 7\r\n" +
				"Content-Type: application/json\r\nX-ODD-case: 1\r\nwebhook-id: id\r\n\r\n" + `{"a":1}`,
		},
		"no body": {
			path: "",
			want: "POST / HTTP/1.1\r\nHost: HOST\r\nUser-Agent: Hookline/1.2.3\r\nContent-Length: 0\r\n\r\n",
		},
		"beyond ASCII": {
			body: "x", path: "/č/%2f/..//{a}?ž=%20&|",
			want: "POST /%C4%8D/%2f/..//%7Ba%7D?%C5%BE=%20&%7C HTTP/1.1\r\nHost: HOST\r\nUser-Agent: Hookline/1.2.3\r\nContent-Length: 1\r\n\r\nx",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 1)
			r := newReceiver(t, "tcp", "127.0.0.1:0", func(_ int64, c net.Conn) {
				b := make([]byte, len(test.want)+len("127.0.0.1:12345"))
				n := 0
				_, end, _ := strings.Cut(test.want, "User-Agent")
				for !strings.HasSuffix(string(b[:n]), end) {
					m, err := c.Read(b[n:])
					if n += m; err != nil || n == len(b) {
						break
					}
				}
				got <- string(b[:n])
				_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
			})
			q := request("http://" + r.Addr().String() + test.path)
			q.Header, q.Body = test.header, []byte(test.body)
			if a := send(t, newClient(t, open()), q); a.Status != 204 {
				t.Errorf("got %+v", a)
			}
			want := strings.Replace(test.want, "HOST", r.Addr().String(), 1)
			if diff := cmp.Diff(want, await(t, got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHeadersThatCannotBeSent(t *testing.T) {
	r := saying(t, "HTTP/1.1 200 OK\r\n\r\n")
	c := newClient(t, open())
	for name, value := range map[string]string{
		"a b": "1", "": "1", "X-A": "1\r\nX-B: 2", "X-Ä": "1", "X-C": "\x00",
		"expect": "100-continue", "HOST": "other", "accept-encoding": "gzip", "content-length": "3", "user-agent": "x",
	} {
		q := request(r.url("http"))
		q.Header = map[string]string{name: value}
		want := delivery.Response{Reason: "the request cannot be sent"}
		if got := send(t, c, q); got != want {
			t.Errorf("%q: %q: got %+v", name, value, got)
		}
	}
	if n := r.accepted.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2025, 11, 24, 8, 0, 0, 0, time.UTC)
	date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, test := range []struct {
		status int
		value  string
		want   time.Duration
	}{
		{503, "120", 2 * time.Minute},
		{429, "0", 0},
		{502, "86400", 24 * time.Hour},
		{504, "86401", 24 * time.Hour},
		{500, "5", 5 * time.Second},
		{302, "5", 5 * time.Second},
		{410, "5", 5 * time.Second},
		{503, strings.Repeat("9", 40), 24 * time.Hour},
		{503, "-5", 0},
		{503, "+5", 0},
		{503, "1.5", 0},
		{503, "5s", 0},
		{503, "٥", 0},
		{503, marker, 0},
		{503, "", 0},
		{503, date(90 * time.Second), 90 * time.Second},
		{503, date(-time.Second), 0},
		{503, date(48 * time.Hour), 24 * time.Hour},
		{503, "Fri, 31 Dec 9999 23:59:59 GMT", 24 * time.Hour},
		{503, now.Add(time.Minute).Format("Monday, 02-Jan-06 15:04:05 GMT"), time.Minute},
		{503, now.Add(time.Minute).Format(time.ANSIC), time.Minute},
		{200, "120", 0},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", test.value)
			w.WriteHeader(test.status)
		}))
		cfg := open()
		cfg.Now = func() time.Time { return now }
		if got := send(t, newClient(t, cfg), request(server.URL)); got.RetryAfter != test.want || got.Status != test.status {
			t.Errorf("%d, Retry-After: %s: got %+v, want %v", test.status, test.value, got, test.want)
		}
		server.Close()
	}
}
