package main

import (
	"fmt"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/webhook"
)

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
	api, err := all.Find(string(account.API))
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
	api, err := all.Find(string(text))
	*n = apiName(api.Name)
	return err
}
