package client

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Account is an account.
type Account struct {
	// Account is its name, "<api>:<id>".
	Account   string    `json:"account"`
	CreatedAt time.Time `json:"created_at"`
	// Closing is true while the account is being deleted.
	Closing bool `json:"closing"`
}

// Page selects a page of a list.
type Page struct {
	// Cursor is the next of the page before, empty for the first.
	Cursor string
	// Limit is how many items the page may have, 0 for the server's default.
	Limit int
}

// add adds the page's parameters to a query.
func (p Page) add(query url.Values) url.Values {
	if p.Cursor != "" {
		query.Set("cursor", p.Cursor)
	}
	if p.Limit != 0 {
		query.Set("limit", strconv.Itoa(p.Limit))
	}
	return query
}

// checkNext returns an error if the next cursor is that of the page itself:
// whoever went on with it would never come to the end.
func checkNext(cursor, next string) error {
	if next != "" && next == cursor {
		return errors.New("the server repeats a page: its next cursor is the one that was sent")
	}
	return nil
}

// pages goes through a list page by page.
func pages[T any](page func(cursor string) (items []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			items, next, err := page(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if cursor = next; cursor == "" {
				return
			}
		}
	}
}

const accountsPath = "/operator/accounts"

// accountPath returns a path below an account, of the given segments.
func accountPath(account string, segments ...string) string {
	path := accountsPath + "/" + url.PathEscape(account)
	for _, s := range segments {
		path += "/" + url.PathEscape(s)
	}
	return path
}

// AccountPage returns a page of the accounts of an API, ordered by id. next is
// empty at the end.
func (c *Client) AccountPage(ctx context.Context, api string, p Page) (accounts []Account, next string, err error) {
	var list struct {
		Accounts []Account `json:"accounts"`
		Next     string    `json:"next"`
	}
	err = c.do(ctx, call{method: http.MethodGet, path: accountsPath, query: p.add(url.Values{"api": {api}}), member: "accounts", repeatable: true}, &list)
	return list.Accounts, list.Next, cmp.Or(err, checkNext(p.Cursor, list.Next))
}

// Accounts goes through the accounts of an API, ordered by id. After an error
// it ends.
func (c *Client) Accounts(ctx context.Context, api string) iter.Seq2[Account, error] {
	return pages(func(cursor string) ([]Account, string, error) {
		return c.AccountPage(ctx, api, Page{Cursor: cursor})
	})
}

// Account returns an account.
func (c *Client) Account(ctx context.Context, account string) (a Account, err error) {
	err = c.do(ctx, call{method: http.MethodGet, path: accountPath(account), member: "account", repeatable: true}, &a)
	return a, err
}

// CreateAccount creates an account unless it exists.
func (c *Client) CreateAccount(ctx context.Context, account string) (a Account, err error) {
	err = c.do(ctx, call{method: http.MethodPut, path: accountPath(account), member: "account", repeatable: true}, &a)
	return a, err
}

// DeleteAccount has an account deleted: it is closed when DeleteAccount
// returns, and gone some minutes later.
func (c *Client) DeleteAccount(ctx context.Context, account string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: accountPath(account), member: "account", repeatable: true, removes: true}, &Account{})
}

// Token is a customer's token, without the token itself.
type Token struct {
	ID        string    `json:"id"`
	Rights    []string  `json:"rights"`
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is nil if the token never expires.
	ExpiresAt *time.Time `json:"expires_at"`
}

// TokenRequest says what token to make.
type TokenRequest struct {
	// Rights are "read" and "write"; nil for both.
	Rights []string
	// ExpiresIn is how long the token is valid; 0 for ever.
	ExpiresIn time.Duration
}

// NewToken is a token that was made, and its text, which cannot be shown again.
type NewToken struct {
	Token
	Secret string `json:"token"`
}

// CreateToken makes a token of an account. It is sent once: if its response is
// lost, a token may exist that nobody knows.
func (c *Client) CreateToken(ctx context.Context, account string, request TokenRequest) (t NewToken, err error) {
	body := map[string]any{}
	if request.Rights != nil {
		body["rights"] = request.Rights
	}
	if request.ExpiresIn != 0 {
		body["expires_in"] = request.ExpiresIn.String()
	}
	err = c.do(ctx, call{method: http.MethodPost, path: accountPath(account, "tokens"), body: body, member: "token"}, &t)
	return t, err
}

// Tokens lists the tokens of an account, oldest first.
func (c *Client) Tokens(ctx context.Context, account string) ([]Token, error) {
	var list struct {
		Tokens []Token `json:"tokens"`
	}
	err := c.do(ctx, call{method: http.MethodGet, path: accountPath(account, "tokens"), member: "tokens", repeatable: true}, &list)
	return list.Tokens, err
}

// RevokeToken revokes a token of an account by its id.
func (c *Client) RevokeToken(ctx context.Context, account, id string) error {
	err := c.do(ctx, call{method: http.MethodDelete, path: accountPath(account, "tokens", id), repeatable: true, removes: true}, nil)
	return err
}
