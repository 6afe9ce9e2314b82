package main

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/functions/internal/worker"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/queue/sqs"
	"github.com/hookline/hookline/pkg/seal/kms"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/webhook"
)

// reserve is how much of the function's time is reserved for recording the
// results of attempts: a little more than the worker's own limit for that. An
// attempt without a response by then is cut off and its message returns to the
// queue, rather than the whole batch.
const reserve = 12 * time.Second

// config is what the function reads besides worker.Config.
type config struct {
	worker.Config
	SealingKeyARN string `env:"HOOKLINE_SEALING_KEY_ARN,notEmpty"`
	KMSEndpoint   string `env:"AWS_ENDPOINT_URL_KMS"` // for tests
	// NoticeBus is where sweep sends notices. This function stores them, unless
	// it is empty.
	NoticeBus string `env:"HOOKLINE_NOTICE_BUS"`
	start.URLs
}

// sender returns how attempts are made.
func (c config) sender() sender.Config {
	return sender.Config{
		Version: webhook.Version, AllowHTTP: c.AllowHTTP, AllowPrivate: c.AllowPrivate, AllowNetworks: c.AllowNetworks, Now: time.Now,
	}
}

// build builds the function from its environment variables. The error names
// every variable that is missing or invalid.
func build(ctx context.Context, environment map[string]string, log *slog.Logger) (*handler, error) {
	c, err := start.Read[config](environment)
	keys := keygen.New(crand.Reader, time.Now)
	// It needs no settings of the APIs: what an event may be was checked when it
	// was published.
	sendings, sendingsErr := api.Sendings(all.APIs(), api.Setup{Keys: keys, Getenv: func(string) string { return "" }})
	if err := errors.Join(err, sendingsErr); err != nil {
		return nil, err
	}
	store, queue, err := c.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	var noticeID func() (string, error)
	if c.NoticeBus != "" {
		noticeID = keys.UUID
	}
	client := kms.NewClient(kms.ClientConfig{Region: c.Region, Credentials: c.Credentials(), Endpoint: c.KMSEndpoint})
	return &handler{
		attempt: delivery.NewWorker(delivery.WorkerConfig{
			Store:    store,
			Queue:    queue,
			Sender:   sender.New(c.sender()),
			Opener:   open.New(kms.NewUnwrapper(client, c.SealingKeyARN, store)),
			Sendings: sendings,
			Now:      time.Now,
			Jitter:   rand.N[time.Duration],
			Log:      log,
			NoticeID: noticeID,
		}).Attempt,
		log: log,
	}, nil
}

// handler makes attempts.
type handler struct {
	attempt func(context.Context, webhook.Message) (delivery.Outcome, error)
	log     *slog.Logger
}

// Deliver makes the attempts of a batch concurrently, so that a slow receiver
// delays no other. Only messages that failed with an internal error return to
// the queue; the error is always nil.
func (h *handler) Deliver(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	ctx, cancel := worker.Within(ctx, reserve)
	defer cancel()
	failures := make([]error, len(batch.Records))
	var all sync.WaitGroup
	for i, record := range batch.Records {
		all.Go(func() { failures[i] = h.deliver(ctx, record) })
	}
	all.Wait()
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, err := range failures {
		if err == nil {
			continue
		}
		id := batch.Records[i].MessageId
		h.log.LogAttrs(ctx, slog.LevelError, "message returned to queue", slog.String("message", id), slog.String("error", err.Error()))
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
	}
	return response, nil
}

func (h *handler) deliver(ctx context.Context, record events.SQSMessage) (err error) {
	defer func() {
		if p := recover(); p != nil { // otherwise it would fail the whole batch
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	m, err := sqs.Decode(record.Body)
	if err != nil {
		return err
	}
	_, err = h.attempt(ctx, m)
	return err
}
