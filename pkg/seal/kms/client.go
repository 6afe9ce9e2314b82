package kms

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
)

// ClientConfig says where KMS is and who calls it.
type ClientConfig struct {
	// Region is the AWS region, such as eu-central-1.
	Region      string
	Credentials aws.CredentialsProvider
	// Endpoint is the URL of another KMS than the region's own; empty for
	// AWS.
	Endpoint string
	// HTTPClient sends the requests; nil for the SDK's own.
	HTTPClient *http.Client
}

// NewClient builds a KMS client that reads no files, environment or metadata
// service. It tries a request up to three times; neither of the calls made
// here does harm when it happens twice.
func NewClient(c ClientConfig) *awskms.Client {
	options := awskms.Options{
		Region:      c.Region,
		Credentials: c.Credentials,
		Retryer:     retry.NewStandard(),
	}
	if c.Endpoint != "" {
		options.BaseEndpoint = aws.String(c.Endpoint)
	}
	if c.HTTPClient != nil {
		options.HTTPClient = c.HTTPClient
	}
	return awskms.New(options)
}
