package shoptet_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/shoptet"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

// shop is an e-shop whose events are published and attempted by the real
// Publisher and Worker, while its client looks at the notifications. It is
// their queue, the receiver and the clock.
type shop struct {
	*apitest.Fixture
	handler   http.Handler
	publisher *delivery.Publisher
	worker    *delivery.Worker
	retrier   *delivery.Retrier
	now       time.Time
	status    int // that the receiver answers with
	messages  map[string]webhook.Message
	ids       map[string]string // of deliveries, by the events' own
}

func (*shop) Lease(webhook.EventKey) (time.Duration, bool) { return 2 * time.Minute, true }
func (*shop) Full() bool                                   { return false }

// receiver is what a shop's webhooks point to.
type receiver struct{ *shop }

func (r receiver) Send(context.Context, delivery.Request) delivery.Response {
	a := delivery.Response{Status: r.status}
	if r.status != http.StatusOK {
		a.Reason = fmt.Sprint("answered ", r.status)
	}
	return a
}

func (s *shop) Send(_ context.Context, messages []webhook.Message) error {
	for _, m := range messages {
		s.messages[m.ID] = m
	}
	return nil
}

// Open has no key to open: the account has none.
func (*shop) Open(context.Context, seal.Owner, []byte) (webhook.Secret, error) {
	return webhook.Secret{}, webhook.ErrUnavailable
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{
		Fixture: apitest.NewFixture(t, shoptet.API(), nil, nil), now: apitest.Start,
		messages: map[string]webhook.Message{}, ids: map[string]string{},
	}
	clock, log := func() time.Time { return s.now }, slog.New(slog.DiscardHandler)
	s.Setup.Now, s.Setup.Keys = clock, keygen.New(rand.Reader, clock)
	s.handler = s.Handler(t, shoptet.API())
	sendings, err := api.Sendings([]api.API{shoptet.API()}, s.Setup)
	if err != nil {
		t.Fatal(err)
	}
	s.publisher = delivery.NewPublisher(delivery.PublisherConfig{
		Store: s.Store, Queue: s, Sendings: sendings, NewID: s.Setup.Keys.UUID, Now: clock, Log: log,
	})
	s.worker = delivery.NewWorker(delivery.WorkerConfig{
		Store: s.Store, Queue: s, Sender: receiver{s}, Opener: s, Sendings: sendings, Now: clock, Log: log,
		Jitter: func(time.Duration) time.Duration { return 0 },
	})
	s.retrier = delivery.NewRetrier(s.Store, s, clock)
	s.request(t, "POST", "/api/webhooks", `{"data":[{"event":"order:create","url":"https://example.com/c"},{"event":"order:delete","url":"https://example.com/d"}]}`)
	return s
}

// request makes the client's request and gives the answer's data.
func (s *shop) request(t *testing.T, method, path, body string) json.RawMessage {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Shoptet-Access-Token", s.Tokens["token"])
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var response struct{ Data json.RawMessage }
	if err := json.Unmarshal(w.Body.Bytes(), &response); err != nil || w.Code > 299 {
		t.Fatalf("%s %s: %d, %v\n%s", method, path, w.Code, err, w.Body)
	}
	return response.Data
}

// publish has events accepted, each a second later than the last.
func (s *shop) publish(t *testing.T, event string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		s.now = s.now.Add(time.Second)
		got := s.publisher.Publish(t.Context(), []webhook.Event{{
			Account: s.Account, Name: event, ID: id, Time: s.now, Instance: "order " + id,
		}})
		if got[0].Status != delivery.Accepted {
			t.Fatalf("%s: %+v", id, got)
		}
		s.ids[id] = got[0].Delivery
	}
}

// attempt makes the attempt of an event that its latest message asks for, 15
// minutes later, and has it answered.
func (s *shop) attempt(t *testing.T, id string, status int, want delivery.Outcome) {
	t.Helper()
	s.now, s.status = s.now.Add(15*time.Minute), status
	if got, err := s.worker.Attempt(t.Context(), s.messages[s.ids[id]]); got != want || err != nil {
		t.Fatalf("attempt of %s: %v, %v; want %v", id, got, err, want)
	}
}

// webhookID is that of an event's webhook.
func (s *shop) webhookID(t *testing.T, event string) string {
	t.Helper()
	w, err := s.Store.Webhook(t.Context(), s.Account, event)
	if err != nil {
		t.Fatal(err)
	}
	return w.ID
}

// expect compares the notifications, newest event first, each as "instance
// status active attempts", and "never" or how long ago it was attempted.
func (s *shop) expect(t *testing.T, when, query string, want ...string) {
	t.Helper()
	var data struct {
		Notifications []struct {
			ID, WebhookID int64
			Attempted     *string
			Attempts      int
			Status        string
			Active        bool
			Data          struct{ EventInstance string }
		}
	}
	if err := json.Unmarshal(s.request(t, "GET", "/api/webhooks/notifications"+query, ""), &data); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range data.Notifications {
		attempted := "never"
		if n.Attempted != nil {
			at, err := time.Parse("2006-01-02T15:04:05-0700", *n.Attempted)
			if err != nil {
				t.Fatal(err)
			}
			attempted = s.now.Truncate(time.Second).Sub(at).String()
		}
		if n.ID <= 0 || n.WebhookID <= 0 {
			t.Errorf("%s: ids of %+v", when, n)
		}
		got = append(got, fmt.Sprintf("%s %s %t %d %s", n.Data.EventInstance, n.Status, n.Active, n.Attempts, attempted))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", when, got, want)
	}
}

// TestNotificationsOfAttempts follows deliveries from acceptance to their ends.
func TestNotificationsOfAttempts(t *testing.T) {
	s := newShop(t)
	s.expect(t, "before anything", "")
	s.publish(t, "order:create", "a", "b")
	s.expect(t, "accepted", "", "order b new true 0 never", "order a new true 0 never")
	s.attempt(t, "a", 500, delivery.Failed)
	s.expect(t, "a failed once", "", "order b new true 0 never", "order a failed true 1 0s")
	s.expect(t, "those that failed", "?status=failed", "order a failed true 1 0s")
	s.expect(t, "those that are new", "?status=new", "order b new true 0 never")
	s.attempt(t, "b", 200, delivery.Delivered)
	s.expect(t, "b taken", "", "order b success false 1 0s", "order a failed true 1 15m0s")
	s.attempt(t, "a", 302, delivery.Failed)
	s.expect(t, "a failed twice", "?active=true", "order a failed true 2 0s")
	s.attempt(t, "a", 429, delivery.Failed)
	s.expect(t, "a given up", "", "order b success false 1 30m0s", "order a failed false 3 0s")
	s.expect(t, "none is active", "?active=true")

	if _, err := s.retrier.Retry(t.Context(), s.Account, s.ids["a"]); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "a retried by hand", "?event=order:create&active=true", "order a failed true 3 0s")
	s.attempt(t, "a", 404, delivery.Failed)
	s.expect(t, "that failed", "?status=failed", "order a failed false 4 0s")
}

// TestNotificationsOfWebhooksThatEnd: what a webhook that is disabled or
// deleted left unsent has failed for good, before and after the worker finds
// that out; what was a success stays one.
func TestNotificationsOfWebhooksThatEnd(t *testing.T) {
	s := newShop(t)
	s.publish(t, "order:create", "a", "b", "c", "d")
	s.publish(t, "order:delete", "e")
	s.attempt(t, "a", 200, delivery.Delivered)
	s.attempt(t, "b", 410, delivery.Disabled)
	ended := []string{
		"order e new true 0 never", "order d failed false 0 never", "order c failed false 0 never",
		"order b failed false 1 0s", "order a success false 1 15m0s",
	}
	s.expect(t, "disabled by a 410", "", ended...)
	s.attempt(t, "c", 200, delivery.Cancelled)
	for i := range ended {
		ended[i] = strings.NewReplacer(" 15m0s", " 30m0s", " 0s", " 15m0s").Replace(ended[i])
	}
	s.expect(t, "c cancelled", "", ended...)

	s.request(t, "PATCH", "/api/webhooks/"+s.webhookID(t, "order:create"), `{"data":{"url":"https://example.com/c"}}`)
	s.expect(t, "enabled by a change", "?event=order:create&active=true", "order d new true 0 never")
	s.attempt(t, "d", 200, delivery.Delivered)
	s.expect(t, "d taken", "?event=order:create&status=success", "order d success false 1 0s", "order a success false 1 45m0s")

	s.request(t, "DELETE", "/api/webhooks/"+s.webhookID(t, "order:delete"), "")
	s.expect(t, "deleted", "?event=order:delete", "order e failed false 0 never")
	s.now = s.now.Add(time.Second)
	s.request(t, "POST", "/api/webhooks", `{"data":[{"event":"order:delete","url":"https://example.com/other"}]}`)
	s.expect(t, "registered again", "?event=order:delete", "order e failed false 0 never")
	s.attempt(t, "e", 200, delivery.Cancelled)
	s.expect(t, "e cancelled", "?event=order:delete", "order e failed false 0 never")
}

// TestNotificationsOfARetriedSuccess: what was taken is sent once more by the
// operator's hand; no attempt comes where the webhook ended meanwhile, and what
// is cancelled has failed (docs/contracts/shoptet.md, Notifications 2).
func TestNotificationsOfARetriedSuccess(t *testing.T) {
	s := newShop(t)
	s.publish(t, "order:create", "a")
	s.attempt(t, "a", 200, delivery.Delivered)
	if _, err := s.retrier.Retry(t.Context(), s.Account, s.ids["a"]); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "retried", "", "order a success true 1 0s")
	s.request(t, "DELETE", "/api/webhooks/"+s.webhookID(t, "order:create"), "")
	s.expect(t, "deleted", "", "order a failed false 1 0s")
	s.attempt(t, "a", 200, delivery.Cancelled)
	s.expect(t, "cancelled", "", "order a failed false 1 15m0s")
}
