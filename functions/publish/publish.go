package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/hookline/hookline/functions/internal/gateway"
	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/functions/internal/worker"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/operator"
)

// build builds the function from its environment variables. The error names
// every variable that is missing or invalid.
func build(ctx context.Context, environment map[string]string, log *slog.Logger) (*gateway.Function, error) {
	keys := keygen.New(rand.Reader, time.Now)
	c, err := start.Read[worker.Config](environment)
	sendings, sendingsErr := api.Sendings(all.APIs(), api.Setup{
		Keys:     keys,
		Getenv:   func(name string) string { return environment[name] },
		Deployed: true,
	})
	if err := errors.Join(err, sendingsErr); err != nil {
		return nil, err
	}
	store, queue, err := c.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	return gateway.NewSigned(operator.New(operator.Config{
		Publisher: delivery.NewPublisher(delivery.PublisherConfig{
			Store: store, Queue: queue, Sendings: sendings, NewID: keys.UUID, Now: time.Now, Log: log,
		}),
		Keys: keys,
		Now:  time.Now,
		Log:  log,
	})), nil
}
