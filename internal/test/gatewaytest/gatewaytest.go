// Package gatewaytest does for tests what an HTTP API of API Gateway does to
// requests and answers (payload format 2.0).
package gatewaytest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Domain is the one that the API answers under.
const Domain = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"

// Event returns the event that the function gets for a request: header names
// in lower case, lines of one name joined by a comma, but for cookies, which are
// apart, the path decoded, and a body that is not JSON text in base64. Where IAM
// authorises the route, somebody signed it.
//
// Not everything is known of API Gateway: it is reported to cut a path at an
// encoded question mark (https://github.com/middleapi/standard-server/pull/93),
// and adds a content type to a request without a body
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html).
func Event(r *http.Request, body string) events.APIGatewayV2HTTPRequest {
	headers := map[string]string{"host": r.Host, "x-forwarded-proto": "https"}
	for name, lines := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(lines, ",")
	}
	delete(headers, "cookie")
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery, Headers: headers, Body: body,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			Stage: "$default", DomainName: Domain,
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: "203.0.113.7"},
		},
	}
	if r.URL.Path == "/events" || strings.HasPrefix(r.URL.Path, "/operator/") { // IAM authorises these routes
		event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{UserARN: "arn:aws:iam::123456789012:user/backend"},
		}
	}
	for _, c := range r.Cookies() {
		event.Cookies = append(event.Cookies, c.Name+"="+c.Value)
	}
	if !strings.HasPrefix(headers["content-type"], "application/json") || !utf8.ValidString(body) {
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(body)), true
	}
	return event
}

// ReadRequest reads the head of a request, its lines ended by "\n".
func ReadRequest(t *testing.T, head string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\nHost: localhost\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Response returns what the client gets for a function's answer, as HTTP/1.1
// writes it. An answer in base64 is an error: none of the APIs has one. It keeps
// the name of WWW-Authenticate, which API Gateway changes in REST APIs (the same
// page) and is reported to change in HTTP APIs.
func Response(t *testing.T, response events.APIGatewayV2HTTPResponse) []byte {
	t.Helper()
	if response.IsBase64Encoded {
		t.Errorf("the body is in base64: %s", response.Body)
	}
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "HTTP/1.1 %d %s\r\n", response.StatusCode, http.StatusText(response.StatusCode))
	for name, value := range response.Headers {
		fmt.Fprintf(&raw, "%s: %s\r\n", name, value)
	}
	for _, cookie := range response.Cookies {
		fmt.Fprintf(&raw, "Set-Cookie: %s\r\n", cookie)
	}
	fmt.Fprintf(&raw, "Content-Length: %d\r\n\r\n%s", len(response.Body), response.Body)
	return raw.Bytes()
}

// segmented are paths that have other segments once they are decoded.
var segmented = regexp.MustCompile(`(?i)%2f|%2e`)

// Faithful reports whether the function gets the path of r as it was sent. The
// gateway decodes paths, so that a function cannot tell an encoded slash or dot
// from a plain one.
func Faithful(r *http.Request) bool { return !segmented.MatchString(r.URL.EscapedPath()) }
