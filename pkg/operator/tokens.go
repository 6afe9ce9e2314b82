package operator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// tokenResponse is a token as responses show it.
type tokenResponse struct {
	ID string `json:"id"`
	// Token is the token itself, in the response that made it.
	Token     string     `json:"token,omitempty"`
	Rights    []string   `json:"rights"`
	CreatedAt timestamp  `json:"created_at"`
	ExpiresAt *timestamp `json:"expires_at"` // null: never
}

func newToken(t webhook.Token) tokenResponse {
	return tokenResponse{ID: t.ID, Rights: strings.Split(t.Rights.String(), ","), CreatedAt: timestamp{t.CreatedAt}, ExpiresAt: orNull(t.ExpiresAt)}
}

// tokenRequest is the body of a request for a token.
type tokenRequest struct {
	rights    webhook.Rights
	expiresIn time.Duration // 0: never
}

// readTokenRequest parses {"rights": […], "expires_in": "…"}, both optional.
func readTokenRequest(body []byte, a api.API) (tokenRequest, error) {
	fields, err := readFields(body, []string{"rights", "expires_in"})
	if err != nil {
		return tokenRequest{}, err
	}
	object := fields.object
	request := tokenRequest{rights: webhook.AllRights}
	if value, sent := object.Get("rights"); sent {
		if request.rights, err = readRights(value, a); err != nil {
			return tokenRequest{}, err
		}
	}
	if value, sent := object.Get("expires_in"); sent {
		text, _ := api.AsString(value)
		if request.expiresIn, err = time.ParseDuration(text); err != nil || request.expiresIn < time.Second {
			return tokenRequest{}, invalid("expires_in", `expires_in must be a duration of at least 1s, such as "720h".`)
		}
	}
	return request, nil
}

// rightsOf reads an array of "read", "write" or both.
func rightsOf(value []byte) (rights webhook.Rights, ok bool) {
	items, ok := api.AsArray(value)
	for _, item := range items {
		name, _ := api.AsString(item)
		right := map[string]webhook.Rights{"read": webhook.Read, "write": webhook.Write}[name]
		ok = ok && right != 0 && !rights.Has(right)
		rights |= right
	}
	return rights, ok && rights != 0
}

func readRights(value []byte, a api.API) (webhook.Rights, error) {
	rights, ok := rightsOf(value)
	switch {
	case !ok:
		return 0, invalid("rights", `rights must be an array of "read", "write" or both.`)
	case !a.Rights && rights != webhook.AllRights:
		return 0, invalid("rights", "rights must be both: tokens of %s have all rights.", a.Name)
	}
	return rights, nil
}

// createToken serves POST /operator/accounts/{account}/tokens.
func (m manager) createToken(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err != nil {
		return api.Response{}, err
	}
	request, err := readTokenRequest(r.Content, m.apis[a.API])
	if err != nil {
		return api.Response{}, err
	}
	secret, err := m.keys.Token()
	if err != nil {
		return api.Response{}, err
	}
	record := webhook.Token{
		Account: a, Hash: webhook.HashToken(secret.Reveal()), Rights: request.rights,
		CreatedAt: m.now().UTC().Truncate(time.Millisecond),
	}
	if request.expiresIn > 0 {
		record.ExpiresAt = record.CreatedAt.Add(request.expiresIn).Truncate(time.Millisecond)
	}
	if record.ID, err = m.keys.UUID(); err != nil {
		return api.Response{}, err
	}
	if err := m.store.CreateToken(ctx, record); err != nil {
		if errors.Is(err, webhook.ErrNotFound) {
			if why := m.open(ctx, a); why != nil {
				return api.Response{}, why
			}
			err = fmt.Errorf("%w: the account was created meanwhile", webhook.ErrUnavailable)
		}
		return api.Response{}, err
	}
	body := newToken(record)
	body.Token = secret.Reveal()
	return api.Response{Status: http.StatusCreated, Body: body}.NoStore(), nil
}

type tokenList struct {
	Tokens []tokenResponse `json:"tokens"`
}

// listTokens serves GET /operator/accounts/{account}/tokens.
func (m manager) listTokens(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.listed(ctx, r)
	if err != nil {
		return api.Response{}, err
	}
	list, err := m.store.Tokens(ctx, a)
	if err != nil {
		return api.Response{}, err
	}
	slices.SortStableFunc(list, func(s, t webhook.Token) int { return s.CreatedAt.Compare(t.CreatedAt) })
	body := tokenList{make([]tokenResponse, len(list))}
	for i, t := range list {
		body.Tokens[i] = newToken(t)
	}
	return api.Response{Status: http.StatusOK, Body: body}, nil
}

// revokeToken serves DELETE /operator/accounts/{account}/tokens/{id}.
func (m manager) revokeToken(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err == nil {
		err = unknown("token", m.store.RevokeToken(ctx, a, r.UUID("id")))
	}
	return noContent(err)
}
