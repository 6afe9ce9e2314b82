package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/pkg/webhook"
)

// Deletions meet a DynamoDB that drops, delays, cuts and refuses: a run either
// says that it deleted the account, or how to complete that, and the run that
// completes it leaves nothing.
func TestDeleteAccountUnderFaults(t *testing.T) {
	t.Parallel()
	const accounts, webhooks, runs = 8, 4, 5
	f := newFaulty(t)
	where := dataDir{data: f.data, prefix: f.prefix}
	var names []string
	for i := range accounts {
		a, _ := f.account(t, "abbeycross", fmt.Sprintf("leaving-%d", i))
		names = append(names, a.String())
		for n := range webhooks {
			f.addWebhook(t, a, fmt.Sprint("w", n/2), fmt.Sprint("trip.", n)) // two share an id
		}
	}
	f.account(t, "abbeycross", "bystander")
	f.proxy.Reset()
	f.proxy.Inject(faultproxy.Plan{Seed: 11, Rate: 0.25, Kinds: faultproxy.Kinds()})

	ctx, cancel := context.WithTimeout(t.Context(), faultyDeadline)
	defer cancel()
	var all errgroup.Group
	for _, name := range names {
		all.Go(func() error {
			err := errors.New("never run")
			for run := 0; err != nil && run < runs; run++ {
				err = f.deleteQuickly(ctx, where, name)
				if run > 0 && err != nil && strings.Contains(err.Error(), "there is no account") {
					return nil // the run before did not hear that it was done
				}
				if err != nil && !strings.Contains(err.Error(), "complete it with: ") {
					return err
				}
			}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	c := f.proxy.Counts()
	if float64(c.Injected()) < 0.1*float64(c.Total()) {
		t.Errorf("%d faults in %d requests, want a tenth at least", c.Injected(), c.Total())
	}
	where.nothingIsLeft(t, "abbeycross:leaving-", "abbeycross:bystander")
}

// addWebhook keeps a webhook without faults.
func (f *faulty) addWebhook(t *testing.T, a webhook.Account, id, event string) {
	t.Helper()
	w := webhook.Webhook{Account: a, Event: event, ID: id, RequestID: event, URL: "https://receiver.example/", Version: 1, CreatedAt: time.Now()}
	if _, err := f.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
		t.Fatal(err)
	}
}

// deleteQuickly deletes an account without the time that has to pass.
func (f *faulty) deleteQuickly(ctx context.Context, where dataDir, account string) error {
	var out bytes.Buffer
	program := testProgram(noSettings, &out, io.Discard)
	f.disturb(program)
	program.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	err := program.run(ctx, append([]string{"hookline", "account", "delete", "--wait", "--json", account}, where.flags()...))
	if err == nil && !strings.HasPrefix(out.String(), `{"deleted":"`+account+`"`) {
		err = fmt.Errorf("deleting %s says %q", account, out.String())
	}
	return err
}
