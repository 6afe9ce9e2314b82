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
		{Event: "on", WebhookID: id},
		{Event: "on", WebhookID: "another"}, // deleted since
		{Event: "on", WebhookID: "another", Status: webhook.StatusDelivered},
		{Event: "off", WebhookID: off, Status: webhook.StatusRetrying},
		{Event: "gone", WebhookID: "gone"},
		{Event: "gone", WebhookID: "gone", Status: webhook.StatusFailed},
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
		got = append(got, fmt.Sprint(d.EventID, " ", d.Status, " ", d.Open()))
		return true
	})
	want := []string{"0 pending true", "1 cancelled false", "2 delivered false", "3 cancelled false", "4 cancelled false", "5 failed false"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("deliveries %v, %v, want %v", got, err, want)
	}
}
