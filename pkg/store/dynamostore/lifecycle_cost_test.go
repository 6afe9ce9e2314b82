package dynamostore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// changed gives w as a change leaves it, at an event.
func changed(w webhook.Webhook, event string) webhook.Webhook {
	w.Event, w.Version, w.UpdatedAt = event, w.Version+1, createdAt.Add(time.Hour)
	return w
}

// A change, a move, an exchange and a deletion are one transaction each and
// read nothing; finding by event is one read.
func TestCostOfLifecycle(t *testing.T) {
	s, proxy := counted(t)
	ctx := t.Context()
	pair := batch(account, 2)
	if _, err := s.Create(ctx, webhook.Creation{Webhooks: pair}); err != nil {
		t.Fatal(err)
	}
	proxy.Reset()
	one := map[string]int{"TransactWriteItems": 1}
	change := func(was, now []webhook.Webhook) {
		t.Helper()
		if err := s.Change(ctx, webhook.Change{Was: was, Now: now}); err != nil {
			t.Fatal(err)
		}
		mustCost(t, proxy, one, 0, 0)
	}

	if _, err := s.Webhook(ctx, account, pair[0].Event); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"GetItem": 1}, 1, 0)

	kept := []webhook.Webhook{changed(pair[0], pair[0].Event), changed(pair[1], pair[1].Event)}
	change(pair, kept)
	swapped := []webhook.Webhook{changed(kept[0], kept[1].Event), changed(kept[1], kept[0].Event)}
	change(kept, swapped)
	moved := changed(swapped[0], "moved")
	change(swapped[:1], []webhook.Webhook{moved})
	if err := s.Change(ctx, webhook.Change{Was: pair, Now: kept}); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Change of what has moved: error = %v, want ErrNotFound", err)
	}
	mustCost(t, proxy, one, 0, 0)

	if err := s.Delete(ctx, []webhook.Webhook{moved, swapped[1]}); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, one, 0, 0)
	if list, err := s.Webhooks(ctx, account); err != nil || len(list) != 0 {
		t.Errorf("%v are left, %v", list, err)
	}
}

// The key and the end of an account are one transaction each; the list of 150
// accounts is one query and two batches.
func TestCostOfAccounts(t *testing.T) {
	s, proxy := counted(t)
	ctx := t.Context()
	const accounts = 150
	for i := range accounts {
		a := webhook.Account{Dialect: account.Dialect, ID: fmt.Sprintf("a-%03d", i)}
		if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: a, CreatedAt: createdAt}); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Reset()
	last := webhook.Account{Dialect: account.Dialect, ID: "a-149"}
	calls := []func() error{
		func() error { return s.SetAccountKey(ctx, last, []byte("sealed")) },
		func() error { return s.CloseAccount(ctx, last) },
	}
	for _, call := range calls {
		if err := call(); err != nil {
			t.Fatal(err)
		}
		mustCost(t, proxy, map[string]int{"TransactWriteItems": 1}, 0, 0)
	}
	list, err := s.Accounts(ctx, account.Dialect)
	if err != nil || len(list) != accounts || !list[accounts-1].Closing || string(list[accounts-1].SealedKey) != "sealed" {
		t.Errorf("Accounts = %d of them, %v; want %d, the last closing with its key", len(list), err, accounts)
	}
	if c := proxy.Counts(); c.Requests["Query"] != 1 || c.Requests["BatchGetItem"] != 2 || c.Total() != 3 {
		t.Errorf("listing cost %v, want one query and two batches", c.Requests)
	}
	proxy.Reset()
	if err := s.DeleteAccount(ctx, last); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"TransactWriteItems": 1}, 0, 0)
}

// A delivery is one put of one unit.
func TestCostOfDelivery(t *testing.T) {
	s, proxy := counted(t)
	d := delivery(account, 1)
	if _, err := s.AddDelivery(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	mustCost(t, proxy, map[string]int{"PutItem": 1}, 0, 1)
	if _, err := s.AddDelivery(t.Context(), d); !errors.Is(err, webhook.ErrExists) {
		t.Errorf("AddDelivery again: error = %v, want ErrExists", err)
	}
	mustCost(t, proxy, map[string]int{"PutItem": 1}, 0, 0)
}

// delivery makes the n-th delivery of an account.
func delivery(a webhook.Account, n int) webhook.Delivery {
	w := record(a, "offer-created")
	return webhook.Delivery{
		Account: a, Event: w.Event, EventID: fmt.Sprintf("event-%03d", n), Time: createdAt.Add(time.Duration(n) * time.Millisecond),
		Number: int64(n), WebhookID: w.ID, URL: w.URL, AcceptedAt: createdAt.Add(time.Minute),
	}
}
