package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/hookline/hookline/functions/internal/gateway"
	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/portal"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/store/dynamo"
)

// config is what the function reads from its environment beside the portal's
// settings.
type config struct {
	start.AWS
	Webhooks   string `env:"HOOKLINE_WEBHOOKS_TABLE,notEmpty"`
	Deliveries string `env:"HOOKLINE_DELIVERIES_TABLE,notEmpty"`
	start.Portal
}

// build builds the function from its environment variables. The error names
// every variable that is missing or invalid.
func build(ctx context.Context, environment map[string]string, log *slog.Logger) (*gateway.Function, error) {
	go portal.Prepare()
	c, err := start.Read[config](environment)
	settings, settingsErr := portal.ReadSettings(func(name string) string { return environment[name] }, "https://api") // whichever domain a request names
	if err := errors.Join(err, settingsErr); err != nil {
		return nil, err
	}
	client, err := start.DynamoDB(c.AWS)
	if err != nil {
		return nil, err
	}
	connected := start.Connect(ctx, client, log)
	store, err := dynamo.New(dynamo.Config{Client: client, Table: c.Webhooks, Deliveries: c.Deliveries})
	if err != nil {
		return nil, err
	}
	keys := keygen.New(rand.Reader, time.Now)
	handler := portal.NewOperator(portal.OperatorConfig{
		Access: access.NewLinks(store, keys, time.Now).Operator(), Store: store, APIs: all.APIs(),
		Settings: settings, URL: c.Portal.At, Keys: keys, Now: time.Now, Log: log,
	})
	connected()
	return gateway.New(handler), nil
}
