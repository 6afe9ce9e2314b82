package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

type accountCommands struct {
	Create accountCreate `cmd:"" help:"Create an account."`
	List   accountList   `cmd:"" help:"List the accounts of all APIs, or of one."`
	Delete accountDelete `cmd:"" help:"Delete an account with its tokens, webhooks and keys, and cancel its deliveries. Does not ask for confirmation. A running server or stack does all but the first step, unless --wait is given."`
}

// accountResult is the JSON output of an account.
type accountResult struct {
	Account string    `json:"account"`
	Created time.Time `json:"created"`
	// Closing is true while the account is being deleted.
	Closing bool `json:"closing,omitzero"`
}

func newAccountResult(info webhook.AccountInfo) accountResult {
	return accountResult{info.Account.String(), info.CreatedAt, info.Closing}
}

type accountCreate struct {
	Account accountName `arg:"" help:"The account, such as squake:acme." placeholder:"<api>:<id>"`
}

// Run creates the account, and the data directory if it does not exist.
func (c *accountCreate) Run(ctx context.Context, p *program) (err error) {
	s, err := p.openStore(ctx, createMissing)
	if err != nil {
		return err
	}
	defer s.closeInto(&err)
	info := webhook.AccountInfo{Account: c.Account.Account, CreatedAt: p.now().UTC().Truncate(time.Millisecond)}
	switch err := s.CreateAccount(ctx, info); {
	case errors.Is(err, webhook.ErrExists):
		if isClosing(ctx, s, info.Account) {
			return beingDeleted(p, info.Account)
		}
		return fmt.Errorf("account %s already exists", info.Account)
	case err != nil:
		return err
	}
	return p.show(newAccountResult(info), linef("created %s", info.Account))
}

type accountList struct {
	API apiName `arg:"" optional:"" name:"api" help:"Only accounts of this API."`
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
	for _, api := range all.APIs() {
		if c.API != "" && c.API != apiName(api.Name) {
			continue
		}
		infos, err := s.Accounts(ctx, api.Name)
		if err != nil {
			return err
		}
		for _, info := range infos {
			results = append(results, newAccountResult(info))
			row := []string{info.Account.String(), timeText(info.CreatedAt)}
			if info.Closing {
				row = append(row, "being deleted")
			}
			rows = append(rows, row)
		}
	}
	return p.show(results, table([]string{"ACCOUNT", "CREATED"}, rows))
}

type accountDelete struct {
	Account accountName `arg:"" help:"The account, such as squake:acme." placeholder:"<api>:<id>"`
	Wait    bool        `help:"Delete all of it here and now, which takes a minute, and show progress."`
}

// Run closes the account, and leaves the rest to the server or the stack, which
// completes it whatever happens.
func (c *accountDelete) Run(ctx context.Context, p *program) (err error) {
	if c.Wait {
		return c.complete(ctx, p)
	}
	s, err := p.openStore(ctx, mustExist)
	if err != nil {
		return err
	}
	defer s.closeInto(&err)
	account := c.Account.Account
	info, err := s.Store.Account(ctx, account)
	if err == nil {
		err = registry.CloseAccount(ctx, s, account, p.now())
	}
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return c.unknown(p)
	case err != nil:
		return err
	}
	info.Closing = true
	return p.show(newAccountResult(info), fmt.Sprintf("closed %s; the server or the stack deletes it within minutes; to do that here: %s account delete --wait %[1]s\n", account, p.again()))
}

// complete deletes the account with [registry.DeleteAccount]. Running it again
// completes an interrupted deletion. Deliveries under way are cancelled; their
// records remain until they expire.
func (c *accountDelete) complete(ctx context.Context, p *program) (err error) {
	s, err := p.openStore(ctx, mustExist)
	if err != nil {
		return err
	}
	defer s.closeInto(&err)
	account := c.Account.Account
	if err := c.announce(ctx, p, s); err != nil {
		return err
	}
	deleted, err := registry.DeleteAccount(ctx, s, account, p.now(), p.waitStopped)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return c.unknown(p)
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("deleting %s was interrupted; complete it with: %s account delete --wait %[1]s", account, p.again())
	case err != nil:
		return fmt.Errorf("%w; complete it with: %s account delete --wait %s", err, p.again(), account)
	}
	result := struct {
		Deleted   string `json:"deleted"`
		Tokens    int    `json:"tokens"`
		Webhooks  int    `json:"webhooks"`
		Cancelled int    `json:"cancelled"` // deliveries
	}{account.String(), deleted.Tokens, deleted.Webhooks, deleted.Cancelled}
	text := fmt.Sprintf("deleted %s with %s and %s", account, count(deleted.Tokens, "token"), count(deleted.Webhooks, "webhook"))
	if deleted.Cancelled > 0 {
		text += fmt.Sprintf(", and cancelled %d of its deliveries", deleted.Cancelled)
	}
	return p.show(result, linef("%s", text))
}

// announce writes what is about to be deleted to standard error, unless the
// output is JSON.
func (c *accountDelete) announce(ctx context.Context, p *program, s store.Store) error {
	if p.flags.JSON {
		return nil
	}
	account := c.Account.Account
	switch _, err := s.Account(ctx, account); {
	case errors.Is(err, webhook.ErrNotFound):
		return c.unknown(p)
	case err != nil:
		return err
	}
	tokens, err := s.Tokens(ctx, account)
	if err != nil {
		return err
	}
	webhooks, err := s.Webhooks(ctx, account)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(p.stderr, "deleting %s with %s and %s; this takes %.0f seconds, since servers may accept its tokens that long\n",
		account, count(len(tokens), "token"), count(len(webhooks), "webhook"), registry.DeletionPause.Seconds())
	return nil
}

func (c *accountDelete) unknown(p *program) error {
	return fmt.Errorf("there is no account %s; list them with: %s account list", c.Account.Account, p.again())
}

// count returns a number with its noun.
func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// noAccount returns the error for an account that does not exist or is being
// deleted.
func noAccount(ctx context.Context, p *program, s store.Store, a webhook.Account) error {
	if isClosing(ctx, s, a) {
		return beingDeleted(p, a)
	}
	return fmt.Errorf("there is no account %s; create it with: %s account create %[1]s", a, p.again())
}

func isClosing(ctx context.Context, s store.Store, a webhook.Account) bool {
	info, err := s.Account(ctx, a)
	return err == nil && info.Closing
}

func beingDeleted(p *program, a webhook.Account) error {
	return fmt.Errorf("account %s is being deleted; complete that with: %s account delete --wait %[1]s", a, p.again())
}
