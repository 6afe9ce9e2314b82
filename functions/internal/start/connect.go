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

// connectLimit bounds how long the start of a function waits for DynamoDB:
// many times what name look-up, TCP and TLS take within a region.
const connectLimit = 250 * time.Millisecond

// Connect opens a connection to DynamoDB that the client's first request will
// find, beside whatever else the start does. Lambda lends a process whole
// processors until it asks for its first request, and a fraction of one from
// then on: the TLS handshake belongs before. The function returned waits until
// the connection stands or connectLimit is over. An endpoint without TLS has no
// handshake to get out of the way, and is left alone.
//
// It is no call of DynamoDB's API, since the first of those costs more than the
// connection, and a request that is refused before any look-up would wait for
// nothing. Anyone may ask DynamoDB for "/"; any answer will do, and nobody
// waits for it.
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

// get asks for a page and reads the answer to its end, so that the connection
// can be used again.
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
