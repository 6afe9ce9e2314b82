// Package start starts a Lambda function that serves an API: it reads the
// environment, builds what the API works with, opens the connection to
// DynamoDB while Lambda initialises the process, and answers API Gateway's
// requests.
//
// It guarantees that whatever comes from the gateway is answered in the API's
// own shape, and that everything wrong with the configuration is reported in
// one line, at the start, without the value of any secret. It refuses to run
// with a configuration that is not whole. It holds no rules of any API.
package start

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/caarlos0/env/v11"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/validate"
)

// Table is a variable of the environment that names a table.
type Table string

// Deliveries is the table of deliveries.
const Deliveries Table = "HOOKLINE_DELIVERIES_TABLE"

// Serve runs a function of an API, and does not return. All functions answer
// all routes of their API, as far as their roles let them; which requests come
// to which, the gateway's routes say. needs are the tables that the function
// cannot do without, beside the one of webhooks.
func Serve(a api.API, needs ...Table) {
	log := newLog(os.Stderr)
	// The Lambda runtime and the adapter print with package log.
	slog.SetDefault(log)
	g, err := build(context.Background(), a, needs, env.ToMap(os.Environ()), log)
	if err != nil {
		log.Error("cannot start", slog.String("api", string(a.Name)), slog.String("error", err.Error()))
		os.Exit(1)
	}
	lambda.Start(g.Respond)
}

func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }

// build builds a function from its environment and connects it. The error
// names, in one line, every variable that is missing or wrong. That DynamoDB
// cannot be reached is none: each request finds out for itself.
func build(ctx context.Context, a api.API, needs []Table, environment map[string]string, log *slog.Logger) (*Gateway, error) {
	setup := api.Setup{
		Keys:     keygen.New(rand.Reader, time.Now),
		Now:      time.Now,
		Log:      log,
		Getenv:   func(name string) string { return environment[name] },
		Deployed: true,
	}
	connected := func() {}
	c, err := readConfig(environment, needs)
	if err == nil {
		connected, err = c.open(ctx, &setup)
	}
	// The API judges its own settings even when others are wrong.
	handler, apiErr := a.New(setup)
	if err := errors.Join(err, apiErr); err != nil {
		return nil, errors.New(OneLine(err))
	}
	connected()
	return NewGateway(handler), nil
}

// open adds to an API's setup what the configuration says. The function that
// it returns waits for the connection to DynamoDB, as long as that is worth it.
func (c config) open(ctx context.Context, setup *api.Setup) (connected func(), err error) {
	client, err := c.DynamoDB()
	if err != nil {
		return nil, err
	}
	connected = Connect(ctx, client, setup.Log)
	store, storeErr := c.store(client)
	sealer, sealerErr := c.sealer()
	setup.Store, setup.Sealer = store, sealer
	setup.URLs = validate.URLPolicy{AllowHTTP: c.AllowHTTP, AllowPrivate: c.AllowPrivate}
	return connected, errors.Join(storeErr, sealerErr)
}
