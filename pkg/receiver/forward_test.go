package receiver_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/receiver"
)

// app is where deliveries are passed on to.
type app struct {
	*httptest.Server
	got    []*http.Request
	bodies []string
}

func newApp(t testing.TB, respond http.HandlerFunc) *app {
	t.Helper()
	a := &app{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		a.got, a.bodies = append(a.got, r), append(a.bodies, string(body))
		respond(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

// forwarding is a recorder that passes what is verified on to a URL.
func forwarding(t testing.TB, to string) *recorder {
	t.Helper()
	forward, err := receiver.NewForwarder(to, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return newRecorder(t, func(c *receiver.Config) { c.Forward, c.Keys = forward, keys(t, abbeycrossKey) })
}

// lines are header lines of a header, and more.
func lines(header http.Header, more ...string) []string {
	for name, values := range header {
		for _, value := range values {
			more = append(more, name+": "+value)
		}
	}
	return more
}

// What is verified reaches the app as it came but for what belongs to the
// connection, and so does the app's response.
func TestForwards(t *testing.T) {
	a := newApp(t, func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header["Retry-After"], header["X-Two"] = []string{"120"}, []string{"a", "b"}
		header["Keep-Alive"] = []string{"timeout=5"}
		header["Content-Type"] = nil
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<busy>\x00")
	})
	r := forwarding(t, a.URL+"/hooks?a=1%2F2")
	text := "{\"n\": 1.50,\n \"s\":\"\\u017e\"}\n"
	header := standard(t, time.Now(), []byte(text), abbeycrossKey)
	sent := lines(header, "Content-Type: application/json; charset=x", "Accept-Encoding: gzip", "Authorization: Basic x", "X-Forwarded-For: 1.2.3.4",
		"X-Two: a", "X-Two: b", "Connection: keep-alive, X-Hop", "X-Hop: 1", "Keep-Alive: 5", "Te: trailers", "Proxy-Authorization: x", "Upgrade: h2c")
	response := r.send(t.Context(), http.MethodPut, "/in", strings.NewReader(text), sent...)

	want := http.Header{
		"Content-Type": {"application/json; charset=x"}, "Accept-Encoding": {"gzip"}, "Authorization": {"Basic x"},
		"X-Forwarded-For": {"1.2.3.4"}, "X-Two": {"a", "b"}, "Content-Length": {"27"}, "Connection": {"close"},
	}
	for name, values := range header {
		want[name] = values
	}
	if len(a.got) != 1 {
		t.Fatalf("the app got %d requests", len(a.got))
	}
	got := a.got[0]
	if got.Method != http.MethodPut || got.RequestURI != "/hooks?a=1%2F2" || "http://"+got.Host != a.URL || a.bodies[0] != text {
		t.Errorf("the app got %s %s of %s with %q", got.Method, got.RequestURI, got.Host, a.bodies[0])
	}
	got.Header.Set("Content-Length", "27") // net/http takes it out
	got.Header.Set("Connection", "close")
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("header -want +got:\n%s", diff)
	}
	answered := response.Result()
	defer answered.Body.Close()
	if response.Code != 503 || response.Body.String() != "<busy>\x00" || answered.Header.Get("Retry-After") != "120" ||
		cmp.Diff(answered.Header["X-Two"], []string{"a", "b"}) != "" || answered.Header.Get("Keep-Alive")+answered.Header.Get("Content-Type") != "" {
		t.Errorf("answered %d %v with %q", response.Code, answered.Header, response.Body)
	}
	if d := r.shown[0]; d.Response.Status != 503 || !strings.Contains(d.Response.String(), "503 Service Unavailable, from "+a.URL+"/hooks?a=1%2F2 in ") {
		t.Errorf("shown as %s", d.Response)
	}
}

// What is not verified does not reach the app.
func TestForwardsOnlyVerified(t *testing.T) {
	a := newApp(t, func(http.ResponseWriter, *http.Request) {})
	r := forwarding(t, a.URL)
	good := standard(t, time.Now(), []byte("{}"), abbeycrossKey)
	for i, tt := range []struct {
		header http.Header
		body   string
		status int
	}{
		{nil, "{}", 401},
		{good, "{ }", 401},
		{standard(t, time.Now(), []byte("{}"), otherKey), "{}", 401},
		{standard(t, time.Now().Add(-time.Hour), []byte("{}"), abbeycrossKey), "{}", 401},
		{with(good, "Squake-Signature", "00"), "{}", 401},
		{good, strings.Repeat("a", receiver.MaxBody+1), 413},
		{good, "{}", 200},
	} {
		if response := r.post(t, tt.body, lines(tt.header)...); response.Code != tt.status {
			t.Errorf("delivery %d: %d, want %d", i, response.Code, tt.status)
		}
	}
	if len(a.got) != 1 || len(r.shown) != 7 || r.shown[0].Response.String() != "answer: 401 Unauthorized, not passed on" {
		t.Errorf("the app got %d requests, %d shown, the first with %s", len(a.got), len(r.shown), r.shown[0].Response)
	}
}

// Whatever an app does, the sender gets an answer, and no redirect is followed.
func TestForwardsToBadApps(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	elsewhere := newApp(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	for name, tt := range map[string]struct {
		respond http.HandlerFunc
		status  int
		text    string
	}{
		"nothing listens": {nil, 502, "connection refused"},
		"hangs up":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502, "EOF"},
		"too much": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(bytes.Repeat([]byte("a"), receiver.MaxBody+1))
		}, 502, "larger than 1 MiB"},
		"too long a header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("a", 1<<17))
		}, 502, "gave none"},
		"switches protocols": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusSwitchingProtocols) }, 502, "101"},
		"redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, 307, "from http"},
		"no content": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, 204, "from http"},
	} {
		t.Run(name, func(t *testing.T) {
			to := "http://" + closed.Addr().String()
			if tt.respond != nil {
				to = newApp(t, tt.respond).URL
			}
			r := forwarding(t, to)
			response := r.post(t, "{}", lines(standard(t, time.Now(), []byte("{}"), abbeycrossKey))...)
			if text := r.shown[0].Response.String(); response.Code != tt.status || !strings.Contains(text, tt.text) {
				t.Errorf("answered %d, shown as %s; want %d and %s", response.Code, text, tt.status, tt.text)
			}
		})
	}
}

// A request ends when its sender's does.
func TestForwardingStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := newApp(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	r := forwarding(t, a.URL)
	response := r.send(ctx, http.MethodPost, "/in", strings.NewReader("{}"), lines(standard(t, time.Now(), []byte("{}"), abbeycrossKey))...)
	if text := r.shown[0].Response.String(); response.Code != 502 || !strings.Contains(text, "the sender hung up, or hookline listen was stopped") {
		t.Errorf("answered %d, shown as %s", response.Code, text)
	}
}

func TestNewForwarderRefuses(t *testing.T) {
	for _, to := range []string{"", "localhost:3000", "/hooks", "ftp://localhost", "http://", "http://u:p@localhost", "http://localhost/#a", "http://\x7f"} {
		if _, err := receiver.NewForwarder(to, time.Now); err == nil {
			t.Errorf("%q is taken", to)
		} else if strings.Contains(err.Error(), "u:p") {
			t.Errorf("the error quotes a password: %v", err)
		}
	}
}
