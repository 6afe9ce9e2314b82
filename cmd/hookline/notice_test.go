package main

import (
	"net/http"
	"testing"
	"time"
)

// squakeWebhook is what Squake's customers read of a webhook.
type squakeWebhook struct {
	LastSentAt     *time.Time `json:"last_sent_at"`
	LastFailedAt   *time.Time `json:"last_failed_at"`
	FailedAttempts int        `json:"failed_attempts"`
}

// The statistics that a customer of Squake's reads follow each attempt.
func TestStatisticsFollowAttempts(t *testing.T) {
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, s, c)[0]
	read := func() (w squakeWebhook) {
		decode(t, customer.call(t, s, http.StatusOK, "GET", customer.own, ""), &w)
		return w
	}
	if w := read(); w != (squakeWebhook{}) {
		t.Errorf("before: %+v, want nothing", w)
	}
	var last squakeWebhook
	for i, step := range []struct{ response, failed int }{{500, 1}, {200, 0}, {503, 1}, {404, 2}, {204, 0}} {
		c.status.Store(int64(step.response))
		began := time.Now().UTC().Truncate(time.Second)
		id := customer.published(t, where)
		c.next(t)
		where.becomes(t, customer.account, id, attempted(1))
		w := awaitStatistics(t, read, step.failed)
		now, other, otherWas := w.LastSentAt, w.LastFailedAt, last.LastFailedAt
		if step.failed > 0 {
			now, other, otherWas = w.LastFailedAt, w.LastSentAt, last.LastSentAt
		}
		if now == nil || now.Before(began) || now.After(time.Now()) {
			t.Errorf("after %d: %+v, want the time of the attempt, about %v", step.response, w, began)
		}
		if (other == nil) != (otherWas == nil) || other != nil && !other.Equal(*otherWas) {
			t.Errorf("after %d, attempt %d: %+v changed what was not: %+v", step.response, i, w, last)
		}
		last = w
	}
	details := where.webhookDetails(t, customer)[0]
	if details.FailedAttempts != 0 || details.LastSent == nil || details.LastFailed == nil {
		t.Errorf("webhook show: %+v", details)
	}
}

// awaitStatistics reads until there are so many failures: they are written
// after the delivery.
func awaitStatistics(t *testing.T, read func() squakeWebhook, failed int) squakeWebhook {
	t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	var w squakeWebhook
	for end := time.Now().Add(timeout); time.Now().Before(end); <-again.C {
		if w = read(); w.FailedAttempts == failed && (w.LastFailedAt != nil || w.LastSentAt != nil) {
			return w
		}
	}
	t.Fatalf("the statistics stay %+v, want %d failures", w, failed)
	return w
}

// notification is what Shoptet's customers read of a delivery.
type notification struct {
	ID, WebhookID, Attempts int64
	WebhookURL, Event       string
	EventCreated, Created   string
	Attempted               *string
	Status                  string
	Active                  bool
	Data                    struct {
		EshopID                            int64
		Event, EventCreated, EventInstance string
	}
}

// The notifications that a customer of Shoptet's reads are those of the real
// deliveries: new before a server attempts them, then failed or success.
func TestNotificationsFollowAttempts(t *testing.T) {
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, s, c)[1]
	read := func(query string) []notification {
		var response struct {
			Data struct{ Notifications []notification }
		}
		decode(t, customer.call(t, s, http.StatusOK, "GET", "/api/webhooks/notifications"+query, ""), &response)
		return response.Data.Notifications
	}
	if list := read(""); len(list) != 0 {
		t.Errorf("before: %+v", list)
	}
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	for i, step := range []struct {
		response int
		status   string
		active   bool
	}{{200, "success", false}, {500, "failed", true}, {410, "failed", false}} {
		c.status.Store(int64(step.response))
		eventAt := at.Add(time.Duration(i) * time.Minute)
		id := customer.published(t, where, "--time", eventAt.Format(time.RFC3339), "--id", step.status)
		c.next(t)
		where.becomes(t, customer.account, id, attempted(1))
		list := read("")
		if len(list) != i+1 {
			t.Fatalf("after %d: %d notifications, want %d", step.response, len(list), i+1)
		}
		n, created := list[0], eventAt.Format("2006-01-02T15:04:05-0700")
		if n.Status != step.status || n.Active != step.active || n.Attempts != 1 || n.Attempted == nil || n.ID <= 0 || n.ID >= 1<<53 ||
			n.EventCreated != created || n.Data.EventCreated != created || n.Data.EventInstance != customer.instance || n.Data.EshopID != 1 ||
			n.Event != customer.event || n.WebhookURL != c.url+customer.path+"?secret=query-7f3a" {
			t.Errorf("after %d: %+v", step.response, n)
		}
	}
	// The 410 ended the one before too.
	if list := read("?status=failed&active=false"); len(list) != 2 {
		t.Errorf("failed for good: %+v, want two", list)
	}
	if list := read("?status=success"); len(list) != 1 {
		t.Errorf("successes: %+v, want one", list)
	}
}
