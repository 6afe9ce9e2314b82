package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

type accountCommands struct {
	Create accountCreate `cmd:"" help:"Create an account."`
	List   accountList   `cmd:"" help:"List the accounts of all APIs, or of one."`
}

// accountResult is an account in the output for machines.
type accountResult struct {
	Account string    `json:"account"`
	Created time.Time `json:"created"`
}

type accountCreate struct {
	Account accountName `arg:"" help:"The account, such as squake:acme." placeholder:"<api>:<id>"`
}

// Run creates the account, and the data directory if there is none.
func (c *accountCreate) Run(ctx context.Context, p *program) (err error) {
	s, err := p.openStore(ctx, createMissing)
	if err != nil {
		return err
	}
	defer s.closeInto(&err)
	info := webhook.AccountInfo{Account: c.Account.Account, CreatedAt: p.now().UTC().Truncate(time.Millisecond)}
	switch err := s.CreateAccount(ctx, info); {
	case errors.Is(err, webhook.ErrExists):
		return fmt.Errorf("account %s exists already", info.Account)
	case err != nil:
		return err
	}
	return p.show(accountResult{info.Account.String(), info.CreatedAt}, fmt.Sprintf("created %s\n", info.Account))
}

type accountList struct {
	API apiName `arg:"" optional:"" name:"api" help:"Only those of this API."`
}

// Run lists accounts, ordered by API and id.
func (c *accountList) Run(ctx context.Context, p *program) (err error) {
	s, err := p.openStore(ctx, mustExist)
	if err != nil {
		return err
	}
	defer s.closeInto(&err)
	var results []accountResult
	var rows [][]string
	for _, api := range dialects() {
		if c.API != "" && c.API != apiName(api.Name) {
			continue
		}
		infos, err := s.Accounts(ctx, api.Name)
		if err != nil {
			return err
		}
		for _, info := range infos {
			results = append(results, accountResult{info.Account.String(), info.CreatedAt})
			rows = append(rows, []string{info.Account.String(), timeText(info.CreatedAt)})
		}
	}
	return p.show(results, table([]string{"ACCOUNT", "CREATED"}, rows))
}
