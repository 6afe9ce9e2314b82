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
	"github.com/hookline/hookline/pkg/portal"
	"github.com/hookline/hookline/pkg/portal/access"
)

// config is what the function reads from its environment beside the settings of
// the portal and of the APIs.
type config struct {
	worker.Config
	start.Sealing
	start.URLs
}

// build builds the function from its environment variables. The error names
// every variable that is missing or invalid, AbbeyCross's hours only when nothing
// else is.
func build(ctx context.Context, environment map[string]string, log *slog.Logger) (*gateway.Function, error) {
	go portal.Prepare()
	setup := api.Setup{
		Keys: keygen.New(rand.Reader, time.Now), Now: time.Now, Log: log,
		Getenv: func(name string) string { return environment[name] }, Deployed: true,
	}
	c, err := start.Read[config](environment)
	settings, settingsErr := portal.ReadSettings(setup.Getenv, "https://api") // whichever domain a request names
	sendings, sendingsErr := api.Sendings(all.APIs(), setup)
	if err := errors.Join(err, settingsErr, sendingsErr); err != nil {
		return nil, err
	}
	store, queue, openErr := c.Open(ctx, log)
	sealer, sealerErr := c.Sealer()
	if err := errors.Join(openErr, sealerErr); err != nil {
		return nil, err
	}
	setup.Store, setup.Sealer, setup.URLs = store, sealer, c.Policy()
	handler, err := portal.New(portal.Config{
		Access: access.NewLinks(store, setup.Keys, time.Now), Store: store, Queue: queue,
		APIs: all.APIs(), Setup: setup, Sendings: sendings,
		Tester: delivery.NewTester(delivery.TesterConfig{
			Store: store, Queue: queue, Sendings: sendings, NewID: setup.Keys.UUID, Now: time.Now,
		}),
		Settings: settings,
	})
	if err != nil {
		return nil, err
	}
	return gateway.New(handler), nil
}
