package start

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/caarlos0/env/v11"

	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

// AWS has the variables that Lambda sets for every function. They do not change
// while the process lives. The endpoints are for tests.
type AWS struct {
	Region           string         `env:"AWS_REGION,notEmpty"`
	AccessKeyID      string         `env:"AWS_ACCESS_KEY_ID,notEmpty"`
	SecretAccessKey  webhook.Secret `env:"AWS_SECRET_ACCESS_KEY,notEmpty"`
	SessionToken     webhook.Secret `env:"AWS_SESSION_TOKEN"`
	DynamoDBEndpoint string         `env:"AWS_ENDPOINT_URL_DYNAMODB"`
}

// Credentials returns the credentials of the function's requests.
func (a AWS) Credentials() dynamo.StaticCredentials {
	return dynamo.StaticCredentials{
		AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken,
	}
}

// DynamoDB returns a client.
func DynamoDB(a AWS) (*dynamodb.Client, error) {
	return dynamo.NewClient(dynamo.ClientConfig{
		Region: a.Region, Credentials: a.Credentials(), Endpoint: a.DynamoDBEndpoint, Now: time.Now,
	})
}

// PublicKey is an uncompressed P-256 point, in standard base64 in the
// environment. Package seal validates it.
type PublicKey []byte

// Read returns a T whose fields are set from the environment variables that
// their tags name.
func Read[T any](environment map[string]string) (T, error) {
	read, err := env.ParseAsWithOptions[T](env.Options{
		Environment: environment,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[webhook.Secret]():    func(v string) (any, error) { return webhook.NewSecret(v), nil },
			reflect.TypeFor[PublicKey]():         parsePublicKey,
			reflect.TypeFor[validate.Networks](): parseNetworks,
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

// parseNetworks refuses the addresses of the function itself: on one of them
// Lambda gives out events and takes responses.
func parseNetworks(v string) (any, error) {
	list, err := validate.ParseNetworks(strings.Split(v, ",")...)
	if err == nil && slices.ContainsFunc(list, validate.Network.HasLoopback) {
		err = errors.New("not allowed")
	}
	return list, err
}

// describe names the variable that an error is about.
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
	case reflect.TypeFor[validate.Networks]():
		return fmt.Errorf("%s: must be networks, comma between, such as 10.20.0.0/16; none may be link-local or loopback", name)
	}
	return fmt.Errorf("%s: cannot be read", name)
}

// OneLine returns an error's text in one line, for the log.
func OneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
