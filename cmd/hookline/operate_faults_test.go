package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	faultyDeadline = 10 * time.Minute
	// faultyTry is how long a request to DynamoDB may take until it counts as
	// lost, as those do that are never answered.
	faultyTry = 3 * time.Second
)

// disturb has a program reach DynamoDB through the faults, and give up only what
// is lost each time.
func (f *faulty) disturb(p *program) {
	p.timeouts.try = faultyTry
	p.aws = func(ctx context.Context) (aws.Config, error) {
		cfg, err := awsConfig(ctx)
		cfg.BaseEndpoint, cfg.ConfigSources = &f.proxy.URL, nil // where the variable's endpoint is
		return cfg, err
	}
}

// faulty is a server on a DynamoDB that fails, and the same table without
// faults.
type faulty struct {
	*instance
	prefix string
	proxy  *faultproxy.Proxy
	store  store.Store
	client *http.Client
}

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	prefix := onDynamoDB(t)
	local := dynamolocal.Start(t)
	proxy := faultproxy.Start(t, local.URL)
	f := &faulty{prefix: prefix, proxy: proxy, client: newClient(t)}
	f.instance = bootLogged(t, f.disturb, t.TempDir(), "--dev", "--store", "dynamodb:"+prefix)
	f.store = dynamolocal.Store(t, local.URL, tablesOf(prefix))
	return f
}

// addWebhook keeps a webhook without faults.
func (f *faulty) addWebhook(t *testing.T, a webhook.Account, id, event string) {
	t.Helper()
	w := webhook.Webhook{Account: a, Event: event, ID: id, RequestID: event, URL: "https://receiver.example/", Version: 1, CreatedAt: time.Now()}
	if _, err := f.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
		t.Fatal(err)
	}
}

// repeat makes a call until it succeeds. Once a call has failed, what it was to
// remove may be gone.
func repeat(call func() error) error {
	err := call()
	for try := 0; err != nil && try < 20; try++ {
		refused, answered := errors.AsType[*client.Error](err)
		switch {
		case answered && try > 0 && errors.Is(err, client.ErrNotFound):
			return nil
		case answered && refused.Status < 500:
			return err
		}
		err = call()
	}
	return err
}

// The operator signs customers up and off while DynamoDB drops, delays, cuts and
// refuses, and repeats what was not answered: nothing is there twice, and what
// was answered holds.
func TestOperatorAPIUnderFaults(t *testing.T) {
	t.Parallel()
	const accounts = 6
	f := newFaulty(t)
	where := dataDir{data: f.data, prefix: f.prefix}
	c, err := client.New(client.Config{
		URL: f.URL, Token: where.cli(t, "token", "create", "--operator", "--rights", "publish,read,write"), HTTP: f.client,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.proxy.Reset()
	f.proxy.Inject(faultproxy.Plan{Seed: 17, Rate: 0.25, Kinds: faultproxy.Kinds()})
	ctx, cancel := context.WithTimeout(t.Context(), faultyDeadline)
	defer cancel()
	var all errgroup.Group
	for i := range accounts {
		a := webhook.Account{API: "squake", ID: fmt.Sprint("signs-up-", i)}
		all.Go(func() error { return signUpAndOff(ctx, t, f, c, a, i%2 == 0) })
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	counts := f.proxy.Counts()
	if float64(counts.Injected()) < 0.1*float64(counts.Total()) {
		t.Errorf("%d faults in %d requests, want a tenth at least", counts.Injected(), counts.Total())
	}
	f.proxy.Reset()
	for i := range accounts {
		f.checkSignedUp(t, webhook.Account{API: "squake", ID: fmt.Sprint("signs-up-", i)}, i%2 == 0)
	}
	f.searchLogFor(t, "hk_")
}

// signUpAndOff makes every call that may be repeated, and ends with a webhook
// that is disabled, or with a customer who leaves.
func signUpAndOff(ctx context.Context, t *testing.T, f *faulty, c *client.Client, a webhook.Account, leaves bool) error {
	name := a.String()
	step := func(what string, call func() error) error {
		if err := repeat(call); err != nil {
			return fmt.Errorf("%s of %s: %w", what, name, err)
		}
		return nil
	}
	if err := step("creation", func() error { _, err := c.CreateAccount(ctx, name); return err }); err != nil {
		return err
	}
	f.addWebhook(t, a, "w1", "order")
	f.addWebhook(t, a, "w2", "confirmation_document_available")
	at := time.Now().Truncate(time.Millisecond)
	steps := []error{
		step("publication", func() error {
			results, err := c.Publish(ctx, []client.Event{{Account: name, Event: "order", ID: "1", Time: at}})
			if err == nil && results[0].Status != "accepted" && results[0].Status != "duplicate" {
				return fmt.Errorf("%+v: %w", results[0], &client.Error{Status: 500})
			}
			return err
		}),
		step("token", func() error { _, err := c.CreateToken(ctx, name, client.TokenRequest{}); return err }),
		step("disabling", func() error { _, err := c.DisableWebhook(ctx, name, "w1"); return err }),
		step("enabling", func() error { _, err := c.EnableWebhook(ctx, name, "w1"); return err }),
		step("disabling", func() error { _, err := c.DisableWebhook(ctx, name, "w1"); return err }),
		step("deletion of a webhook", func() error { return c.DeleteWebhook(ctx, name, "w2") }),
	}
	if leaves {
		steps = append(steps, step("deletion", func() error { return c.DeleteAccount(ctx, name) }))
	}
	return errors.Join(steps...)
}

// checkSignedUp looks at what is stored of an account, past the faults.
func (f *faulty) checkSignedUp(t *testing.T, a webhook.Account, leaves bool) {
	t.Helper()
	info, err := f.store.Account(t.Context(), a)
	tokens, tokensErr := f.store.Tokens(t.Context(), a)
	webhooks, webhooksErr := f.store.Webhooks(t.Context(), a)
	deliveries := 0
	listErr := f.store.Deliveries(t.Context(), a, time.Time{}, func(webhook.Delivery) bool { deliveries++; return true })
	if err := errors.Join(err, tokensErr, webhooksErr, listErr); err != nil {
		t.Fatal(err)
	}
	if info.Closing != leaves || (len(tokens) == 0) != leaves {
		t.Errorf("%v: closing %t with %d tokens, want %t", a, info.Closing, len(tokens), leaves)
	}
	if len(webhooks) != 1 || webhooks[0].ID != "w1" || !webhooks[0].Disabled || strings.Contains(webhooks[0].DisabledReason, "410") || deliveries != 1 {
		t.Errorf("%v: webhooks %+v, %d deliveries; want w1, disabled, and one delivery", a, webhooks, deliveries)
	}
}
