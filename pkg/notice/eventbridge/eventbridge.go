// Package eventbridge sends notices to an event bus of Amazon EventBridge.
package eventbridge

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/hookline/hookline/pkg/notice"
	"github.com/hookline/hookline/pkg/webhook"
)

// source is that of all events.
const source = "hookline"

const (
	// maxTries is how often a notice is sent, 2 seconds each: the next sweep
	// sends it again.
	maxTries   = 2
	tryTimeout = 2 * time.Second
	maxIdle    = 45 * time.Second
)

// Config configures a Sender.
type Config struct {
	Region      string
	Credentials aws.CredentialsProvider
	// Endpoint is the URL of another EventBridge than the region's. It is empty
	// for AWS.
	Endpoint string
	// Bus is the name or ARN of the event bus.
	Bus string
}

// Sender is a notice.Sender.
type Sender struct {
	client *eventbridge.Client
	bus    string
}

var _ notice.Sender = (*Sender)(nil)

// New makes a sender that reads no files, SDK environment variables or metadata
// service.
func New(c Config) *Sender {
	options := eventbridge.Options{
		Region:      c.Region,
		Credentials: c.Credentials,
		Retryer:     retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = maxTries }),
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(tryTimeout).WithTransportOptions(func(t *http.Transport) {
			t.IdleConnTimeout = maxIdle
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}),
	}
	if c.Endpoint != "" {
		options.BaseEndpoint = aws.String(c.Endpoint)
	}
	return &Sender{client: eventbridge.New(options), bus: c.Bus}
}

// Send puts a notice on the bus: its type is the detail type, its body with its
// id the detail.
func (s *Sender) Send(ctx context.Context, n webhook.Notice) error {
	detail, err := notice.BodyWithID(n)
	if err != nil {
		return err
	}
	out, err := s.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: aws.String(s.bus),
		Source:       aws.String(source),
		DetailType:   aws.String(string(n.Type)),
		Detail:       aws.String(string(detail)),
		Time:         aws.Time(n.At),
	}}})
	if err != nil {
		return fmt.Errorf("put event: %w", err)
	}
	// A response of 200 may say that the entry was not taken.
	if len(out.Entries) != 1 || out.Entries[0].EventId == nil {
		code := "no entry"
		if len(out.Entries) == 1 {
			code = aws.ToString(out.Entries[0].ErrorCode)
		}
		return fmt.Errorf("put event: not taken: %s", code)
	}
	return nil
}
