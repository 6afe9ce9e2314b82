package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/internal/test/gatewaytest"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
)

// Every golden exchange, recorded from the wire, has the same answer when it
// comes through API Gateway: none is left out but those of which the gateway
// makes other requests (TestDecodedSegments).
func TestGoldenThroughTheGateway(t *testing.T) {
	for _, a := range all.APIs() {
		t.Run(string(a.Name), func(t *testing.T) {
			t.Parallel()
			dir := "../../../pkg/api/" + string(a.Name) + "/testdata"
			apitest.GoldenOver(t, a, dir, func(h api.Handler) apitest.Wire { return gatewayWire{h, New(h)} })
		})
	}
}

// gatewayWire turns requests into what an HTTP API hands to a function, as
// JSON, and the function's JSON into what the HTTP API answers.
type gatewayWire struct {
	api     api.Handler
	gateway *Function
}

func (gatewayWire) Close() {}

func (w gatewayWire) Send(t *testing.T, head, body string) []byte {
	t.Helper()
	r := gatewaytest.ReadRequest(t, head)
	if !gatewaytest.Faithful(r) {
		return direct(t, w.api, r, body)
	}
	var response events.APIGatewayV2HTTPResponse
	roundTrip(t, w.invoke(t, gatewaytest.Event(r, body)), &response)
	return gatewaytest.Response(t, response)
}

func (w gatewayWire) invoke(t *testing.T, sent events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	var event events.APIGatewayV2HTTPRequest
	roundTrip(t, sent, &event)
	response, err := w.gateway.Respond(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return response
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

// An encoded slash or dot in an id comes decoded, as a path that there is not.
func TestDecodedSegments(t *testing.T) {
	for _, api := range all.APIs() {
		f := apitest.NewFixture(t, api, nil, nil)
		w := gatewayWire{gateway: New(f.Handler(t, api))}
		for _, id := range []string{"a%2Fb", "%2e%2e", "%2e", "a%2f"} {
			r := gatewaytest.ReadRequest(t, "DELETE "+api.Prefix+"/webhooks/"+id+" HTTP/1.1")
			if response := w.invoke(t, gatewaytest.Event(r, "")); response.StatusCode != http.StatusNotFound || response.Body == "" {
				t.Errorf("%s: %s: %+v", api.Name, id, response)
			}
		}
	}
}
