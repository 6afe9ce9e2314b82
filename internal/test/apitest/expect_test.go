package apitest_test

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

// A client that waits to be told to send its body (RFC 9110, section 10.1.1) is
// answered without it where the response does not depend on it, on every route
// and with either kind of framing. It never sends the body here: a server that
// waited for it would not answer.
func TestExpectContinue(t *testing.T) {
	for _, s := range testedAPIs {
		b := newBench(t, s)
		handler := b.Handler(t, s.api)
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		routes := handler.(interface{ Routes() []api.Route }).Routes()
		routes = append(routes, api.Route{Method: "PURGE", Path: s.api.Example.Path}, api.Route{Method: "POST", Path: s.api.Prefix + "/unknown"})
		for _, route := range routes {
			for _, framing := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
				checkExpect(t, b, server.Listener.Addr().String(), route, framing)
			}
		}
	}
}

func checkExpect(t *testing.T, b *bench, addr string, route api.Route, framing string) {
	t.Helper()
	path := strings.ReplaceAll(route.Path, "{id}", "1")
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: hookline\r\n%s%s\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\n%s\r\n\r\n",
		route.Method, path, b.api.Example.TokenHeader, b.Tokens["token"], framing)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Far beyond what a busy machine takes, and below the server's own end.
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: route.Method})
	if err != nil {
		t.Fatalf("%s %s with %s: no response without the body: %v", route.Method, path, framing, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusContinue {
		t.Errorf("%s %s with %s: told to send a body that is refused", route.Method, path, framing)
	}
}
