package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/registry"
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
		{Event: "on", WebhookID: id, Test: true},                                 // only the operator sees it
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

	minute := func(n int) time.Time { return created.Add(-time.Duration(n) * time.Minute) }
	cancelled := webhook.StatusCancelled
	for name, tt := range map[string]struct {
		filter registry.DeliveryFilter
		want   []string
	}{
		"all":       {registry.DeliveryFilter{}, []string{"0", "1", "2", "3", "4", "5", "7"}},
		"event":     {registry.DeliveryFilter{Event: "on"}, []string{"0", "1", "2", "7"}},
		"cancelled": {registry.DeliveryFilter{Status: &cancelled}, []string{"1", "3", "4"}},
		"times":     {registry.DeliveryFilter{From: minute(4), Until: minute(1)}, []string{"2", "3", "4"}},
		"both":      {registry.DeliveryFilter{Event: "gone", Status: &cancelled}, []string{"4"}},
		"none":      {registry.DeliveryFilter{Event: "none"}, nil},
	} {
		for _, limit := range []int{1, 2, 5, 100} {
			if got := pages(t, r, tt.filter, limit); !slices.Equal(got, tt.want) {
				t.Errorf("%s, pages of %d: %v, want %v", name, limit, got, tt.want)
			}
		}
	}
	if _, _, err := r.DeliveryPage(t.Context(), account, registry.DeliveryFilter{}, "x", 1); !errors.Is(err, webhook.ErrInvalid) {
		t.Errorf("cursor x: %v, want ErrInvalid", err)
	}
	if _, _, err := r.DeliveryPage(t.Context(), webhook.Account{API: "squake", ID: "none"}, registry.DeliveryFilter{}, "", 1); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("without the account: %v, want ErrNotFound", err)
	}
}

// pages gives the events' ids of all pages.
func pages(t *testing.T, r *registry.Registry, f registry.DeliveryFilter, limit int) (ids []string) {
	t.Helper()
	for cursor, n := "", 0; ; n++ {
		list, next, err := r.DeliveryPage(t.Context(), account, f, cursor, limit)
		if err != nil || len(list) > limit || n > 20 {
			t.Fatalf("%d deliveries, %v, page %d", len(list), err, n)
		}
		for _, d := range list {
			ids = append(ids, d.EventID)
		}
		if next == "" {
			return ids
		}
		cursor = next
	}
}
