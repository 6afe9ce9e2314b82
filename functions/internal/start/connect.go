package start

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// connectLimit bounds how long the start of a function waits for DynamoDB. It
// is many times what DNS, TCP and TLS take within a region.
const connectLimit = 250 * time.Millisecond

// Connect opens a connection to DynamoDB for the client's first request while
// the function starts. A process has whole processors until it asks Lambda for
// its first request, and a fraction of one afterwards, so the TLS handshake
// should be done before. The returned function waits until the connection is
// open or connectLimit has passed. Connect does nothing for an endpoint without
// TLS.
//
// It makes no call of DynamoDB's API: the first call costs more than the
// connection, and a request that is refused before any lookup would wait for it
// in vain. Instead it requests "/", which anyone may, and ignores the response.
func Connect(ctx context.Context, client *dynamodb.Client, log *slog.Logger) (connected func()) {
	options := client.Options()
	endpoint, err := options.EndpointResolverV2.ResolveEndpoint(ctx, dynamodb.EndpointParameters{
		Region: aws.String(options.Region), Endpoint: options.BaseEndpoint,
	})
	if err != nil || endpoint.URI.Scheme != "https" {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	ready, stop := context.WithCancel(ctx)
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { stop() }}
	go func() {
		defer cancel()
		if err := get(httptrace.WithClientTrace(ctx, trace), options.HTTPClient, endpoint.URI.String()); err != nil {
			log.Warn("connect to DynamoDB", slog.String("error", err.Error()))
		}
	}()
	return func() { <-ready.Done() }
}

// get requests a page and reads the response to its end, so that the connection
// can be reused.
func get(ctx context.Context, client dynamodb.HTTPClient, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	return errors.Join(err, resp.Body.Close())
}
