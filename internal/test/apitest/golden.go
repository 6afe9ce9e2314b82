package apitest

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/api"
)

var update = flag.Bool("update", false, "write the golden exchanges anew")

// Golden replays every exchange in testdata/*.txtar against the API, over
// HTTP/1.1 and to the byte of the header names, and compares the answers.
//
// A file's comment says what it shows. Lines in it of the form "name: value"
// set it up: "env: NAME=value" a setting, "clock: <RFC 3339>" the time,
// "store: down" or "store: panics" a store that fails, "deliveries: sample"
// those of AddDeliveries. Its files come in pairs, a request and its answer,
// sent one after the other to one server. In a request "{token}" and the other
// names of Fixture.Tokens stand for tokens, "{id 2}" for the first id in the
// second answer, and "{pad 300}" for so many spaces. The answer's JSON is
// indented.
func Golden(t *testing.T, a api.API) {
	t.Helper()
	for _, script := range ReadScripts(t, "testdata") {
		t.Run(script.Name, func(t *testing.T) {
			replay(t, a, script)
			if *update {
				script.write(t)
			}
		})
	}
}

// Wire brings requests to a handler. Send gives one, its head without the
// line's end and its body as they are written, and returns the answer as
// HTTP/1.1 writes it, or nil if the wire cannot carry the request.
type Wire interface {
	Send(t *testing.T, head, body string) []byte
}

func replay(t *testing.T, api api.API, script *Script) {
	t.Helper()
	var log bytes.Buffer
	f := setUp(t, api, script, &log)
	server := httptest.NewServer(f.Handler(t, api))
	defer server.Close()
	script.Play(t, httpWire{server}, f.Tokens, func(e *Exchange, got string) {
		if *update {
			e.Response = got
		} else if got != e.Response {
			t.Errorf("%s:\n%s\ngot:\n%s\nwant:\n%s", e.Name, e.Request, got, e.Response)
		}
	})
	server.Close() // by then every request is logged
	f.checkLog(t, log.String(), len(script.Exchanges))
}

// setUp makes what a script asks for.
func setUp(t *testing.T, a api.API, script *Script, log io.Writer) *Fixture {
	t.Helper()
	f := NewFixture(t, a, script.Env, log)
	if script.Clock != "" {
		now, err := time.Parse(time.RFC3339, script.Clock)
		if err != nil {
			t.Fatal(err)
		}
		f.Setup.Now = func() time.Time { return now }
	}
	if script.Deliveries == "sample" {
		AddDeliveries(t, f.Store, f.Account, Start)
	}
	switch script.Store {
	case "down":
		f.Setup.Store = Broken{Store: f.Store}
	case "panics":
		f.Setup.Store = Broken{Store: f.Store, Panic: true}
	}
	return f
}

var (
	idOf        = regexp.MustCompile(`\{id (\d+)\}`)
	shownID     = regexp.MustCompile(`"id": "?([^",\s]+)`)
	padding     = regexp.MustCompile(`\{pad (\d+)\}`)
	placeholder = regexp.MustCompile(`\{(token|other|read|write|expired|foreign|unknown)\}`)
)

// fillIDs puts in the ids that earlier answers gave.
func fillIDs(t *testing.T, request string, responses []string) string {
	t.Helper()
	return idOf.ReplaceAllStringFunc(request, func(name string) string {
		n, err := strconv.Atoi(idOf.FindStringSubmatch(name)[1])
		if err != nil || n < 1 || n > len(responses) {
			t.Fatalf("%s: there are %d answers so far", name, len(responses))
		}
		id := shownID.FindStringSubmatch(responses[n-1])
		if id == nil {
			t.Fatalf("%s: that answer has no id:\n%s", name, responses[n-1])
		}
		return id[1]
	})
}

// fill puts in what a request's placeholders stand for.
func fill(t *testing.T, request string, tokens map[string]string) string {
	t.Helper()
	request = placeholder.ReplaceAllStringFunc(request, func(name string) string {
		return tokens[strings.Trim(name, "{}")]
	})
	return padding.ReplaceAllStringFunc(request, func(pad string) string {
		n, err := strconv.Atoi(padding.FindStringSubmatch(pad)[1])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(" ", n)
	})
}

// exchange sends a request as it is written, and gives the answer in a form to
// compare, "" if the wire cannot carry the request.
func exchange(t *testing.T, wire Wire, request string) string {
	t.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	head, body = strings.TrimSuffix(head, "\n"), strings.TrimSuffix(body, "\n")
	method, _, _ := strings.Cut(head, " ")
	raw := wire.Send(t, head, body)
	if raw == nil {
		return ""
	}
	return canonical(t, method, raw)
}

// httpWire sends to a server, each request over a connection of its own.
type httpWire struct{ server *httptest.Server }

// Send ends the lines for HTTP and adds the body's length.
func (w httpWire) Send(t *testing.T, head, body string) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "%s\r\nHost: localhost\r\nConnection: close\r\n", strings.ReplaceAll(head, "\n", "\r\n"))
	if !strings.Contains(head, "Transfer-Encoding") {
		fmt.Fprintf(conn, "Content-Length: %d\r\n", len(body))
	} else {
		body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	fmt.Fprintf(conn, "\r\n%s", body)
	raw, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// canonical sorts an answer's headers, in their own spelling, drops those that
// the HTTP server adds by itself, and indents the JSON.
func canonical(t *testing.T, method string, raw []byte) string {
	t.Helper()
	head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	headers := slices.DeleteFunc(lines[1:], func(line string) bool {
		name, _, _ := strings.Cut(line, ":")
		return slices.Contains([]string{"Date", "Connection", "Content-Length", "Transfer-Encoding"}, name)
	})
	slices.Sort(headers)
	var out strings.Builder
	fmt.Fprintln(&out, lines[0])
	for _, header := range headers {
		fmt.Fprintln(&out, header)
	}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > 0 {
		value := jsontext.Value(body)
		if err := value.Indent(jsontext.WithIndent("  ")); err != nil {
			t.Fatalf("the answer is not JSON: %v\n%s", err, body)
		}
		fmt.Fprintf(&out, "\n%s\n", value)
	}
	return out.String()
}

// checkLog holds the log to one line a request and no secret in it.
func (f *Fixture) checkLog(t *testing.T, log string, requests int) {
	t.Helper()
	if lines := strings.Count(log, "\n"); lines != requests {
		t.Errorf("%d log lines for %d requests:\n%s", lines, requests, log)
	}
	for name, token := range f.Tokens {
		if strings.Contains(log, token) {
			t.Errorf("the log holds the token %q:\n%s", name, log)
		}
	}
	if strings.Contains(log, "whsec_") || strings.Contains(log, "example.com") {
		t.Errorf("the log holds a key or a body:\n%s", log)
	}
}
