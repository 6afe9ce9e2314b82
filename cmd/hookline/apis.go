package main

import (
	"fmt"
	"strings"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/abbeycross"
	"github.com/hookline/hookline/pkg/api/shoptet"
	"github.com/hookline/hookline/pkg/api/squake"
	"github.com/hookline/hookline/pkg/webhook"
)

// apis are the APIs that this program serves. Nothing else in it names
// one.
func apis() []api.API {
	return []api.API{squake.API(), shoptet.API(), abbeycross.API()}
}

// descriptions are the APIs' descriptions in OpenAPI, as YAML.
func descriptions() map[webhook.API]string {
	return map[webhook.API]string{
		squake.API().Name:     squake.OpenAPI(),
		shoptet.API().Name:    shoptet.OpenAPI(),
		abbeycross.API().Name: abbeycross.OpenAPI(),
	}
}

// findAPI gives the API of that name. The error wraps webhook.ErrInvalid and
// says which there are.
func findAPI(name string) (api.API, error) {
	var names []string
	for _, api := range apis() {
		if string(api.Name) == name {
			return api, nil
		}
		names = append(names, string(api.Name))
	}
	return api.API{}, fmt.Errorf("API %q: %w: there are %s", name, webhook.ErrInvalid, strings.Join(names, ", "))
}

// accountName is an account as the command line has it: of an API there is,
// with an id that the API allows.
type accountName struct {
	webhook.Account
	api api.API
}

// UnmarshalText reads "<api>:<id>". The error wraps webhook.ErrInvalid and says
// what an account looks like.
func (n *accountName) UnmarshalText(text []byte) error {
	account, err := webhook.ParseAccount(string(text))
	if err != nil {
		return err
	}
	api, err := findAPI(string(account.API))
	if err != nil {
		return err
	}
	if err := api.CheckAccountID(account.ID); err != nil {
		return fmt.Errorf("account %q: %w: %w", text, webhook.ErrInvalid, err)
	}
	*n = accountName{Account: account, api: api}
	return nil
}

// apiName is the name of an API there is.
type apiName webhook.API

// UnmarshalText reads the name. The error wraps webhook.ErrInvalid.
func (n *apiName) UnmarshalText(text []byte) error {
	api, err := findAPI(string(text))
	*n = apiName(api.Name)
	return err
}
