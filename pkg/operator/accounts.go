package operator

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

// accountResponse is an account as responses show it.
type accountResponse struct {
	Account   string    `json:"account"`
	CreatedAt timestamp `json:"created_at"`
	// Closing is true while the account is being deleted.
	Closing bool `json:"closing"`
}

func newAccount(info webhook.AccountInfo) accountResponse {
	return accountResponse{info.Account.String(), timestamp{info.CreatedAt}, info.Closing}
}

type accountList struct {
	Accounts []accountResponse `json:"accounts"`
	Next     *string           `json:"next"`
}

// listAccounts serves GET /operator/accounts.
func (m manager) listAccounts(ctx context.Context, r *api.Request) (api.Response, error) {
	q := readQuery(r, "api", "cursor", "limit")
	name := webhook.API(q.text("api"))
	m.checkAPI(q, name)
	list := "accounts of " + string(name)
	after, limit := q.cursor(list), q.limit()
	if after != "" {
		if _, err := webhook.ParseAccount(string(name) + ":" + after); err != nil {
			q.fail(errCursor())
		}
	}
	if q.err != nil {
		return api.Response{}, q.err
	}
	infos, next, err := m.store.AccountsAfter(ctx, name, after, limit)
	if err != nil {
		return api.Response{}, err
	}
	body := accountList{Accounts: make([]accountResponse, len(infos)), Next: newCursor(list, next)}
	for i, info := range infos {
		body.Accounts[i] = newAccount(info)
	}
	return api.Response{Status: http.StatusOK, Body: body}, nil
}

// getAccount serves GET /operator/accounts/{account}.
func (m manager) getAccount(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err != nil {
		return api.Response{}, err
	}
	info, err := m.store.Account(ctx, a)
	if err != nil {
		return api.Response{}, unknown("account", err)
	}
	return api.Response{Status: http.StatusOK, Body: newAccount(info)}, nil
}

// maxCreations is how often an account is created that is gone when it is read.
const maxCreations = 4

// createAccount serves PUT /operator/accounts/{account}.
func (m manager) createAccount(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err != nil {
		return api.Response{}, err
	}
	info, status, err := m.findOrCreate(ctx, a)
	switch {
	case err != nil:
		return api.Response{}, err
	case info.Closing:
		return api.Response{}, errClosing()
	}
	return api.Response{Status: status, Body: newAccount(info)}, nil
}

// findOrCreate creates an account unless it exists, also if it is gone before it
// can be read. status says which it was.
func (m manager) findOrCreate(ctx context.Context, a webhook.Account) (info webhook.AccountInfo, status int, err error) {
	created := webhook.AccountInfo{Account: a, CreatedAt: m.now().UTC().Truncate(time.Millisecond)}
	for range maxCreations {
		if err = m.store.CreateAccount(ctx, created); !errors.Is(err, webhook.ErrExists) {
			return created, http.StatusCreated, err
		}
		if info, err = m.store.Account(ctx, a); !errors.Is(err, webhook.ErrNotFound) {
			return info, http.StatusOK, err
		}
	}
	return info, 0, err
}

func errClosing() *Error {
	return &Error{http.StatusConflict, "account_closing", "", "The account is being deleted. Once it is gone it can be created anew."}
}

// deleteAccount serves DELETE /operator/accounts/{account}.
func (m manager) deleteAccount(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err != nil {
		return api.Response{}, err
	}
	info, err := m.store.Account(ctx, a)
	if err == nil {
		err = registry.CloseAccount(ctx, m.store, a, m.now())
	}
	if err != nil {
		return api.Response{}, unknown("account", err)
	}
	info.Closing = true
	return api.Response{Status: http.StatusAccepted, Body: newAccount(info)}, nil
}

// open returns nil if the account exists and is not closing.
func (m manager) open(ctx context.Context, a webhook.Account) error {
	info, err := m.store.Account(ctx, a)
	switch {
	case err != nil:
		return unknown("account", err)
	case info.Closing:
		return errClosing()
	}
	return nil
}

// listed returns the account of a request for a list that takes no parameters.
// The account exists.
func (m manager) listed(ctx context.Context, r *api.Request) (webhook.Account, error) {
	a, err := m.account(r)
	if err == nil {
		err = m.exists(ctx, a)
	}
	return a, err
}

// exists returns nil if the account exists.
func (m manager) exists(ctx context.Context, a webhook.Account) error {
	_, err := m.store.Account(ctx, a)
	return unknown("account", err)
}
