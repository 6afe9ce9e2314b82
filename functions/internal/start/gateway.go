package start

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/hookline/hookline/pkg/api"
)

// Gateway answers what an HTTP API of API Gateway sends (payload format 2.0)
// with an API's handler. The API's stage must be $default, as in template.yaml:
// the name of any other stands before each path. Whatever goes wrong on the way
// to the handler, and a panic in it, is answered in the API's own shape.
type Gateway struct {
	api   api.Handler
	proxy *httpadapter.HandlerAdapterV2
}

// NewGateway puts a handler behind the gateway.
func NewGateway(api api.Handler) *Gateway {
	return &Gateway{api: api, proxy: httpadapter.NewV2(asSent(api))}
}

// Respond handles one request. The error is always nil.
func (g *Gateway) Respond(ctx context.Context, event events.APIGatewayV2HTTPRequest) (response events.APIGatewayV2HTTPResponse, err error) {
	defer func() {
		if p := recover(); p != nil {
			response, err = g.fail(ctx, event, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	prepared, err := prepare(ctx, event)
	if err == nil {
		response, err = g.proxy.ProxyWithContext(ctx, prepared)
	}
	if err != nil {
		return g.fail(ctx, event, err)
	}
	return response, nil
}

// fail lets the API answer for an internal error.
func (g *Gateway) fail(ctx context.Context, event events.APIGatewayV2HTTPRequest, cause error) (events.APIGatewayV2HTTPResponse, error) {
	w := core.NewProxyResponseWriterV2()
	r := &http.Request{
		Method: event.RequestContext.HTTP.Method,
		URL:    &url.URL{Path: event.RawPath},
		Header: http.Header{},
		Body:   http.NoBody,
	}
	g.api.Fail(w, r.WithContext(ctx), fmt.Errorf("request of the gateway: %w", cause))
	return w.GetProxyResponse()
}

// errUnreadable holds nothing of the request: a query may hold what belongs in
// no log.
var errUnreadable = errors.New("method, host or query cannot be read")

// prepare makes of an event what the adapter reads without fail, since it
// prints what it cannot read.
func prepare(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPRequest, error) {
	if event.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return event, fmt.Errorf("decode body: %w", err)
		}
		event.Body, event.IsBase64Encoded = string(body), false
	}
	// An HTTP API decodes the path that it hands over as raw.
	event.RawPath = (&url.URL{Path: event.RawPath}).EscapedPath()
	target := "https://" + event.RequestContext.DomainName + "/?" + event.RawQueryString
	if _, err := http.NewRequestWithContext(ctx, event.RequestContext.HTTP.Method, target, nil); err != nil {
		return event, errUnreadable
	}
	return event, nil
}

// asSent undoes what the adapter does to the method: HTTP tells upper case
// from lower (RFC 9110, section 9.1).
func asSent(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sent, ok := core.GetAPIGatewayV2ContextFromContext(r.Context()); ok {
			r.Method = sent.HTTP.Method
		}
		api.ServeHTTP(w, r)
	})
}
