package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/internal/test/gatewaytest"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/api/squake"
)

// fakeAPI shows what reaches a handler.
type fakeAPI struct {
	serve  http.HandlerFunc
	failed error
	failAt *http.Request
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.serve(w, r) }

func (f *fakeAPI) Fail(w http.ResponseWriter, r *http.Request, err error) {
	f.failed, f.failAt = err, r
	w.WriteHeader(http.StatusInternalServerError)
}

func post(path, body string) events.APIGatewayV2HTTPRequest {
	event := events.APIGatewayV2HTTPRequest{RawPath: path, Body: body}
	event.RequestContext.HTTP.Method = http.MethodPost
	event.RequestContext.DomainName = "api.example.com"
	return event
}

func TestRequestArrivesAsSent(t *testing.T) {
	tests := map[string]struct {
		change     func(*events.APIGatewayV2HTTPRequest)
		path, body string
		method     string
		header     http.Header
	}{
		"plain":               {path: "/v2/webhooks", body: "{}"},
		"path was decoded":    {path: "/v2/no thing?a=b#c%zz;ü", body: "{}"},
		"path with newline":   {path: "/v2/a\nb", body: ""},
		"double slash":        {path: "//v2//webhooks", body: ""},
		"method in lower":     {change: func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.HTTP.Method = "post" }, path: "/", method: "post"},
		"binary body":         {change: func(e *events.APIGatewayV2HTTPRequest) { e.Body, e.IsBase64Encoded = "//79", true }, path: "/", body: "\xff\xfe\xfd"},
		"query":               {change: func(e *events.APIGatewayV2HTTPRequest) { e.RawQueryString = "a=%zz&;" }, path: "/"},
		"one credential":      {change: header("authorization", "Bearer a"), path: "/", header: http.Header{"Authorization": {"Bearer a"}}},
		"credentials joined":  {change: header("authorization", "Bearer a,Bearer b"), path: "/", header: http.Header{"Authorization": {"Bearer a,Bearer b"}}},
		"tokens joined":       {change: header("shoptet-access-token", "a, b"), path: "/", header: http.Header{"Shoptet-Access-Token": {"a", "b"}}},
		"content type joined": {change: header("content-type", "application/json,text/plain"), path: "/", header: http.Header{"Content-Type": {"application/json,text/plain"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			event := post(tt.path, tt.body)
			if tt.change != nil {
				tt.change(&event)
			}
			if tt.method == "" {
				tt.method = http.MethodPost
			}
			called := false
			api := &fakeAPI{serve: func(w http.ResponseWriter, r *http.Request) {
				called = true
				body, err := io.ReadAll(r.Body)
				if err != nil || string(body) != tt.body || r.URL.Path != tt.path || r.Method != tt.method {
					t.Errorf("got %s %q %q, %v, want %s %q %q", r.Method, r.URL.Path, body, err, tt.method, tt.path, tt.body)
				}
				for name, want := range tt.header {
					if got := r.Header[name]; strings.Join(got, "|") != strings.Join(want, "|") {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
				w.WriteHeader(http.StatusNoContent)
			}}
			response, err := New(api).Respond(t.Context(), event)
			if err != nil || response.StatusCode != http.StatusNoContent || !called {
				t.Errorf("answer %+v, %v, handler called: %v, failed: %v", response, err, called, api.failed)
			}
		})
	}
}

func header(name, value string) func(*events.APIGatewayV2HTTPRequest) {
	return func(e *events.APIGatewayV2HTTPRequest) { e.Headers = map[string]string{name: value} }
}

// What cannot be read, and a handler that panics, is the API's to answer;
// nothing of the request is printed on the way.
func TestFaultsAreTheAPIs(t *testing.T) {
	tests := map[string]struct {
		change func(*events.APIGatewayV2HTTPRequest)
		serve  http.HandlerFunc
	}{
		"body is no base64": {change: func(e *events.APIGatewayV2HTTPRequest) { e.Body, e.IsBase64Encoded = "hush!", true }},
		"control character": {change: func(e *events.APIGatewayV2HTTPRequest) { e.RawQueryString = "hush=\x7f" }},
		"host":              {change: func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.DomainName = "hu sh" }},
		"method":            {change: func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.HTTP.Method = "HU SH" }},
		"panic after a part of the answer": {serve: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, "half")
			panic(errors.New("a hole"))
		}},
		"no answer": {serve: func(http.ResponseWriter, *http.Request) {}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			event := post("/v2/webhooks", "{}")
			if tt.change != nil {
				tt.change(&event)
			}
			api := &fakeAPI{serve: tt.serve}
			printed := capture(t, func() {
				response, err := New(api).Respond(context.WithValue(t.Context(), key{}, "mine"), event)
				if err != nil || response.StatusCode != http.StatusInternalServerError || response.Body != "" {
					t.Errorf("answer %+v, %v, want the API's own", response, err)
				}
			})
			if api.failed == nil || api.failAt.Context().Value(key{}) != "mine" || api.failAt.URL.Path != "/v2/webhooks" {
				t.Fatalf("Fail was called with %v for %+v", api.failed, api.failAt)
			}
			if strings.Contains(strings.ToLower(printed+api.failed.Error()), "hu") && tt.change != nil {
				t.Errorf("printed %q, failed with %q", printed, api.failed)
			}
		})
	}
}

type key struct{}

// capture gives what is printed with package log and to the standard output.
func capture(t *testing.T, do func()) string {
	t.Helper()
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	before := os.Stdout
	out, err := os.CreateTemp(t.TempDir(), "stdout")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	os.Stdout = out
	defer func() { os.Stdout = before }()
	do()
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return logged.String() + string(text)
}

// What IAM authorises is served to who signed it, and to nobody else.
func TestOnlySignedRequestsAreServed(t *testing.T) {
	type authorizer = events.APIGatewayV2HTTPRequestContextAuthorizerDescription
	signed := &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{UserARN: "arn:aws:iam::123456789012:user/backend"}
	for name, tt := range map[string]struct {
		by   *authorizer
		want int
	}{
		"signed":            {by: &authorizer{IAM: signed}, want: http.StatusNoContent},
		"past IAM":          {want: http.StatusInternalServerError},
		"by something else": {by: &authorizer{Lambda: map[string]any{"user": "x"}}, want: http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			api := &fakeAPI{serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }}
			event := post("/events", "{}")
			event.RequestContext.Authorizer = tt.by
			response, err := NewSigned(api).Respond(t.Context(), event)
			if err != nil || response.StatusCode != tt.want || (api.failed != nil) != (tt.want != http.StatusNoContent) {
				t.Errorf("answer %+v, %v, failed: %v, want %d", response, err, api.failed, tt.want)
			}
		})
	}
}

// The API's own shape for an error on the way, with the id that the log has.
func TestFaultHasTheAPIsShape(t *testing.T) {
	var logged bytes.Buffer
	f := apitest.NewFixture(t, squake.API(), nil, &logged)
	event := post("/v2/webhooks", "no base64")
	event.IsBase64Encoded = true
	response, err := New(f.Handler(t, squake.API())).Respond(t.Context(), event)
	if err != nil || response.StatusCode != http.StatusInternalServerError || response.IsBase64Encoded ||
		!strings.HasPrefix(response.Body, `{"errors":[{"code":"server_error"`) || response.Headers["Content-Type"] != "application/json" {
		t.Errorf("answer %+v, %v", response, err)
	}
	_, id, _ := strings.Cut(response.Body, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	if len(id) != 36 || !strings.Contains(logged.String(), `"request_id":"`+id+`"`) || strings.Count(logged.String(), "\n") != 1 {
		t.Errorf("id %q, log %q", id, logged.String())
	}
}

// An encoded slash or dot in an id comes decoded, as a path that there is not.
func TestDecodedSegments(t *testing.T) {
	for _, a := range all.APIs() {
		gateway := New(apitest.NewFixture(t, a, nil, nil).Handler(t, a))
		for _, id := range []string{"a%2Fb", "%2e%2e", "%2e", "a%2f"} {
			r := gatewaytest.ReadRequest(t, "DELETE "+a.Prefix+"/webhooks/"+id+" HTTP/1.1")
			if response, err := gateway.Respond(t.Context(), gatewaytest.Event(r, "")); err != nil || response.StatusCode != http.StatusNotFound || response.Body == "" {
				t.Errorf("%s: %s: %+v, %v", a.Name, id, response, err)
			}
		}
	}
}
