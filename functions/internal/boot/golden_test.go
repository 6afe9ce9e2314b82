package boot

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hookline/hookline/pkg/dialect"
	"github.com/hookline/hookline/pkg/dialect/abbeycross"
	"github.com/hookline/hookline/pkg/dialect/dialecttest"
	"github.com/hookline/hookline/pkg/dialect/shoptet"
	"github.com/hookline/hookline/pkg/dialect/squake"
)

// Every golden exchange, recorded from the wire, has the same answer when it
// comes through API Gateway: none is left out but those of which the gateway
// makes other requests (TestDecodedSegments).
func TestGoldenThroughTheGateway(t *testing.T) {
	for _, api := range []dialect.API{squake.API(), shoptet.API(), abbeycross.API()} {
		t.Run(string(api.Name), func(t *testing.T) {
			t.Parallel()
			dir := "../../../pkg/dialect/" + string(api.Name) + "/testdata"
			dialecttest.GoldenOver(t, api, dir, func(h dialect.Handler) dialecttest.Wire { return gatewayWire{h, NewGateway(h)} })
		})
	}
}

// gatewayWire turns requests into what an HTTP API hands to a function, as
// JSON, and the function's JSON into what the HTTP API answers.
type gatewayWire struct {
	api     dialect.Handler
	gateway *Gateway
}

func (gatewayWire) Close() {}

func (w gatewayWire) Send(t *testing.T, head, body string) []byte {
	t.Helper()
	r := parse(t, head)
	if segmented.MatchString(r.URL.EscapedPath()) {
		return direct(t, w.api, r, body)
	}
	var answer events.APIGatewayV2HTTPResponse
	roundTrip(t, w.invoke(t, toEvent(r, body)), &answer)
	if answer.IsBase64Encoded {
		t.Errorf("the body is in base64: %s", answer.Body)
	}
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "HTTP/1.1 %d %s\r\n", answer.StatusCode, http.StatusText(answer.StatusCode))
	for name, value := range answer.Headers {
		fmt.Fprintf(&raw, "%s: %s\r\n", name, value)
	}
	fmt.Fprintf(&raw, "Content-Length: %d\r\n\r\n%s", len(answer.Body), answer.Body)
	return raw.Bytes()
}

func (w gatewayWire) invoke(t *testing.T, sent events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	var event events.APIGatewayV2HTTPRequest
	roundTrip(t, sent, &event)
	answer, err := w.gateway.Answer(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// roundTrip copies a value by way of JSON, as Lambda does.
func roundTrip(t *testing.T, from, to any) {
	t.Helper()
	text, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

// segmented are paths that, decoded, have other segments: the gateway decodes
// them, and nothing tells then what was sent.
var segmented = regexp.MustCompile(`(?i)%2f|%2e`)

// direct brings a request to the handler past the gateway.
func direct(t *testing.T, api http.Handler, r *http.Request, body string) []byte {
	t.Helper()
	r.Body = io.NopCloser(strings.NewReader(body))
	recorder := httptest.NewRecorder()
	api.ServeHTTP(recorder, r)
	var raw bytes.Buffer
	if err := recorder.Result().Write(&raw); err != nil {
		t.Fatal(err)
	}
	return raw.Bytes()
}

func parse(t *testing.T, head string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\nHost: localhost\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An encoded slash or dot in an id comes decoded, as a path that there is not.
func TestDecodedSegments(t *testing.T) {
	for _, api := range []dialect.API{squake.API(), shoptet.API(), abbeycross.API()} {
		f := dialecttest.NewFixture(t, api, nil, nil)
		w := gatewayWire{gateway: NewGateway(f.Handler(t, api))}
		for _, id := range []string{"a%2Fb", "%2e%2e", "%2e", "a%2f"} {
			r := parse(t, "DELETE "+api.Prefix+"/webhooks/"+id+" HTTP/1.1")
			if answer := w.invoke(t, toEvent(r, "")); answer.StatusCode != http.StatusNotFound || answer.Body == "" {
				t.Errorf("%s: %s: %+v", api.Name, id, answer)
			}
		}
	}
}

// toEvent does what an HTTP API does to a request (payload format 2.0): header
// names in lower case, lines of one name joined by a comma, the path decoded,
// a body that is not JSON text in base64.
func toEvent(r *http.Request, body string) events.APIGatewayV2HTTPRequest {
	headers := map[string]string{"host": r.Host, "x-forwarded-proto": "https"}
	for name, lines := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(lines, ",")
	}
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery, Headers: headers, Body: body,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			Stage: "$default", DomainName: "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: "203.0.113.7"},
		},
	}
	if !strings.HasPrefix(headers["content-type"], "application/json") || !utf8.ValidString(body) {
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(body)), true
	}
	return event
}
