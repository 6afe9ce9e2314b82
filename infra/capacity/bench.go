package main

import (
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"crypto/x509"
	"io"
	"log/slog"
	mrand "math/rand/v2"
	"sync"
	"time"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/queue/sqs"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// bench is Hookline's code with an account that has one webhook.
type bench struct {
	publisher *delivery.Publisher
	worker    *delivery.Worker
	sweeper   *delivery.Sweeper
	queue     *noting
	account   webhook.Account
}

const (
	benchEvent = "order"
	benchKey   = "bench"
)

// noting notes the messages that are sent to SQS.
type noting struct {
	*sqs.Queue
	mu   sync.Mutex
	sent []webhook.Message
}

func (q *noting) Send(ctx context.Context, list []webhook.Message) error {
	q.mu.Lock()
	q.sent = append(q.sent, list...)
	q.mu.Unlock()
	return q.Queue.Send(ctx, list)
}

// take returns what was sent since the last call.
func (q *noting) take() []webhook.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.sent
	q.sent = nil
	return list
}

func newBench(ctx context.Context, database string, r *remote) (*bench, error) {
	client, err := dynamo.NewClient(dynamo.ClientConfig{
		Region: dynamolocal.Region, Credentials: dynamolocal.Credentials(), Endpoint: database,
	})
	if err != nil {
		return nil, err
	}
	config := dynamo.Config{
		Client: client, Table: "webhooks", Deliveries: "deliveries", TryTimeout: time.Minute, CallTimeout: time.Minute,
	}
	store, err := dynamo.New(config)
	if err != nil {
		return nil, err
	}
	if err := dynamo.CreateTable(ctx, config); err != nil {
		return nil, err
	}
	queue, err := sqs.New(sqs.Config{
		Client: sqs.NewClient(sqs.ClientConfig{
			Region: dynamolocal.Region, Credentials: dynamolocal.Credentials(), Endpoint: r.SQS,
		}),
		QueueURL: r.SQS, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	b := &bench{queue: &noting{Queue: queue}, account: webhook.Account{API: worst, ID: "acme"}}
	keys, err := b.register(ctx, store, r.Receiver)
	if err != nil {
		return nil, err
	}
	return b, b.build(store, keys, r)
}

// register creates the account and its webhook, and returns the sealing key.
func (b *bench) register(ctx context.Context, store *dynamo.Store, url string) (*sealingKey, error) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	sealer, err := seal.NewSealer(benchKey, private.PublicKey().Bytes(), time.Now)
	if err != nil {
		return nil, err
	}
	key, err := keygen.New(rand.Reader, time.Now).Base64Key()
	if err != nil {
		return nil, err
	}
	w := webhook.Webhook{
		Account: b.account, Event: benchEvent, ID: "w1", RequestID: "r1", URL: url, Version: 1,
		CreatedAt: time.Now().UTC().Truncate(time.Millisecond), SendPayload: true,
	}
	if w.SealedKey, err = sealer.Seal(seal.WebhookKey(b.account, w.ID), key); err != nil {
		return nil, err
	}
	if err := store.CreateAccount(ctx, webhook.AccountInfo{Account: b.account, CreatedAt: w.CreatedAt}); err != nil {
		return nil, err
	}
	_, err = store.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}})
	return &sealingKey{private}, err
}

// sealingKey has the private key at hand, as a function has it from its first
// delivery on.
type sealingKey struct{ private *ecdh.PrivateKey }

func (k *sealingKey) Private(context.Context, string) (hpke.PrivateKey, error) {
	return hpke.NewDHKEMPrivateKey(k.private)
}

// build makes publisher, worker and sweeper.
func (b *bench) build(store *dynamo.Store, keys *sealingKey, r *remote) error {
	s, err := sending(worst)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(r.Certificate))
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	sendings := map[webhook.API]webhook.Sending{worst: s}
	b.publisher = delivery.NewPublisher(delivery.PublisherConfig{
		Store: store, Queue: b.queue, Sendings: sendings, NewID: keygen.New(rand.Reader, time.Now).UUID, Now: time.Now, Log: log,
	})
	b.worker = delivery.NewWorker(delivery.WorkerConfig{
		Store: store, Queue: b.queue, Opener: open.New(keys), Sendings: sendings, Now: time.Now, Jitter: mrand.N[time.Duration],
		Sender: sender.New(sender.Config{AllowPrivate: true, Roots: roots}), Log: log,
	})
	// All that was published and not attempted is late to it.
	later := func() time.Time { return time.Now().Add(time.Hour) }
	b.sweeper = delivery.NewSweeper(delivery.SweeperConfig{Store: store, Queue: b.queue, Now: later, Log: log, Ahead: time.Minute})
	return nil
}
