// Package start reads what a Lambda function is told by its environment, and
// opens the connection to DynamoDB that it starts with.
//
// It guarantees that everything wrong is reported at once, by the names of the
// variables, and that no value of one is in an error.
package start

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/caarlos0/env/v11"

	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// AWS is what Lambda tells every function. It does not change while the
// process lives. The endpoints are for trials.
type AWS struct {
	Region           string         `env:"AWS_REGION,notEmpty"`
	AccessKeyID      string         `env:"AWS_ACCESS_KEY_ID,notEmpty"`
	SecretAccessKey  webhook.Secret `env:"AWS_SECRET_ACCESS_KEY,notEmpty"`
	SessionToken     webhook.Secret `env:"AWS_SESSION_TOKEN"`
	DynamoDBEndpoint string         `env:"AWS_ENDPOINT_URL_DYNAMODB"`
}

// Credentials sign the function's requests.
func (a AWS) Credentials() dynamo.StaticCredentials {
	return dynamo.StaticCredentials{
		AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken,
	}
}

// DynamoDB gives a client.
func (a AWS) DynamoDB() (*dynamodb.Client, error) {
	return dynamo.NewClient(dynamo.ClientConfig{
		Region: a.Region, Credentials: a.Credentials(), Endpoint: a.DynamoDBEndpoint, Now: time.Now,
	})
}

// PublicKey is an uncompressed P-256 point, in the environment as standard
// base64. Package seal judges it.
type PublicKey []byte

// Read fills a T, whose fields say which variables they are, from an
// environment given as NAME to value.
func Read[T any](environment map[string]string) (T, error) {
	read, err := env.ParseAsWithOptions[T](env.Options{
		Environment: environment,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[webhook.Secret](): func(v string) (any, error) { return webhook.NewSecret(v), nil },
			reflect.TypeFor[PublicKey]():      parsePublicKey,
		},
	})
	errs, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return read, err
	}
	described := make([]error, len(errs.Errors))
	for i, err := range errs.Errors {
		described[i] = describe(reflect.TypeFor[T](), err)
	}
	return read, errors.Join(described...)
}

func parsePublicKey(v string) (any, error) {
	point, err := base64.StdEncoding.DecodeString(v)
	return PublicKey(point), err
}

// describe names the variable that a fault is about.
func describe(of reflect.Type, err error) error {
	if empty, ok := errors.AsType[env.EmptyVarError](err); ok {
		return fmt.Errorf("%s: must be set", empty.Key)
	}
	unreadable, ok := errors.AsType[env.ParseError](err)
	if !ok {
		return err
	}
	field, _ := of.FieldByName(unreadable.Name)
	name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	switch field.Type {
	case reflect.TypeFor[bool]():
		return fmt.Errorf("%s: must be true or false", name)
	case reflect.TypeFor[PublicKey]():
		return fmt.Errorf("%s: must be standard base64", name)
	}
	return fmt.Errorf("%s: cannot be read", name)
}

// OneLine is an error in one line, for the log.
func OneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
