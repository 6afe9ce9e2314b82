package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/registry"
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
	b, err := p.open(ctx, createMissing)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	result, err := b.CreateAccount(ctx, c.Account.Account)
	switch {
	case errors.Is(err, webhook.ErrExists):
		if isClosing(ctx, b, c.Account.Account) {
			return beingDeleted(p, c.Account.Account)
		}
		return fmt.Errorf("account %s already exists", c.Account)
	case err != nil:
		return err
	}
	return p.show(result, linef("created %s", c.Account))
}

type accountList struct {
	API apiName `arg:"" optional:"" name:"api" help:"Only accounts of this API."`
}

// Run lists accounts, ordered by API and id.
func (c *accountList) Run(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	var results []accountResult
	var rows [][]string
	for _, api := range all.APIs() {
		if c.API != "" && c.API != apiName(api.Name) {
			continue
		}
		found, err := b.Accounts(ctx, api.Name)
		if err != nil {
			return err
		}
		for _, a := range found {
			results = append(results, a)
			row := []string{a.Account, p.listTime(&a.Created), ""}
			if a.Closing {
				row[2] = "being deleted"
			}
			rows = append(rows, row)
		}
	}
	columns := []column{{name: "ACCOUNT"}, {name: "CREATED"}, {}}
	return list(p, "accounts", results, p.table(columns, rows))
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
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	result, err := b.CloseAccount(ctx, c.Account.Account)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return c.unknown(p)
	case err != nil:
		return err
	}
	wait := "to do that here"
	if p.flags.remote() {
		wait = "to wait for that"
	}
	return p.show(result, linef("closed %s; the server or the stack deletes it within minutes; %s: %s account delete --wait %[1]s", c.Account, wait, p.again()))
}

// deletionResult is the JSON output of a deletion.
type deletionResult struct {
	Deleted   string `json:"deleted"`
	Tokens    int    `json:"tokens"`
	Webhooks  int    `json:"webhooks"`
	Cancelled *int   `json:"cancelled"` // deliveries; null: not known
}

// complete returns when the account is deleted. Running it again completes an
// interrupted deletion. Deliveries under way are cancelled; their records
// remain until they expire.
func (c *accountDelete) complete(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	if err := c.announce(ctx, p, b); err != nil {
		return err
	}
	result, err := b.DeleteAccount(ctx, c.Account.Account)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return c.unknown(p)
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("deleting %s was interrupted; complete it with: %s account delete --wait %[1]s", c.Account, p.again())
	case err != nil:
		return fmt.Errorf("%w; complete it with: %s account delete --wait %s", err, p.again(), c.Account)
	}
	text := fmt.Sprintf("deleted %s with %s and %s", c.Account, count(result.Tokens, "token"), count(result.Webhooks, "webhook"))
	if result.Cancelled != nil && *result.Cancelled > 0 {
		text += fmt.Sprintf(", and cancelled %d of its deliveries", *result.Cancelled)
	}
	return p.show(result, linef("%s", text))
}

// announce writes what is about to be deleted to standard error, unless the
// output is JSON.
func (c *accountDelete) announce(ctx context.Context, p *program, b backend) error {
	if p.flags.JSON {
		return nil
	}
	account := c.Account.Account
	tokens, err := b.Tokens(ctx, account)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return c.unknown(p)
	case err != nil:
		return err
	}
	webhooks, err := b.Webhooks(ctx, account)
	if err != nil {
		return err
	}
	duration := fmt.Sprintf("%.0f seconds", registry.DeletionPause.Seconds())
	if p.flags.remote() {
		duration = "some minutes"
	}
	_, _ = fmt.Fprintf(p.stderr, "deleting %s with %s and %s; this takes %s, since servers may accept its tokens that long\n",
		account, count(len(tokens), "token"), count(len(webhooks), "webhook"), duration)
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
func noAccount(ctx context.Context, p *program, b backend, a webhook.Account) error {
	if isClosing(ctx, b, a) {
		return beingDeleted(p, a)
	}
	return fmt.Errorf("there is no account %s; create it with: %s account create %[1]s", a, p.again())
}

func isClosing(ctx context.Context, b backend, a webhook.Account) bool {
	info, err := b.Account(ctx, a)
	return err == nil && info.Closing
}

func beingDeleted(p *program, a webhook.Account) error {
	return fmt.Errorf("account %s is being deleted; complete that with: %s account delete --wait %[1]s", a, p.again())
}
