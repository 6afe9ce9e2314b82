package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/pkg/client"
)

// What cannot be done is an Error that says why; one of API Gateway has its
// message, and one that is no JSON its status.
func TestErrors(t *testing.T) {
	s := newServer(t, nil)
	c := newClient(t, s, nil)
	ids := prepare(t, s, c)
	_, limitErr := func() (string, error) {
		_, next, err := c.AccountPage(t.Context(), "squake", client.Page{Limit: 501})
		return next, err
	}()
	_, missing := c.Account(t.Context(), "squake:nobody")
	_, due := c.RetryDelivery(t.Context(), name, ids.delivery)
	for what, tt := range map[string]struct {
		err  error
		is   error
		want client.Error
	}{
		"field":     {limitErr, nil, client.Error{Status: 400, Code: "invalid_request", Message: "limit must be a number of 1 to 500.", Field: "limit"}},
		"not found": {missing, client.ErrNotFound, client.Error{Status: 404, Code: "not_found", Message: "There is no such account."}},
		"conflict":  {due, client.ErrConflict, client.Error{Status: 409, Code: "conflict", Message: "An attempt of this delivery is due already."}},
		"revoked":   {c.RevokeToken(t.Context(), name, "none"), client.ErrNotFound, client.Error{Status: 404, Code: "not_found", Message: "There is no such token."}},
		"gateway":   {failing(t, 403, `{"message":"Forbidden"}`), nil, client.Error{Status: 403, Message: "Forbidden"}},
		"no JSON":   {failing(t, 413, `too large`), nil, client.Error{Status: 413}},
		"redirect":  {failing(t, 307, ``), nil, client.Error{Status: 307}},
		"internal": {failing(t, 500, `{"error":{"code":"internal","message":"m","request_id":"r1"}}`), nil,
			client.Error{Status: 500, Code: "internal", Message: "m", RequestID: "r1"}},
	} {
		got, ok := errors.AsType[*client.Error](tt.err)
		if !ok || *got != tt.want || tt.is != nil && !errors.Is(tt.err, tt.is) || tt.is == nil && (errors.Is(tt.err, client.ErrNotFound) || errors.Is(tt.err, client.ErrConflict)) {
			t.Errorf("%s: %v, want %+v", what, tt.err, tt.want)
		}
		if got != nil && !strings.Contains(tt.err.Error(), fmt.Sprint(tt.want.Status)) {
			t.Errorf("%s: %q does not say the status", what, tt.err)
		}
	}
}

// failing makes a call of a server that always gives the same answer.
func failing(t *testing.T, status int, body string) error {
	t.Helper()
	_, err := clientOf(t, answering(status, body)).Account(t.Context(), name)
	return err
}

// answering always gives the same answer.
func answering(status int, body string) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		header := http.Header{"Location": {"/elsewhere"}}
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// clientOf makes a client of a server that is stood in for.
func clientOf(t *testing.T, stand roundTrip) *client.Client {
	t.Helper()
	return newClient(t, &server{Server: &httptest.Server{URL: "http://hookline.example"}, token: "hk_x"}, stand)
}

// What another server answers is no success of any call.
func TestOtherServer(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"status":"ok"}`, `{"results":[]}`, `<html>`,
		`{"account":"","id":"","token":"","url":null,"delivery":null,"as_of":""}`,
	} {
		for _, tt := range calls {
			err := tt.do(t.Context(), clientOf(t, answering(200, body)), ids{"t1", "d1"})
			if err == nil || !strings.Contains(err.Error(), "is not as described") {
				t.Errorf("%s of a server that answers %s: %v", tt.name, body, err)
			}
		}
	}
}

// A list ends at a page whose cursor leads to itself.
func TestRepeatedCursor(t *testing.T) {
	page := answering(200, `{"accounts":[],"webhooks":[],"deliveries":[],"as_of":"2026-03-01T12:00:00Z","next":"same"}`)
	for what, list := range map[string]func(context.Context, *client.Client) error{
		"accounts": func(ctx context.Context, c *client.Client) error { return last(c.Accounts(ctx, "squake")) },
		"webhooks": func(ctx context.Context, c *client.Client) error { return last(c.Failing(ctx, "squake")) },
		"deliveries": func(ctx context.Context, c *client.Client) error {
			return last(c.Deliveries(ctx, name, client.DeliveryFilter{}))
		},
		"recoveries": func(ctx context.Context, c *client.Client) error {
			return last(c.Recoveries(ctx, name, client.Recovery{}))
		},
	} {
		sent := 0
		err := list(t.Context(), clientOf(t, func(r *http.Request) (*http.Response, error) {
			if sent++; sent > 2 {
				return nil, errLost
			}
			return page(r)
		}))
		if err == nil || !strings.Contains(err.Error(), "repeats a page") || sent != 2 {
			t.Errorf("%s: %v after %d requests, want 2", what, err, sent)
		}
	}
}

// last goes through a list and returns its error.
func last[T any](list iter.Seq2[T, error]) (err error) {
	for _, err = range list {
	}
	return err
}

// A call of a server that never answers ends, and says what did not answer.
func TestSilentServer(t *testing.T) {
	for _, tt := range calls {
		synctest.Test(t, func(t *testing.T) {
			sent, began := 0, time.Now()
			c, err := client.New(client.Config{URL: "http://hookline.example", Token: "hk_x", HTTP: &http.Client{
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					sent++
					<-r.Context().Done()
					return nil, context.Cause(r.Context())
				}),
			}})
			if err != nil {
				t.Fatal(err)
			}
			err = tt.do(t.Context(), c, ids{"t1", "d1"})
			want, tries, says := 40*time.Second, 1, "no response within 40s"
			if tt.repeated {
				want, tries, says = time.Minute, 2, "no response within 1m0s"
			}
			if took := time.Since(began); took != want || sent != tries {
				t.Errorf("%s: %v after %d requests, want %v after %d", tt.name, took, sent, want, tries)
			}
			if err == nil || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `"http://hookline.example/`) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", tt.name, err)
			}
		})
	}
}
