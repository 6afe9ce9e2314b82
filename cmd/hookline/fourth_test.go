package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

// fourth is an API that no other package knows.
func fourth() api.API {
	return api.API{
		Name: "fourth", Prefix: "/v4",
		CheckAccountID: func(string) error { return nil },
		New:            newFourth,
		Sending: func(api.Setup) (webhook.Sending, error) {
			return webhook.Sending{
				CheckEvent: api.NoInstance,
				Body:       func(d webhook.Delivery, _ webhook.Webhook) ([]byte, error) { return d.Payload, nil },
				Header:     func(webhook.Secret, time.Time, []byte) map[string]string { return nil },
				Sample:     func(string) ([]byte, string) { return []byte(`{"fourth":true}`), "" },
				Timeout:    time.Second,
			}, nil
		},
		Example: api.Example{
			Path: "/v4/hooks", TokenHeader: "Authorization: Bearer ",
			Body: `{"event":"a","url":"https://example.com/fourth"}`, Event: "a",
		},
	}
}

func newFourth(setup api.Setup) (api.Handler, error) {
	hooks := setup.Registry(registry.Rules{
		NewIDs: func([]string) ([]string, error) {
			id, err := setup.Keys.UUID()
			return []string{id}, err
		},
		NewKey: setup.Keys.Base64Key,
	})
	register := func(ctx context.Context, r *api.Request) (api.Response, error) {
		object, err := api.ParseObject(r.Content)
		if err != nil {
			return api.Response{}, err
		}
		url, wrong := object.Text("url", func(url string) string {
			if err := setup.URLs.URL(url); err != nil {
				return err.Error()
			}
			return ""
		})
		if wrong != "" {
			return api.Response{}, urlError(wrong)
		}
		event, _ := object.Text("event", func(string) string { return "" })
		made, err := hooks.Register(ctx, r.Account, []registry.Item{{Event: event, URL: url}})
		if err != nil {
			return api.Response{}, err
		}
		body := map[string]string{"id": made.Webhooks[0].ID, "key": made.SigningKey.Reveal()}
		return api.Response{Status: http.StatusCreated, Body: body}, nil
	}
	remove := func(ctx context.Context, r *api.Request) (api.Response, error) {
		if err := hooks.Delete(ctx, r.Account, r.UUID("id")); err != nil {
			return api.Response{}, api.Unknown(r.PathValue("id"), err)
		}
		return api.Response{Status: http.StatusNoContent}, nil
	}
	return api.Server{
		API: "fourth",
		Routes: []api.Route{
			{Method: http.MethodPost, Path: "/v4/hooks", Right: webhook.Write, Body: true, Handle: register},
			{Method: http.MethodDelete, Path: "/v4/hooks/{id}", Right: webhook.Write, Handle: remove},
		},
		Refuse:      refuseFourth,
		Credentials: auth.Bearer,
		MediaTypes:  []string{"application/json"},
		ContentType: "application/json",
	}.Handler(setup), nil
}

// urlError is what is wrong with a URL.
type urlError string

func (e urlError) Error() string { return string(e) }

func refuseFourth(r *api.Request, err error) api.Response {
	status, body := http.StatusInternalServerError, map[string]string{"fourth": "internal error", "request": r.ID}
	if reqErr, ok := errors.AsType[*api.Error](err); ok {
		status, body["fourth"] = http.StatusBadRequest, fmt.Sprint(reqErr, " ", reqErr.Value)
		if reqErr.Kind == api.UnknownPath {
			status = http.StatusNotFound
		}
	}
	if wrong, ok := errors.AsType[urlError](err); ok {
		status, body["url"] = http.StatusBadRequest, wrong.Error()
	}
	if _, ok := errors.AsType[*webhook.TakenError](err); ok {
		status, body["fourth"] = http.StatusConflict, "Webhook already exists for this event"
	}
	return api.Response{Status: status, Body: body}
}

// An API is its own package and its line in package all: one that nothing else
// names passes the table of registrations, and the server answers for it beside
// the others.
func TestFourthAPI(t *testing.T) {
	t.Parallel()
	apitest.Registrations(t, apitest.Registering{
		API:     fourth(),
		Body:    func(url string, events ...string) any { return map[string]string{"event": events[0], "url": url} },
		Events:  []string{"a", "b", "c"},
		One:     true,
		Invalid: http.StatusBadRequest, Taken: http.StatusConflict,
		URLField: "url", KeyField: "key", IDShown: true,
	})

	apis := append(all.APIs(), fourth())
	f := apitest.NewFixture(t, fourth(), nil, nil)
	server, err := newRouter(apis, f.Setup, f.Store)
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"POST", "/v4/hooks", fourth().Example.Body, 201, `"key"`},
		{"POST", "/v4/hooks", fourth().Example.Body, 409, `"fourth"`},
		{"GET", "/v4/none", "", 404, `"fourth"`},
		{"GET", "/v2/none", "", 404, `"errors"`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body))
		r.Header.Set("Authorization", "Bearer "+f.Tokens["token"])
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.text) {
			t.Errorf("request %d: status %d, %s; want %d and %s", i+1, w.Code, w.Body, tt.status, tt.text)
		}
	}
	sendings, err := api.Sendings(apis, f.Setup)
	if _, ok := sendings["fourth"]; err != nil || !ok || len(sendings) != len(apis) {
		t.Errorf("%d ways of delivering, %v; want %d", len(sendings), err, len(apis))
	}
}
