// Package start is what Lambda functions begin with. It reads their environment
// and connects to DynamoDB while Lambda initialises the process; and it serves
// an API behind the gateway.
//
// It guarantees that everything wrong with the configuration is reported in one
// line at the start, by the names of the variables, without any value. It
// refuses to run with a configuration that is not whole, and holds no rules of
// any API.
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

	"github.com/hookline/hookline/functions/internal/gateway"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/registry"
)

// Table is an environment variable that names a table.
type Table string

// Deliveries is the table of deliveries.
const Deliveries Table = "HOOKLINE_DELIVERIES_TABLE"

// Serve runs a function of an API and never returns. All functions serve all
// routes of their API as far as their roles permit; the gateway's routes say
// which requests go to which function. needs are the tables that the function
// requires besides that of webhooks.
func Serve(a api.API, needs ...Table) {
	log := NewLog(os.Stderr)
	g, err := build(context.Background(), a, needs, env.ToMap(os.Environ()), log)
	if err != nil {
		log.Error("cannot start", slog.String("api", string(a.Name)), slog.String("error", err.Error()))
		os.Exit(1)
	}
	lambda.Start(g.Respond)
}

// Run builds a function from the environment variables, and runs the handler
// that handler returns. It never returns: if the environment is invalid, it
// logs that in one line and ends the process.
func Run[F any](build func(context.Context, map[string]string, *slog.Logger) (F, error), handler func(F) any) {
	log := NewLog(os.Stderr)
	function, err := build(context.Background(), env.ToMap(os.Environ()), log)
	if err != nil {
		log.Error("cannot start", slog.String("error", OneLine(err)))
		os.Exit(1)
	}
	lambda.Start(handler(function))
}

// NewLog returns a logger that writes lines of JSON to w, and makes it the
// default, so that the messages of the Lambda runtime and the adapter, which
// print with package log, go there too.
func NewLog(w io.Writer) *slog.Logger {
	log := slog.New(slog.NewJSONHandler(w, nil))
	slog.SetDefault(log)
	return log
}

// build builds a function from its environment variables and connects it. The
// error names, in one line, every variable that is missing or invalid. It is
// not an error if DynamoDB cannot be reached: each request finds out for
// itself.
func build(ctx context.Context, a api.API, needs []Table, environment map[string]string, log *slog.Logger) (*gateway.Function, error) {
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
	if err != nil {
		setup.Store, setup.Sealer = missing{}, missing{}
	}
	// The API checks its own settings even when others are wrong.
	handler, apiErr := a.New(setup)
	if err := errors.Join(err, apiErr); err != nil {
		return nil, errors.New(OneLine(err))
	}
	connected()
	return gateway.New(handler), nil
}

// missing stands for what a function that does not start would have used.
type missing struct {
	api.Store
	registry.Sealer
}

// open adds to an API's setup what the configuration says. The function that
// it returns waits for the connection to DynamoDB, as long as that is worth it.
func (c config) open(ctx context.Context, setup *api.Setup) (connected func(), err error) {
	client, err := DynamoDB(c.AWS)
	if err != nil {
		return nil, err
	}
	connected = Connect(ctx, client, setup.Log)
	store, storeErr := c.store(client)
	sealer, sealerErr := c.Sealer()
	if sealerErr == nil {
		// A data key takes 0.2 ms, which nobody waits for whose request is refused.
		go sealer.Prepare()
	}
	setup.Store, setup.Sealer = store, sealer
	setup.URLs = c.Policy()
	return connected, errors.Join(storeErr, sealerErr)
}
