package dynamo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hookline/hookline/pkg/webhook"
)

// ClientConfig configures a DynamoDB client.
type ClientConfig struct {
	// Region is the AWS region, such as eu-central-1.
	Region string
	// Credentials sign the requests; see [StaticCredentials].
	Credentials aws.CredentialsProvider
	// Endpoint is the URL of another DynamoDB than the region's, such as
	// DynamoDB Local. It is empty for AWS.
	Endpoint string
	// HTTPClient sends the requests. If nil, NewClient makes one for DynamoDB.
	HTTPClient dynamodb.HTTPClient
	// Now is the clock that measures how long connections are idle. If nil,
	// time.Now is used.
	Now func() time.Time
}

// NewClient returns a DynamoDB client without the SDK's configuration
// machinery. It reads no files, environment, metadata service or account
// endpoints, so a function starts fast and stays small. The client sends each
// request once; [Store] retries, since it knows which requests may be repeated.
//
// The error wraps [webhook.ErrInvalid] if Region or Credentials are missing.
func NewClient(c ClientConfig) (*dynamodb.Client, error) {
	switch {
	case c.Region == "":
		return nil, fmt.Errorf("dynamodb client: %w: no region", webhook.ErrInvalid)
	case c.Credentials == nil:
		return nil, fmt.Errorf("dynamodb client: %w: no credentials", webhook.ErrInvalid)
	}
	options := dynamodb.Options{
		Region:                c.Region,
		Credentials:           c.Credentials,
		HTTPClient:            c.HTTPClient,
		Retryer:               aws.NopRetryer{},
		AccountIDEndpointMode: aws.AccountIDEndpointModeDisabled,
		EndpointDiscovery:     dynamodb.EndpointDiscoveryOptions{EnableEndpointDiscovery: aws.EndpointDiscoveryDisabled},
	}
	if c.Endpoint != "" {
		options.BaseEndpoint = aws.String(c.Endpoint)
	}
	if c.HTTPClient == nil {
		now := c.Now
		if now == nil {
			now = time.Now
		}
		options.HTTPClient = newHTTPClient(now)
	}
	return dynamodb.New(options), nil
}

// StaticCredentials are credentials that do not change while the process lives,
// such as those in a Lambda function's environment.
type StaticCredentials struct {
	AccessKeyID     string
	SecretAccessKey webhook.Secret
	// SessionToken belongs to temporary credentials. It is the zero Secret for
	// others.
	SessionToken webhook.Secret
}

// Retrieve returns the credentials to the SDK. It fails if the access key id or
// the secret is empty.
func (c StaticCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	if c.AccessKeyID == "" || c.SecretAccessKey.Reveal() == "" {
		return aws.Credentials{}, errors.New("static credentials: access key id or secret is empty")
	}
	return aws.Credentials{
		AccessKeyID:     c.AccessKeyID,
		SecretAccessKey: c.SecretAccessKey.Reveal(),
		SessionToken:    c.SessionToken.Reveal(),
		Source:          "static",
	}, nil
}

// Time-outs of the HTTP client. Connecting fails before a try does
// (defaultTryTimeout), so that a dead address counts as "nothing was sent".
const (
	dialTimeout      = time.Second
	handshakeTimeout = time.Second
	// maxIdle is how long an idle connection is reused. It is below the minute
	// or so after which load balancers drop idle connections.
	maxIdle = 45 * time.Second
	// idleConns is how many connections are kept for a process that serves many
	// requests at once: as many as a batch of the slow lane, or a sweep, has
	// under way. A Lambda function of an API uses one.
	idleConns = 128
)

func newHTTPClient(now func() time.Time) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	return &http.Client{
		Transport: &freshTransport{now: now, base: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			TLSHandshakeTimeout:   handshakeTimeout,
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
			MaxIdleConns:          idleConns,
			MaxIdleConnsPerHost:   idleConns,
			IdleConnTimeout:       maxIdle,
			ExpectContinueTimeout: time.Second,
			DisableCompression:    true,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// freshTransport closes connections that were idle for more than maxIdle by the
// wall clock. The transport's own timer uses the monotonic clock, which stops
// while a Lambda function is frozen. The first request after a thaw would use a
// connection that the other side closed long ago, and its outcome would be
// unknown.
type freshTransport struct {
	base *http.Transport
	now  func() time.Time
	last atomic.Int64 // wall clock of the latest use, ns
}

func (t *freshTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	now := t.now().UnixNano()
	last := t.last.Swap(now)
	if idle := time.Duration(now - last); last != 0 && (idle < 0 || idle > maxIdle) {
		t.base.CloseIdleConnections()
	}
	return t.base.RoundTrip(r)
}
