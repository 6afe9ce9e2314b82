package main

import (
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/hookline/hookline/pkg/seal/keyring"
	"github.com/hookline/hookline/pkg/seal/kmskeys"
	"github.com/hookline/hookline/pkg/store/dynamostore"
	"github.com/hookline/hookline/pkg/webhook"
)

// config is all that the function reads from its environment. Lambda sets
// region and credentials; the endpoints are for tests and local runs.
type config struct {
	Table            string         `env:"HOOKLINE_WEBHOOKS_TABLE,notEmpty"`
	SealingKeyARN    string         `env:"HOOKLINE_SEALING_KEY_ARN,notEmpty"`
	Region           string         `env:"AWS_REGION,notEmpty"`
	AccessKeyID      string         `env:"AWS_ACCESS_KEY_ID,notEmpty"`
	SecretAccessKey  webhook.Secret `env:"AWS_SECRET_ACCESS_KEY,notEmpty"`
	SessionToken     webhook.Secret `env:"AWS_SESSION_TOKEN"`
	DynamoDBEndpoint string         `env:"AWS_ENDPOINT_URL_DYNAMODB"`
	KMSEndpoint      string         `env:"AWS_ENDPOINT_URL_KMS"`
}

// readConfig reads environ, in the form of os.Environ. The error names every
// variable that is missing, in one line.
func readConfig(environ []string) (config, error) {
	c, err := env.ParseAsWithOptions[config](env.Options{
		Environment: env.ToMap(environ),
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[webhook.Secret](): func(text string) (any, error) { return webhook.NewSecret(text), nil },
		},
	})
	if err != nil {
		return config{}, fmt.Errorf("read configuration: %w", err)
	}
	return c, nil
}

// newHandler puts the function together. It makes no request.
func newHandler(c config, log *slog.Logger) (*keyring.Handler, error) {
	credentials := dynamostore.StaticCredentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
	}
	client, err := dynamostore.NewClient(dynamostore.ClientConfig{
		Region: c.Region, Credentials: credentials, Endpoint: c.DynamoDBEndpoint, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	store, err := dynamostore.New(dynamostore.Config{Client: client, Table: c.Table})
	if err != nil {
		return nil, err
	}
	kms := kmskeys.NewClient(kmskeys.ClientConfig{
		Region: c.Region, Credentials: credentials, Endpoint: c.KMSEndpoint,
	})
	return keyring.New(store, kmskeys.NewGenerator(kms, c.SealingKeyARN, time.Now), log), nil
}
