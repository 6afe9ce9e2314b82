package operator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// linkResponse is a link into the portal, which is shown once.
type linkResponse struct {
	URL       string    `json:"url"`
	ExpiresAt timestamp `json:"expires_at"`
}

// createLink serves POST /operator/accounts/{account}/portal-links.
func (m manager) createLink(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err != nil {
		return api.Response{}, err
	}
	response, err := m.link(ctx, r, a)
	if errors.Is(err, webhook.ErrNotFound) {
		if why := m.open(ctx, a); why != nil {
			return api.Response{}, why
		}
		err = fmt.Errorf("%w: the account was created meanwhile", webhook.ErrUnavailable)
	}
	return response, err
}

// createOwnLink serves POST /operator/portal-links: the operator's own link.
func (m manager) createOwnLink(ctx context.Context, r *api.Request) (api.Response, error) {
	if err := readQuery(r).err; err != nil {
		return api.Response{}, err
	}
	return m.link(ctx, r, webhook.Account{})
}

// link makes a link to an account's pages, or to the operator's if it is zero.
func (m manager) link(ctx context.Context, r *api.Request, a webhook.Account) (api.Response, error) {
	grant, err := readGrant(r.Content, a)
	if err != nil {
		return api.Response{}, err
	}
	secret, expires, err := m.links.Create(ctx, grant)
	if err != nil {
		return api.Response{}, err
	}
	body := linkResponse{URL: access.EnterURL(m.portalURL(r.Request), secret), ExpiresAt: timestamp{expires}}
	return api.Response{Status: http.StatusCreated, Body: body}.NoStore(), nil
}

// readGrant parses {"expires_in": "…", "session": "…", "rights": […]}, all
// optional.
func readGrant(body []byte, a webhook.Account) (access.Grant, error) {
	fields, err := readFields(body, []string{"expires_in", "session", "rights"})
	if err != nil {
		return access.Grant{}, err
	}
	grant := access.Grant{
		Account: a, Rights: webhook.AllRights,
		Link:    fields.duration("expires_in", access.DefaultLink, access.MaxLink),
		Session: fields.duration("session", access.DefaultSession, access.MaxSession),
	}
	if value, sent := fields.object.Get("rights"); sent {
		var ok bool
		if grant.Rights, ok = rightsOf(value); !ok || !grant.Rights.Has(webhook.Read) {
			fields.wrong("rights", `rights must be ["read"] or ["read", "write"].`)
		}
	}
	return grant, fields.err
}

// duration returns a duration of 1 s to most, usual if it is not sent.
func (f *fieldReader) duration(field string, usual, most time.Duration) time.Duration {
	value, sent := f.object.Get(field)
	if !sent {
		return usual
	}
	text, _ := api.AsString(value)
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > most {
		f.wrong(field, `%s must be a duration of 1s to %gh, such as "1h30m".`, field, most.Hours())
		return usual
	}
	return d
}

// endLinks serves DELETE /operator/accounts/{account}/portal-links.
func (m manager) endLinks(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err == nil {
		err = unknown("account", m.links.End(ctx, a))
	}
	return noContent(err)
}

// endOwnLinks serves DELETE /operator/portal-links.
func (m manager) endOwnLinks(ctx context.Context, r *api.Request) (api.Response, error) {
	err := readQuery(r).err
	if err == nil {
		err = m.links.End(ctx, webhook.Account{})
	}
	return noContent(err)
}

func noContent(err error) (api.Response, error) {
	if err != nil {
		return api.Response{}, err
	}
	return api.Response{Status: http.StatusNoContent}, nil
}
