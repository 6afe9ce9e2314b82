package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/webhook"
)

func TestDeliveries(t *testing.T) {
	store := memory.Open(t)
	r, _ := newLife(store)
	none := func(webhook.Delivery) bool { t.Error("a delivery of no account"); return false }
	if err := r.Deliveries(t.Context(), account, time.Time{}, none); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("without the account: %v, want ErrNotFound", err)
	}
	created := now.UTC().Truncate(time.Millisecond)
	if err := store.CreateAccount(t.Context(), webhook.AccountInfo{Account: account, CreatedAt: created}); err != nil {
		t.Fatal(err)
	}
	id, off := mustRegister(t, r, "on"), mustRegister(t, r, "off")
	if _, err := r.Change(t.Context(), account, off, func(w []webhook.Webhook) error { w[0].Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	for i, d := range []webhook.Delivery{
		{Event: "on", WebhookID: id, Active: true},
		{Event: "on", WebhookID: "another", Active: true}, // deleted since
		{Event: "on", WebhookID: "another", Status: webhook.Success},
		{Event: "off", WebhookID: off, Status: webhook.Failed, Active: true},
		{Event: "gone", WebhookID: "gone", Active: true},
		{Event: "on", WebhookID: id, AcceptedAt: created.Add(-time.Millisecond)}, // of an earlier account
	} {
		d.Account, d.EventID, d.Time = account, fmt.Sprint(i), created.Add(-time.Duration(i)*time.Minute)
		if d.AcceptedAt.IsZero() {
			d.AcceptedAt = created
		}
		if _, err := store.AddDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err := r.Deliveries(t.Context(), account, created.Add(-time.Hour), func(d webhook.Delivery) bool {
		got = append(got, fmt.Sprint(d.EventID, " ", d.Status, " ", d.Active))
		return true
	})
	want := []string{"0 0 true", "1 1 false", "2 2 false", "3 1 false", "4 1 false"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("deliveries %v, %v, want %v", got, err, want)
	}
}
