package start_test

import (
	"crypto/tls"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// The connection stands, its TLS handshake done, when the start is over.
func TestConnect(t *testing.T) {
	var handshakes atomic.Int64
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		handshakes.Add(1)
		return nil, nil // the server's own
	}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the test ends in the middle of a request
	server.StartTLS()
	defer server.Close()
	client, err := dynamo.NewClient(dynamo.ClientConfig{
		Region: "eu-central-1", Endpoint: server.URL, HTTPClient: server.Client(),
		Credentials: dynamo.StaticCredentials{AccessKeyID: "AKID", SecretAccessKey: webhook.NewSecret("secret")},
	})
	if err != nil {
		t.Fatal(err)
	}
	start.Connect(t.Context(), client, slog.New(slog.DiscardHandler))()
	if n := handshakes.Load(); n != 1 {
		t.Errorf("%d TLS handshakes at the start, want 1", n)
	}
}

// An endpoint without TLS is left alone.
func TestConnectWithoutTLS(t *testing.T) {
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }))
	client := dynamodb.New(dynamodb.Options{Region: "eu-central-1", BaseEndpoint: &server.URL, HTTPClient: server.Client()})
	start.Connect(t.Context(), client, slog.New(slog.DiscardHandler))()
	server.Close() // waits for requests that are served
	if len(asked) > 0 {
		t.Error("the endpoint was asked")
	}
}
