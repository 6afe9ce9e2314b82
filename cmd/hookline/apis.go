package main

import (
	"fmt"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/webhook"
)

// accountName is an account on the command line. Its API exists and allows its
// id.
type accountName struct {
	webhook.Account
	api api.API
}

// UnmarshalText parses "<api>:<id>". The error wraps [webhook.ErrInvalid] and
// describes a valid account.
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

// apiName is the name of an existing API.
type apiName webhook.API

// UnmarshalText parses the name. The error wraps [webhook.ErrInvalid].
func (n *apiName) UnmarshalText(text []byte) error {
	api, err := all.Find(string(text))
	*n = apiName(api.Name)
	return err
}

func (*apiName) suggestions() (names []string) {
	for _, api := range all.APIs() {
		names = append(names, string(api.Name))
	}
	return names
}
