package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// operatorAccount returns the account of the operator's own tokens. It belongs
// to no API, so no API accepts them.
func operatorAccount() webhook.Account { return webhook.Account{API: "operator", ID: "local"} }

type tokenCommands struct {
	Create tokenCreate `cmd:"" help:"Create a token and print it. It cannot be shown again."`
	List   tokenList   `cmd:"" help:"List the tokens of an account by id; the tokens themselves are not stored."`
	Revoke tokenRevoke `cmd:"" help:"Revoke a token. Servers refuse it within 30 seconds."`
}

// owner selects the account of a token. Exactly one of the flags must be given.
type owner struct {
	Account  accountName `help:"The account, such as squake:acme." placeholder:"<api>:<id>" required:"" xor:"owner"`
	Operator bool        `help:"The operator, who publishes events to a local server and manages it." required:"" xor:"owner"`
}

func (o owner) account() webhook.Account {
	if o.Operator {
		return operatorAccount()
	}
	return o.Account.Account
}

// tokenResult is the JSON output of a token. Token is the token itself, only
// when it has just been created.
type tokenResult struct {
	Token   string     `json:"token,omitzero"`
	ID      string     `json:"id"`
	Account string     `json:"account"`
	Rights  []string   `json:"rights"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires"` // null: never
}

func newTokenResult(t webhook.Token) tokenResult {
	r := tokenResult{ID: t.ID, Account: t.Account.String(), Rights: strings.Split(t.Rights.String(), ","), Created: t.CreatedAt}
	if !t.ExpiresAt.IsZero() {
		r.Expires = &t.ExpiresAt
	}
	return r
}

type tokenCreate struct {
	owner
	Rights  rights         `help:"Rights of the token, if the API distinguishes them (default: all); of the operator's, some of publish, read and write (default: publish)." placeholder:"read,write"`
	Expires *time.Duration `help:"How long the token is valid (default: forever)." placeholder:"30d"`
}

// rights are the rights of a token.
type rights webhook.Rights

// UnmarshalText parses rights separated by commas. The error wraps
// [webhook.ErrInvalid].
func (r *rights) UnmarshalText(text []byte) error {
	parsed, err := webhook.ParseRights(string(text))
	*r = rights(parsed)
	return err
}

func (*rights) suggestions() []string {
	return []string{"read", "write", "read,write", "publish", "publish,read,write"}
}

// Validate checks the combination of flags.
func (c *tokenCreate) Validate() error {
	switch {
	case c.Rights != 0 && !c.Operator && !c.Account.api.Rights:
		return fmt.Errorf("--rights: %s does not distinguish rights", c.Account.API)
	case !c.Operator && !webhook.AllRights.Has(webhook.Rights(c.Rights)):
		return fmt.Errorf("--rights %s: give read, write or both, separated by a comma; only the operator publishes", webhook.Rights(c.Rights))
	case c.Expires != nil && *c.Expires < time.Second:
		return fmt.Errorf("--expires: %v is too short; give a duration such as 24h or 30d", *c.Expires)
	}
	return nil
}

// Run creates a token and prints it after storing it.
func (c *tokenCreate) Run(ctx context.Context, p *program) (err error) {
	mode := mustExist
	if c.Operator {
		mode = createMissing
	}
	if err := c.check(p); err != nil {
		return err
	}
	b, err := p.open(ctx, mode)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	var expires time.Duration
	if c.Expires != nil {
		expires = *c.Expires
	}
	result, err := b.CreateToken(ctx, c.account(), c.granted(), expires)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return noAccount(ctx, p, b, c.account())
	case err != nil:
		return err
	}
	return p.show(result, result.Token+"\n")
}

// check refuses the operator's tokens where they are not to be had.
func (o owner) check(p *program) error {
	switch {
	case o.Operator && p.flags.Stack != "":
		return usageErrorf("--operator is for a local server; a deployed stack authorises the operator by AWS credentials")
	case o.Operator && p.flags.remote():
		return usageErrorf("--operator: the operator's own tokens are managed on the server's data, with --data or --store")
	}
	return nil
}

// granted returns the rights of the new token.
func (c *tokenCreate) granted() webhook.Rights {
	switch {
	case c.Rights != 0:
		return webhook.Rights(c.Rights)
	case c.Operator:
		return webhook.Publish
	}
	return webhook.AllRights
}

// newToken generates a token and its record.
func (p *program) newToken(a webhook.Account, granted webhook.Rights) (webhook.Secret, webhook.Token, error) {
	secret, err := p.keys.Token()
	if err != nil {
		return webhook.Secret{}, webhook.Token{}, err
	}
	id, err := p.keys.UUID()
	if err != nil {
		return webhook.Secret{}, webhook.Token{}, err
	}
	return secret, webhook.Token{
		ID: id, Account: a, Hash: webhook.HashToken(secret.Reveal()), Rights: granted,
		CreatedAt: p.now().UTC().Truncate(time.Millisecond),
	}, nil
}

// ensureAccount creates an account unless it exists.
func ensureAccount(ctx context.Context, s store.Store, a webhook.Account, now time.Time) error {
	err := s.CreateAccount(ctx, webhook.AccountInfo{Account: a, CreatedAt: now.UTC().Truncate(time.Millisecond)})
	if errors.Is(err, webhook.ErrExists) {
		return nil
	}
	return err
}

type tokenList struct{ owner }

// Run lists tokens, ordered by id and thus by age.
func (c *tokenList) Run(ctx context.Context, p *program) (err error) {
	if err := c.check(p); err != nil {
		return err
	}
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	results, err := b.Tokens(ctx, c.account())
	switch {
	case c.Operator && errors.Is(err, webhook.ErrNotFound): // created with its first token
	case errors.Is(err, webhook.ErrNotFound):
		return noAccount(ctx, p, b, c.account())
	case err != nil:
		return err
	}
	var rows [][]string
	for _, t := range results {
		rows = append(rows, []string{t.ID, strings.Join(t.Rights, ","), p.listTime(&t.Created), p.listTime(t.Expires)})
	}
	columns := []column{{name: "ID"}, {name: "RIGHTS", least: 8}, {name: "CREATED", drop: 1}, {name: "EXPIRES"}}
	return list(p, "tokens", results, p.table(columns, rows))
}

type tokenRevoke struct {
	ID string `arg:"" help:"The token's id, as token list shows it."`
	owner
}

// Validate rejects the token itself, which does not belong on a command line.
func (c *tokenRevoke) Validate() error {
	if keygen.LooksLikeToken(c.ID) {
		return errors.New("give the token's id, as token list shows it, not the token")
	}
	return nil
}

// Run revokes a token.
func (c *tokenRevoke) Run(ctx context.Context, p *program) (err error) {
	if err := c.check(p); err != nil {
		return err
	}
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	switch err := b.RevokeToken(ctx, c.account(), c.ID); {
	case errors.Is(err, webhook.ErrNotFound):
		return fmt.Errorf("%s has no token %q; list its tokens with: %s token list %s", c.account(), c.ID, p.again(), c.flag())
	case err != nil:
		return err
	}
	result := struct {
		Revoked string `json:"revoked"`
		Account string `json:"account"`
	}{c.ID, c.account().String()}
	return p.show(result, linef("revoked %s", c.ID))
}

// flag returns the flag that selects the owner.
func (o owner) flag() string {
	if o.Operator {
		return "--operator"
	}
	return "--account " + o.Account.String()
}
