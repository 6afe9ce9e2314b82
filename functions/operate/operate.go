package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/hookline/hookline/functions/internal/gateway"
	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/functions/internal/worker"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/portal/access"
)

// config is what the function reads from its environment.
type config struct {
	worker.Config
	// ServesPortal says that the stack has one.
	ServesPortal bool `env:"HOOKLINE_PORTAL"`
	start.Portal
}

// build builds the function from its environment variables. The error names
// every variable that is missing or invalid.
func build(ctx context.Context, environment map[string]string, log *slog.Logger) (*gateway.Function, error) {
	c, err := start.Read[config](environment)
	if err != nil {
		return nil, err
	}
	keys := keygen.New(rand.Reader, time.Now)
	// Samples of events need no settings: what a webhook may have was checked when
	// it was registered.
	sendings, err := api.Sendings(all.APIs(), api.Setup{Keys: keys, Getenv: func(string) string { return "" }})
	if err != nil {
		return nil, err
	}
	store, queue, err := c.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	manage := operator.ManageConfig{
		Store:    store,
		Queue:    queue,
		APIs:     all.APIs(),
		Sendings: sendings,
		Keys:     keys,
		Now:      time.Now,
		Log:      log,
	}
	if c.ServesPortal {
		manage.Links, manage.PortalURL = access.NewLinks(store, keys, time.Now), c.Portal.At
	}
	return gateway.NewSigned(operator.NewManage(manage)), nil
}
