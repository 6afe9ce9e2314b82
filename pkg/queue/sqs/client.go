package sqs

import (
	"crypto/tls"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	// maxTries is how often a batch is sent, and maxPause the longest wait
	// before it is sent again. A batch that was accepted but whose response was
	// lost is sent twice, which does no harm.
	maxTries = 3
	maxPause = 500 * time.Millisecond
	// tryTimeout bounds one try, so that a connection that died while a
	// function was frozen leaves time for another.
	tryTimeout = 2 * time.Second
	// maxIdle is how long an idle connection is kept. It is below the minute or
	// so after which load balancers drop idle connections.
	maxIdle = 45 * time.Second
	// idleConns is how many connections are kept: as many as a batch of
	// attempts that all fail at once sends for the next ones over.
	idleConns = 128
)

// ClientConfig configures an SQS client.
type ClientConfig struct {
	// Region is the AWS region, such as eu-central-1.
	Region      string
	Credentials aws.CredentialsProvider
	// Endpoint is the URL of another SQS than the region's. It is empty for
	// AWS.
	Endpoint string
	// HTTPClient sends the requests. If nil, NewClient makes one for SQS.
	HTTPClient *http.Client
}

// NewClient returns an SQS client that reads no files, SDK environment
// variables or metadata service. It tries a request up to three times, 2
// seconds each.
func NewClient(c ClientConfig) *awssqs.Client {
	options := awssqs.Options{
		Region:      c.Region,
		Credentials: c.Credentials,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = maxTries, maxPause
		}),
	}
	if c.Endpoint != "" {
		options.BaseEndpoint = aws.String(c.Endpoint)
	}
	if c.HTTPClient != nil {
		options.HTTPClient = c.HTTPClient
	} else {
		options.HTTPClient = awshttp.NewBuildableClient().WithTimeout(tryTimeout).WithTransportOptions(func(t *http.Transport) {
			t.IdleConnTimeout = maxIdle
			t.MaxIdleConns, t.MaxIdleConnsPerHost = idleConns, idleConns
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		})
	}
	return awssqs.New(options)
}
