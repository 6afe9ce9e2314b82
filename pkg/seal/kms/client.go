package kms

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
)

// tryTimeout bounds one try. All attempts of a batch wait for one call, and a
// connection that died while the function was frozen must leave them time.
const tryTimeout = 3 * time.Second

// ClientConfig says where KMS is and who calls it.
type ClientConfig struct {
	// Region is the AWS region, such as eu-central-1.
	Region      string
	Credentials aws.CredentialsProvider
	// Endpoint is the URL of another KMS than the region's own; empty for
	// AWS.
	Endpoint string
	// HTTPClient sends the requests; nil for one that KMS must answer in time.
	HTTPClient *http.Client
}

// NewClient builds a KMS client that reads no files, environment or metadata
// service. It tries a request up to three times, 3 seconds each; neither of the
// calls made here does harm when it happens twice.
func NewClient(c ClientConfig) *awskms.Client {
	options := awskms.Options{
		Region:      c.Region,
		Credentials: c.Credentials,
		Retryer:     retry.NewStandard(),
		HTTPClient:  awshttp.NewBuildableClient().WithTimeout(tryTimeout),
	}
	if c.HTTPClient != nil {
		options.HTTPClient = c.HTTPClient
	}
	if c.Endpoint != "" {
		options.BaseEndpoint = aws.String(c.Endpoint)
	}
	return awskms.New(options)
}
