package boot

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/caarlos0/env/v11"

	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/store/dynamostore"
	"github.com/hookline/hookline/pkg/webhook"
)

// config is what a function is told by its environment. template.yaml sets the
// HOOKLINE_ variables, Lambda the AWS_ ones; neither change while the process
// lives.
type config struct {
	Webhooks string `env:"HOOKLINE_WEBHOOKS_TABLE,notEmpty"`
	// Deliveries is empty where the function needs none.
	Deliveries   string    `env:"HOOKLINE_DELIVERIES_TABLE"`
	SealingKeyID string    `env:"HOOKLINE_SEALING_KEY_ID,notEmpty"`
	SealingKey   publicKey `env:"HOOKLINE_SEALING_PUBLIC_KEY,notEmpty"`
	AllowHTTP    bool      `env:"HOOKLINE_ALLOW_HTTP"`
	AllowPrivate bool      `env:"HOOKLINE_ALLOW_PRIVATE"`

	Region          string         `env:"AWS_REGION,notEmpty"`
	AccessKeyID     string         `env:"AWS_ACCESS_KEY_ID,notEmpty"`
	SecretAccessKey webhook.Secret `env:"AWS_SECRET_ACCESS_KEY,notEmpty"`
	SessionToken    webhook.Secret `env:"AWS_SESSION_TOKEN"`
	// Endpoint is another DynamoDB than the region's, for trials.
	Endpoint string `env:"AWS_ENDPOINT_URL_DYNAMODB"`
}

// publicKey is an uncompressed P-256 point. Package seal judges it.
type publicKey []byte

// readConfig reads the environment, given as NAME to value. The error names
// every variable that is missing or wrong, and holds the value of none.
func readConfig(environment map[string]string, needs []Table) (config, error) {
	c, err := parseConfig(environment)
	for _, table := range needs {
		if environment[string(table)] == "" {
			err = errors.Join(err, fmt.Errorf("%s: must be set", table))
		}
	}
	return c, err
}

func parseConfig(environment map[string]string) (config, error) {
	var c config
	err := env.ParseWithOptions(&c, env.Options{
		Environment: environment,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[webhook.Secret](): func(v string) (any, error) { return webhook.NewSecret(v), nil },
			reflect.TypeFor[publicKey]():      parsePublicKey,
		},
	})
	faults, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return c, err
	}
	described := make([]error, len(faults.Errors))
	for i, fault := range faults.Errors {
		described[i] = describe(fault)
	}
	return c, errors.Join(described...)
}

func parsePublicKey(v string) (any, error) {
	point, err := base64.StdEncoding.DecodeString(v)
	return publicKey(point), err
}

// describe names the variable that a fault is about.
func describe(fault error) error {
	if empty, ok := errors.AsType[env.EmptyVarError](fault); ok {
		return fmt.Errorf("%s: must be set", empty.Key)
	}
	unreadable, ok := errors.AsType[env.ParseError](fault)
	if !ok {
		return fault
	}
	field, _ := reflect.TypeFor[config]().FieldByName(unreadable.Name)
	name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	switch field.Type {
	case reflect.TypeFor[bool]():
		return fmt.Errorf("%s: must be true or false", name)
	case reflect.TypeFor[publicKey]():
		return fmt.Errorf("%s: must be standard base64", name)
	}
	return fmt.Errorf("%s: cannot be read", name)
}

// client reaches DynamoDB.
func (c config) client() (*dynamodb.Client, error) {
	return dynamostore.NewClient(dynamostore.ClientConfig{
		Region: c.Region,
		Credentials: dynamostore.StaticCredentials{
			AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		},
		Endpoint: c.Endpoint,
		Now:      time.Now,
	})
}

func (c config) store(client *dynamodb.Client) (*dynamostore.Store, error) {
	return dynamostore.New(dynamostore.Config{Client: client, Table: c.Webhooks, Deliveries: c.Deliveries})
}

func (c config) sealer() (*seal.Sealer, error) {
	sealer, err := seal.NewSealer(c.SealingKeyID, c.SealingKey, time.Now)
	if err != nil {
		return nil, fmt.Errorf("HOOKLINE_SEALING_KEY_ID, HOOKLINE_SEALING_PUBLIC_KEY: %w", err)
	}
	return sealer, nil
}
