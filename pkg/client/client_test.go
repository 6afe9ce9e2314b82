package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/hookline/hookline/internal/test/signed"
	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/webhook"
)

const name = "squake:acme"

// event is one that may be published again.
func event(id string) client.Event {
	return client.Event{Account: name, Event: "order", ID: id, Time: time.Now(), Payload: json.RawMessage(`{"n":1.0,"s":"<&>"}`)}
}

// calls are all calls, each of which succeeds on the state that prepare makes.
// repeated are those that are sent again after a lost response.
var calls = []struct {
	name     string
	repeated bool
	do       func(ctx context.Context, c *client.Client, ids ids) error
}{
	{"publish", true, func(ctx context.Context, c *client.Client, _ ids) error {
		results, err := c.Publish(ctx, []client.Event{event("again")})
		if err == nil && (len(results) != 1 || results[0].Delivery == "" || results[0].Status != "accepted" && results[0].Status != "duplicate") {
			err = fmt.Errorf("results %+v", results)
		}
		return err
	}},
	{"publish without an id", false, func(ctx context.Context, c *client.Client, _ ids) error {
		_, err := c.Publish(ctx, []client.Event{event("again"), {Account: name, Event: "order"}})
		return err
	}},
	{"account page", true, func(ctx context.Context, c *client.Client, _ ids) error {
		accounts, next, err := c.AccountPage(ctx, "squake", client.Page{Limit: 1})
		if err == nil && (len(accounts) != 1 || accounts[0].Account != name || next == "") {
			err = fmt.Errorf("accounts %+v, next %q", accounts, next)
		}
		return err
	}},
	{"account", true, func(ctx context.Context, c *client.Client, _ ids) error {
		a, err := c.Account(ctx, name)
		if err == nil && (a.Account != name || a.CreatedAt.IsZero() || a.Closing) {
			err = fmt.Errorf("account %+v", a)
		}
		return err
	}},
	{"create account", true, func(ctx context.Context, c *client.Client, _ ids) error {
		_, err := c.CreateAccount(ctx, "shoptet:1")
		return err
	}},
	{"delete account", true, func(ctx context.Context, c *client.Client, _ ids) error { return c.DeleteAccount(ctx, name) }},
	{"create token", false, func(ctx context.Context, c *client.Client, _ ids) error {
		token, err := c.CreateToken(ctx, name, client.TokenRequest{Rights: []string{"read", "write"}, ExpiresIn: time.Hour})
		if err == nil && (!strings.HasPrefix(token.Secret, "hk_") || token.ID == "" || token.ExpiresAt == nil || len(token.Rights) != 2) {
			err = errors.New("the token lacks something")
		}
		return err
	}},
	{"tokens", true, func(ctx context.Context, c *client.Client, ids ids) error {
		tokens, err := c.Tokens(ctx, name)
		if err == nil && (len(tokens) != 1 || tokens[0].ID != ids.token || tokens[0].ExpiresAt != nil) {
			err = fmt.Errorf("tokens %+v", tokens)
		}
		return err
	}},
	{"revoke token", true, func(ctx context.Context, c *client.Client, ids ids) error { return c.RevokeToken(ctx, name, ids.token) }},
	{"webhooks", true, func(ctx context.Context, c *client.Client, _ ids) error {
		webhooks, err := c.Webhooks(ctx, name)
		if err == nil && (len(webhooks) != 1 || webhooks[0].ID != "w1" || !slices.Equal(webhooks[0].Events, []string{"order"}) || webhooks[0].URL != "https://example.com/order") {
			err = fmt.Errorf("webhooks %+v", webhooks)
		}
		return err
	}},
	{"disable webhook", true, func(ctx context.Context, c *client.Client, _ ids) error {
		w, err := c.DisableWebhook(ctx, name, "w1")
		if err == nil && (w.UpdatedAt == nil || w.State != "disabled" || w.StateSince.IsZero() || w.Account != name) {
			err = fmt.Errorf("webhook %+v", w)
		}
		return err
	}},
	{"failing webhooks", true, func(ctx context.Context, c *client.Client, _ ids) error {
		webhooks, next, err := c.FailingPage(ctx, "squake", client.Page{})
		if err == nil && (len(webhooks) != 1 || webhooks[0].ID != "w2" || webhooks[0].State != "disabled" || next != "") {
			err = fmt.Errorf("webhooks %+v, next %q", webhooks, next)
		}
		return err
	}},
	{"enable webhook", true, func(ctx context.Context, c *client.Client, _ ids) error {
		_, err := c.EnableWebhook(ctx, name, "w1")
		return err
	}},
	{"test webhook", false, func(ctx context.Context, c *client.Client, _ ids) error {
		id, err := c.TestWebhook(ctx, name, "w1", "order")
		if _, wrong := webhook.DeliveryTime(id); err == nil {
			err = wrong
		}
		return err
	}},
	{"delete webhook", true, func(ctx context.Context, c *client.Client, _ ids) error { return c.DeleteWebhook(ctx, name, "w1") }},
	{"deliveries", true, func(ctx context.Context, c *client.Client, ids ids) error {
		filter := client.DeliveryFilter{Event: "order", Status: "pending", From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}
		deliveries, next, err := c.DeliveryPage(ctx, name, filter, client.Page{})
		if err == nil && (len(deliveries) != 1 || deliveries[0].ID != ids.delivery || next != "") {
			err = fmt.Errorf("deliveries %+v, next %q", deliveries, next)
		}
		return err
	}},
	{"delivery", true, func(ctx context.Context, c *client.Client, ids ids) error {
		d, err := c.Delivery(ctx, name, ids.delivery)
		if err == nil && (d.ID != ids.delivery || d.Status != "pending" || string(d.Payload) != `{"n":1.0,"s":"<&>"}` || d.NextAttemptAt == nil || d.WebhookID != "w1") {
			err = fmt.Errorf("delivery %+v", d)
		}
		return err
	}},
	{"create portal link", false, func(ctx context.Context, c *client.Client, _ ids) error {
		link, err := c.CreatePortalLink(ctx, name, client.PortalLinkRequest{ExpiresIn: time.Minute, Session: time.Hour, ReadOnly: true})
		if err == nil && (!strings.Contains(link.URL, "/portal/enter?link=squake%3Aacme.hk_") || link.ExpiresAt.IsZero()) {
			err = errors.New("the link lacks something")
		}
		return err
	}},
	{"create operator's link", false, func(ctx context.Context, c *client.Client, _ ids) error {
		link, err := c.CreateOperatorPortalLink(ctx, client.PortalLinkRequest{})
		if err == nil && (!strings.Contains(link.URL, "/portal/operator/enter?link=.hk_") || link.ExpiresAt.IsZero()) {
			err = errors.New("the link lacks something")
		}
		return err
	}},
	{"end operator's links", true, func(ctx context.Context, c *client.Client, _ ids) error { return c.EndOperatorPortalLinks(ctx) }},
	{"end portal links", true, func(ctx context.Context, c *client.Client, _ ids) error { return c.EndPortalLinks(ctx, name) }},
	{"recover", true, func(ctx context.Context, c *client.Client, _ ids) error {
		q := client.Recovery{From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), Event: "order", Limit: 1, AsOf: time.Now()}
		done, err := c.Recover(ctx, name, q)
		if err == nil && (done.Count != 0 || done.Next != "" || done.AsOf.IsZero()) {
			err = fmt.Errorf("recovered %+v", done)
		}
		return err
	}},
	{"recover as of now", false, func(ctx context.Context, c *client.Client, _ ids) error {
		_, err := c.Recover(ctx, name, client.Recovery{From: time.Now().Add(-time.Hour)})
		return err
	}},
}

// ids are those of what prepare made.
type ids struct{ token, delivery string }

// prepare signs a customer up, registers and publishes.
func prepare(t *testing.T, s *server, c *client.Client) ids {
	t.Helper()
	for _, account := range []string{name, "squake:other"} {
		if _, err := c.CreateAccount(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	s.register(t, acme, "w1", false)
	s.register(t, webhook.Account{API: "squake", ID: "other"}, "w2", true)
	token, err := c.CreateToken(t.Context(), name, client.TokenRequest{})
	results, publishErr := c.Publish(t.Context(), []client.Event{event("first")})
	if err := errors.Join(err, publishErr); err != nil || len(results) != 1 {
		t.Fatalf("%+v, %v", results, err)
	}
	return ids{token.ID, results[0].Delivery}
}

// Every call succeeds with a token and with a signature.
func TestCalls(t *testing.T) {
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			local, stack := newServer(t, nil), newServer(t, signed.Handler)
			signing, err := client.New(client.Config{
				URL: stack.URL + "/", Region: "eu-central-1",
				Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return signed.Credentials(), nil }),
			})
			if err != nil {
				t.Fatal(err)
			}
			for s, c := range map[*server]*client.Client{local: newClient(t, local, nil), stack: signing} {
				if err := tt.do(t.Context(), c, prepare(t, s, c)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// faulty lets the first requests happen, and answers them itself.
type faulty struct {
	status int // of the answers, 0 for none
	first  int
	// before answers without the request's happening.
	before bool
	sent   int
}

// respond answers instead of the server, or not at all.
func (f *faulty) respond(r *http.Response) (*http.Response, error) {
	if f.status == 0 {
		return nil, errLost
	}
	r.StatusCode, r.Body = f.status, http.NoBody
	return r, nil
}

func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	f.sent++
	if f.before && f.sent <= f.first {
		return f.respond(&http.Response{Header: http.Header{}, Request: r})
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || f.sent > f.first {
		return response, err
	}
	_ = response.Body.Close()
	return f.respond(response)
}

var errLost = errors.New("connection reset")

// Calls that may be repeated succeed after up to three lost responses or 5xx;
// others are sent once. Whatever was refused because there was too much of it is
// sent again.
func TestRepeats(t *testing.T) {
	for _, tt := range calls {
		for trouble, f := range map[string]faulty{
			"lost":              {first: 3},
			"never sent":        {first: 1, before: true},
			"internal error":    {status: 500, first: 3},
			"bad gateway":       {status: 502, first: 1, before: true},
			"too many":          {status: 429, first: 3, before: true},
			"lost for too long": {first: 4},
		} {
			t.Run(tt.name+" "+trouble, func(t *testing.T) {
				s := newServer(t, nil)
				made := prepare(t, s, newClient(t, s, nil))
				err := tt.do(t.Context(), newClient(t, s, &f), made)
				wantSent := f.first + 1
				switch {
				case trouble == "lost for too long" && tt.repeated:
					wantSent = 4
				case !tt.repeated && trouble != "too many":
					wantSent = 1
				}
				if (err == nil) != (wantSent == f.first+1) || f.sent != wantSent {
					t.Errorf("%v after %d requests, want %d", err, f.sent, wantSent)
				}
			})
		}
	}
}

// The iterator gives each account once, over all pages, and stops when its
// caller does, or at an error.
func TestAccounts(t *testing.T) {
	s := newServer(t, nil)
	counting := &faulty{}
	c := newClient(t, s, counting)
	var want []string
	for i := range 250 {
		want = append(want, fmt.Sprintf("squake:c%03d", i))
		if _, err := c.CreateAccount(t.Context(), want[i]); err != nil {
			t.Fatal(err)
		}
	}
	counting.sent = 0
	var got []string
	for a, err := range c.Accounts(t.Context(), "squake") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a.Account)
	}
	if !slices.Equal(got, want) || counting.sent != 3 {
		t.Errorf("%d accounts by %d requests, want %d by 3", len(got), counting.sent, len(want))
	}
	for _, err := range c.Accounts(t.Context(), "squake") {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if counting.sent != 4 {
		t.Errorf("%d requests, want one for a list that is left", counting.sent-3)
	}
	n := 0
	for a, err := range c.Accounts(t.Context(), "nobody") {
		if n++; err == nil || a != (client.Account{}) {
			t.Errorf("account %+v, %v of an API that there is not", a, err)
		}
	}
	if n != 1 {
		t.Errorf("%d items, want one error", n)
	}
}

// What was held is recovered, a limit at a time, once although responses are
// lost; a dry run counts it all.
func TestRecoveries(t *testing.T) {
	s := newServer(t, nil)
	c := newClient(t, s, nil)
	prepare(t, s, c)
	if _, err := c.DisableWebhook(t.Context(), name, "w1"); err != nil {
		t.Fatal(err)
	}
	from := time.Now().Add(-time.Hour)
	for i := range 5 {
		if results, err := c.Publish(t.Context(), []client.Event{event(fmt.Sprint(i))}); err != nil || results[0].Status != "held" {
			t.Fatalf("%+v, %v", results, err)
		}
	}
	if _, err := c.EnableWebhook(t.Context(), name, "w1"); err != nil {
		t.Fatal(err)
	}
	if done, err := c.Recover(t.Context(), name, client.Recovery{From: from, DryRun: true}); err != nil || done.Count != 5 {
		t.Fatalf("%+v, %v; want 5 that match", done, err)
	}
	lossy := newClient(t, s, &faulty{first: 3})
	for _, err := range lossy.Recoveries(t.Context(), name, client.Recovery{From: from, Limit: 2, AsOf: time.Now()}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for d, err := range c.Deliveries(t.Context(), name, client.DeliveryFilter{Status: "pending"}) {
		if n++; err != nil || d.NextAttemptAt == nil {
			t.Errorf("%+v, %v", d, err)
		}
	}
	if done, err := c.Recover(t.Context(), name, client.Recovery{From: from}); err != nil || n != 6 || done.Count != 0 || done.Next != "" {
		t.Errorf("%d deliveries are pending, want 6; %+v, %v", n, done, err)
	}
}

// A client needs a whole configuration, and an error shows no secret.
func TestNew(t *testing.T) {
	provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return signed.Credentials(), nil })
	for _, cfg := range []client.Config{
		{}, {URL: "http://h"}, {URL: "h:80", Token: "hush"}, {URL: "ftp://h", Token: "hush"}, {URL: "http://", Token: "hush"},
		{URL: "http://u:hush@h", Token: "hush"}, {URL: "http://h?x=hush", Token: "hush"}, {URL: "http://h", Token: "hush", Credentials: provider},
		{URL: "http://h", Credentials: provider},
	} {
		if _, err := client.New(cfg); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("New(%+v): %v", cfg, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newClient(t, newServer(t, nil), nil).Account(ctx, name); !errors.Is(err, context.Canceled) {
		t.Errorf("a call whose context has ended: %v", err)
	}
}
