package start

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/validate"
)

// config is what a function reads from its environment. template.yaml sets the
// HOOKLINE_ variables, Lambda the others.
type config struct {
	AWS
	Webhooks string `env:"HOOKLINE_WEBHOOKS_TABLE,notEmpty"`
	// Deliveries is empty for functions that need no deliveries.
	Deliveries string `env:"HOOKLINE_DELIVERIES_TABLE"`
	Sealing
	URLs
}

// readConfig reads the environment variables. The error names every variable
// that is missing or invalid, and shows no value.
func readConfig(environment map[string]string, needs []Table) (config, error) {
	c, err := Read[config](environment)
	for _, table := range needs {
		if environment[string(table)] == "" {
			err = errors.Join(err, fmt.Errorf("%s: must be set", table))
		}
	}
	return c, err
}

func (c config) store(client *dynamodb.Client) (*dynamo.Store, error) {
	return dynamo.New(dynamo.Config{Client: client, Table: c.Webhooks, Deliveries: c.Deliveries})
}

// Sealing says what signing keys are sealed to.
type Sealing struct {
	KeyID string    `env:"HOOKLINE_SEALING_KEY_ID,notEmpty"`
	Key   PublicKey `env:"HOOKLINE_SEALING_PUBLIC_KEY,notEmpty"`
}

// Sealer returns a sealer.
func (s Sealing) Sealer() (*seal.Sealer, error) {
	sealer, err := seal.NewSealer(s.KeyID, s.Key, time.Now)
	if err != nil {
		return nil, fmt.Errorf("HOOKLINE_SEALING_KEY_ID, HOOKLINE_SEALING_PUBLIC_KEY: %w", err)
	}
	return sealer, nil
}

// Portal says where browsers reach the pages of the portal.
type Portal struct {
	// URL is a domain of the stack's own. It is empty where the domain is the one
	// that AWS gives the API: a template cannot tell its name, since the API needs
	// its functions first.
	URL string `env:"HOOKLINE_PORTAL_URL"`
}

// At returns where that is. The request came by the same API, which answers by
// https alone.
func (p Portal) At(r *http.Request) string { return cmp.Or(p.URL, "https://"+r.Host) }

// URLs says where webhooks may point to.
type URLs struct {
	AllowHTTP     bool              `env:"HOOKLINE_ALLOW_HTTP"`
	AllowPrivate  bool              `env:"HOOKLINE_ALLOW_PRIVATE"`
	AllowNetworks validate.Networks `env:"HOOKLINE_ALLOW_NETWORK"`
}

// Policy returns the policy for registering URLs.
func (u URLs) Policy() validate.URLPolicy {
	return validate.URLPolicy{AllowHTTP: u.AllowHTTP, AllowPrivate: u.AllowPrivate, AllowNetworks: u.AllowNetworks}
}
