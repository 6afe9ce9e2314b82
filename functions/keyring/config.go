package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/seal/kms"
	"github.com/hookline/hookline/pkg/store/dynamo"
)

// config is all that the function reads from its environment.
type config struct {
	start.AWS
	Table         string `env:"HOOKLINE_WEBHOOKS_TABLE,notEmpty"`
	SealingKeyARN string `env:"HOOKLINE_SEALING_KEY_ARN,notEmpty"`
	KMSEndpoint   string `env:"AWS_ENDPOINT_URL_KMS"` // for tests
}

// readConfig reads the environment, in the form of os.Environ. The error names
// every missing variable in one line.
func readConfig(environment []string) (config, error) {
	c, err := start.Read[config](env.ToMap(environment))
	if err != nil {
		return config{}, fmt.Errorf("read configuration: %s", start.OneLine(err))
	}
	return c, nil
}

// newHandler builds the handler. It makes no request.
func newHandler(c config, log *slog.Logger) (*handler, error) {
	client, err := start.DynamoDB(c.AWS)
	if err != nil {
		return nil, err
	}
	store, err := dynamo.New(dynamo.Config{Client: client, Table: c.Table})
	if err != nil {
		return nil, err
	}
	kmsClient := kms.NewClient(kms.ClientConfig{
		Region: c.Region, Credentials: c.Credentials(), Endpoint: c.KMSEndpoint,
	})
	return &handler{
		store:     store,
		generator: kms.NewGenerator(kmsClient, c.SealingKeyARN, time.Now),
		log:       log,
		now:       time.Now,
		jitter:    rand.N[time.Duration],
	}, nil
}
