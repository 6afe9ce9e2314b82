package apitest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/api"
)

// recorded is a golden exchange as it was recorded.
type recorded struct {
	name     string
	request  *http.Request
	content  []byte // the request's
	status   int
	header   []headerLine
	response []byte
}

// headerLine is a header as it is spelled.
type headerLine struct{ name, value string }

func (e *recorded) body() io.ReadCloser { return io.NopCloser(bytes.NewReader(e.content)) }

func (e *recorded) headers() http.Header {
	h := http.Header{}
	for _, line := range e.header {
		h.Add(line.name, line.value)
	}
	return h
}

// readExchanges reads all golden exchanges of the package under test.
func readExchanges(t *testing.T, api api.API) []*recorded {
	t.Helper()
	fixture := NewFixture(t, api, nil, nil)
	var exchanges []*recorded
	for _, script := range ReadScripts(t, "testdata") {
		var responses []string
		for _, x := range script.Exchanges {
			e := &recorded{name: script.Name + ", " + x.Name}
			e.readRequest(t, fill(t, fillIDs(t, x.Request, responses), fixture.Tokens))
			e.readResponse(t, x.Response)
			responses = append(responses, x.Response)
			exchanges = append(exchanges, e)
		}
	}
	return exchanges
}

// readRequest reads a request as it is written in a golden file.
func (e *recorded) readRequest(t *testing.T, text string) {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSuffix(head, "\n"), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "Transfer-Encoding:") })
	e.content = []byte(strings.TrimSuffix(body, "\n"))
	raw := fmt.Sprintf("%s\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", strings.Join(lines, "\r\n"), len(e.content))
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	e.request = request
}

// readResponse reads an answer as canonical writes it.
func (e *recorded) readResponse(t *testing.T, text string) {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSuffix(head, "\n"), "\n")
	proto, rest, _ := strings.Cut(lines[0], " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil || proto != "HTTP/1.1" {
		t.Fatalf("%s: %q is no status line", e.name, lines[0])
	}
	e.status = status
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("%s: %q is no header", e.name, line)
		}
		e.header = append(e.header, headerLine{name, value})
	}
	e.response = []byte(strings.TrimSuffix(body, "\n"))
}
