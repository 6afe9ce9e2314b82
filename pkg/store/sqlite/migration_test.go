package sqlite_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

// A file of schema version 2, which testdata/version2.sql makes as the last
// program of that version wrote it, is read as before, recorded, and written to.
func TestOpenVersion2(t *testing.T) {
	script, err := os.ReadFile("testdata/version2.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := newPath(t)
	executeAt(t, path, string(script))
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	account := webhook.Account{API: "squake", ID: "acme"}
	base := webhook.Delivery{
		Account: account, Event: "order", Time: noon, Content: "c", WebhookID: "w1", URL: "https://receiver.example/in",
		AcceptedAt: noon, Payload: []byte("1"),
	}
	var want []webhook.Delivery
	add := func(id string, d webhook.Delivery) {
		d.EventID = id
		want = append(want, d)
	}
	accepted, second, hour := base.Retried(noon), noon.Add(time.Second), noon.Add(time.Hour)
	first := accepted
	first.Due, first.Payload = noon.Add(2*time.Minute), []byte(`{"n":1}`)
	add("pending", first)
	retrying := accepted.Attempted(second, 500, "answered 500", hour)
	retrying.Sends, retrying.Payload = 1, []byte(`"xx"`)
	add("retrying", retrying)
	add("delivered", accepted.Attempted(second, 204, "", time.Time{}))
	add("repeated", accepted.Attempted(second, 204, "", time.Time{}).Retried(hour))
	add("failed", accepted.Attempted(second, 410, "answered 410", time.Time{}))
	add("given up", accepted.Attempted(second, 0, "timed out", hour).GivenUp("given up after 6 days"))
	add("cancelled", accepted.Cancelled("cancelled: the webhook is disabled"))
	add("cancelled later", accepted.Attempted(second, 500, "answered 500", hour).Cancelled("cancelled: the account was deleted"))
	for range 2 { // as it was written, and as this version left it
		s := open(t, path)
		for _, d := range want {
			got, err := s.Delivery(t.Context(), account, d.ID())
			if diff := cmp.Diff(d, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", d.EventID, err, diff)
			}
		}
		if list, err := s.Webhooks(t.Context(), account); err != nil || len(list) != 1 || list[0].ID != "w1" {
			t.Errorf("webhooks %+v, %v", list, err)
		}
		now := want[0].Attempted(second, 200, "", time.Time{})
		if _, err := s.RecordAttempt(t.Context(), webhook.AttemptResult{Was: want[0], Now: now}); err != nil {
			t.Fatal(err)
		}
		want[0] = now
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A status that no version writes is damage, and said to be.
func TestDamagedStatus(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	account := webhook.Account{API: "squake", ID: "acme"}
	d, err := s.AddDelivery(t.Context(), webhook.Delivery{Account: account, Time: time.UnixMilli(1), AcceptedAt: time.UnixMilli(1)})
	if err != nil {
		t.Fatal(err)
	}
	executeAt(t, path, "UPDATE delivery SET status = 'gone'")
	_, err = s.Delivery(t.Context(), account, d.ID())
	if err == nil {
		t.Fatal("it was read")
	}
	mustSay(t, err.Error(), "damaged", "gone")
}
