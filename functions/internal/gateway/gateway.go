// Package gateway serves HTTP handlers behind API Gateway: it turns the events of
// an HTTP API into requests, and responses back. Whatever comes from the gateway
// is answered in the handler's own shape. It knows no store and no AWS but
// Lambda's events.
package gateway

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

// Function serves the requests of an API Gateway HTTP API (payload format 2.0)
// with an API's handler. The API's stage must be $default, as in template.yaml:
// paths of any other stage begin with its name. If something goes wrong before
// the handler, or the handler panics, the response still has the API's own
// shape.
type Function struct {
	api    api.Handler
	proxy  *httpadapter.HandlerAdapterV2
	signed bool
}

// New returns a Function for a handler.
func New(api api.Handler) *Function {
	return &Function{api: api, proxy: httpadapter.NewV2(asSent(api))}
}

// NewSigned returns a Function for a handler that leaves it to IAM who may call
// it. It serves no request of which API Gateway does not say who signed it: that
// one came past the authorizer, as a path with a slash more could
// (https://www.infoq.com/news/2026/06/aws-api-gateway-auth-bypass/).
func NewSigned(api api.Handler) *Function {
	f := New(api)
	f.signed = true
	return f
}

// Respond handles one request. The error is always nil.
func (f *Function) Respond(ctx context.Context, event events.APIGatewayV2HTTPRequest) (response events.APIGatewayV2HTTPResponse, err error) {
	defer func() {
		if p := recover(); p != nil {
			response, err = f.fail(ctx, event, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	prepared, err := prepare(ctx, event)
	if by := event.RequestContext.Authorizer; f.signed && (by == nil || by.IAM == nil) {
		err = errUnsigned
	}
	if err == nil {
		response, err = f.proxy.ProxyWithContext(ctx, prepared)
	}
	if err != nil {
		return f.fail(ctx, event, err)
	}
	if event.RequestContext.HTTP.Method == http.MethodHead {
		response.Body = "" // as net/http does
	}
	return response, nil
}

// fail returns the API's response to an internal error.
func (f *Function) fail(ctx context.Context, event events.APIGatewayV2HTTPRequest, cause error) (events.APIGatewayV2HTTPResponse, error) {
	w := core.NewProxyResponseWriterV2()
	r := &http.Request{
		Method: event.RequestContext.HTTP.Method,
		URL:    &url.URL{Path: event.RawPath},
		Header: http.Header{},
		Body:   http.NoBody,
	}
	f.api.Fail(w, r.WithContext(ctx), fmt.Errorf("request of the gateway: %w", cause))
	return w.GetProxyResponse()
}

var errUnsigned = errors.New("IAM authorized nobody")

// errUnreadable contains nothing of the request: a query may contain what
// belongs in no log.
var errUnreadable = errors.New("method, host or query cannot be read")

// prepare turns an event into one that the adapter reads without error, since
// the adapter prints what it cannot read.
func prepare(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPRequest, error) {
	if event.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return event, fmt.Errorf("decode body: %w", err)
		}
		event.Body, event.IsBase64Encoded = string(body), false
	}
	// An HTTP API decodes the path, although it calls it raw.
	event.RawPath = (&url.URL{Path: event.RawPath}).EscapedPath()
	target := "https://" + event.RequestContext.DomainName + "/?" + event.RawQueryString
	if _, err := http.NewRequestWithContext(ctx, event.RequestContext.HTTP.Method, target, nil); err != nil {
		return event, errUnreadable
	}
	return event, nil
}

// asSent restores the method that the adapter changed: HTTP distinguishes upper
// from lower case (RFC 9110, section 9.1).
func asSent(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sent, ok := core.GetAPIGatewayV2ContextFromContext(r.Context()); ok {
			r.Method = sent.HTTP.Method
		}
		api.ServeHTTP(w, r)
	})
}
