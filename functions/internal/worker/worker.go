// Package worker is what the functions that publish, deliver and sweep have in
// common: both tables, and the two queues between them. It opens no signing key.
package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/queue/sqs"
	"github.com/hookline/hookline/pkg/store/dynamo"
)

// Config is what these functions read from their environment. template.yaml
// sets the HOOKLINE_ variables, Lambda the others.
type Config struct {
	start.AWS
	Webhooks     string `env:"HOOKLINE_WEBHOOKS_TABLE,notEmpty"`
	Deliveries   string `env:"HOOKLINE_DELIVERIES_TABLE,notEmpty"`
	QueueURL     string `env:"HOOKLINE_QUEUE_URL,notEmpty"`
	SlowQueueURL string `env:"HOOKLINE_SLOW_QUEUE_URL,notEmpty"`
	SQSEndpoint  string `env:"AWS_ENDPOINT_URL_SQS"` // for tests
}

// Open connects the function to its tables and its queues. It returns with the
// connection to DynamoDB open if that is possible quickly.
func (c Config) Open(ctx context.Context, log *slog.Logger) (*dynamo.Store, *sqs.Queue, error) {
	client, err := start.DynamoDB(c.AWS)
	if err != nil {
		return nil, nil, err
	}
	connected := start.Connect(ctx, client, log)
	store, storeErr := dynamo.New(dynamo.Config{Client: client, Table: c.Webhooks, Deliveries: c.Deliveries})
	queue, queueErr := sqs.New(sqs.Config{
		Client: sqs.NewClient(sqs.ClientConfig{
			Region: c.Region, Credentials: c.Credentials(), Endpoint: c.SQSEndpoint,
		}),
		QueueURL: c.QueueURL, SlowQueueURL: c.SlowQueueURL,
		Now: time.Now,
	})
	connected()
	return store, queue, errors.Join(storeErr, queueErr)
}

// Within returns a context that ends reserve before the function's time does,
// so that results can still be recorded. Lambda gives every invocation a
// deadline.
func Within(ctx context.Context, reserve time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}
