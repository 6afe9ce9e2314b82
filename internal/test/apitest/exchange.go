package apitest

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/api"
)

// testUpperCaseID deletes by an id as some platforms print UUIDs.
func testUpperCaseID(t *testing.T, b *bench) {
	if w := b.post(t.Context(), t, "token", b.body(t, goodURL, b.Events[0])); w.Code != http.StatusCreated {
		t.Fatalf("registering: %d %s", w.Code, w.Body)
	}
	path := strings.TrimSuffix(b.API.Example.Path, "/register") + "/" + strings.ToUpper(b.stored(t)[b.Events[0]].ID)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, path, nil)
	name, scheme, _ := strings.Cut(b.API.Example.TokenHeader, ": ")
	r.Header.Set(name, scheme+b.Tokens["token"])
	w := httptest.NewRecorder()
	b.Handler(t, b.API).ServeHTTP(w, r)
	if w.Code/100 != 2 || len(b.stored(t)) != 0 {
		t.Errorf("DELETE %s: %d %s", path, w.Code, w.Body)
	}
}

// testExpectContinue is a client that waits to be told to send its body (RFC
// 9110, section 10.1.1). It is answered without it where the response does not
// depend on it, on every route, with either kind of framing, and with a body
// that is announced as too large. It never sends the body here: a server that
// waited for it would not answer.
func testExpectContinue(t *testing.T, b *bench) {
	handler := b.Handler(t, b.API)
	server := httptest.NewServer(handler)
	defer server.Close()
	routes := append(handler.(interface{ Routes() []api.Route }).Routes(),
		api.Route{Method: "PURGE", Path: b.API.Example.Path},
		api.Route{Method: http.MethodPost, Path: b.API.Prefix + "/unknown"})
	for _, route := range routes {
		for _, body := range []string{
			"Content-Type: text/plain\r\nContent-Length: 100",
			"Content-Type: text/plain\r\nTransfer-Encoding: chunked",
			fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d", api.MaxBody+1),
		} {
			checkExpect(t, b, server.Listener.Addr().String(), route, body)
		}
	}
}

func checkExpect(t *testing.T, b *bench, addr string, route api.Route, body string) {
	t.Helper()
	path := strings.ReplaceAll(route.Path, "{id}", "1")
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: hookline\r\n%s%s\r\nExpect: 100-continue\r\n%s\r\n\r\n",
		route.Method, path, b.API.Example.TokenHeader, b.Tokens["token"], body)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Far beyond what a busy machine takes.
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: route.Method})
	if err != nil {
		t.Fatalf("%s %s with %s: no response without the body: %v", route.Method, path, body, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusContinue {
		t.Errorf("%s %s with %s: told to send a body that is refused", route.Method, path, body)
	}
}
