package deploytest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	hookline "github.com/hookline/hookline/pkg/receiver"
	"github.com/hookline/hookline/pkg/webhook"
)

// receiver is where customers receive, over HTTP.
type receiver struct {
	url string

	mu sync.Mutex
	// responses are the statuses that requests are answered, one after the
	// other, by what their bodies hold; all others are answered 200.
	responses map[string][]int
	arrived   chan receipt
}

// receipt is a request that arrived, and what it was answered.
type receipt struct {
	path   string
	header http.Header
	body   []byte
	status int
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{responses: map[string][]int{}, arrived: make(chan receipt, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		if err != nil {
			t.Errorf("receive: %v", err)
		}
		got := receipt{in.URL.Path, in.Header.Clone(), body, r.response(string(body))}
		w.WriteHeader(got.status)
		r.arrived <- got
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) response(body string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for text, statuses := range r.responses {
		if strings.Contains(body, text) && len(statuses) > 0 {
			r.responses[text] = statuses[1:]
			return statuses[0]
		}
	}
	return http.StatusOK
}

// answering has what comes with a text in its body be answered with statuses,
// one after the other.
func (r *receiver) answering(text string, statuses ...int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.responses[text] = statuses
}

// next waits for a request.
func (r *receiver) next(t *testing.T) receipt {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	select {
	case got := <-r.arrived:
		return got
	case <-ctx.Done():
		t.Fatal("nothing arrives at the receiver")
		return receipt{}
	}
}

// verify checks a request as its customer would, with the key that it was
// shown: by the official library, and by the API's own header.
func (c *customer) verify(t *testing.T, r receipt) {
	t.Helper()
	official, err := standardwebhooks.NewWebhook(c.shown)
	if err == nil {
		err = official.Verify(r.body, r.header)
	}
	if err != nil {
		t.Errorf("%s: the official library says %v", c.account, err)
	}
	key, err := hookline.ParseKey(c.shown)
	if err != nil {
		t.Fatal(err)
	}
	schemes := 0
	for _, check := range hookline.Verify(time.Now(), []hookline.Key{key}, r.header, r.body) {
		if schemes++; check.Error != nil {
			t.Errorf("%s: %s: %v", c.account, check.Scheme, check.Error)
		}
	}
	own := map[webhook.API]int{"squake": 1, "shoptet": 1}[c.name]
	if schemes != 1+own {
		t.Errorf("%s: %d signatures, want %d", c.account, schemes, 1+own)
	}
}

// getsWhatIsPublished publishes an event for each customer, in one request, and
// waits until each has received it, signed with the key that it was shown.
func (r *receiver) getsWhatIsPublished(t *testing.T, s *stack, customers []*customer) {
	id := "published-" + s.name
	var events []any
	for _, c := range customers {
		events = append(events, c.event(c.events[0], id))
	}
	response := s.publish(t, events...).must(t, "publish", http.StatusAccepted, `"accepted"`)
	if n := strings.Count(response.body, `"accepted"`); n != len(customers) {
		t.Fatalf("%d events are accepted, want %d: %s", n, len(customers), response.body)
	}
	waiting := slices.Clone(customers)
	for range customers {
		got := r.next(t)
		i := slices.IndexFunc(waiting, func(c *customer) bool { return c.path == got.path })
		if i < 0 {
			t.Fatalf("received twice, or by nobody: %s %s", got.path, got.body)
		}
		waiting[i].verify(t, got)
		if !strings.Contains(response.body, got.header.Get("Webhook-Id")) {
			t.Errorf("webhook-id %s is none of %s", got.header.Get("Webhook-Id"), response.body)
		}
		waiting = slices.Delete(waiting, i, i+1)
	}
	s.publish(t, events...).must(t, "publish again", http.StatusAccepted, `"duplicate"`)
	s.areFinished(t, customers)
	out := s.operate(t, "delivery", "list", "--account", customers[0].account.String(), "--json")
	if !strings.Contains(out, `"delivered"`) {
		t.Errorf("the operator sees %s, want what was delivered", out)
	}
}

// areFinished waits until no delivery of the customers is to be attempted any
// more: what a receiver got is written down only after that.
func (s *stack) areFinished(t *testing.T, customers []*customer) {
	t.Helper()
	store := s.data().store(t)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for _, c := range customers {
		for {
			active := 0
			err := store.Deliveries(ctx, c.account, time.Time{}, func(d webhook.Delivery) bool {
				if d.Open() {
					active++
				}
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			if active == 0 {
				break
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				t.Fatalf("%d deliveries of %s are not final", active, c.account)
			}
		}
	}
}

// getsWhatItRefused has a delivery fail, and waits until it comes again, some
// five seconds later, under the same id. The operator publishes by hand.
func (r *receiver) getsWhatItRefused(t *testing.T, s *stack, customers []*customer) {
	c := customers[0]
	r.answering("refused-first", http.StatusInternalServerError)
	s.operate(t, "publish", "--account", c.account.String(), "--event", c.events[0], "--payload", `{"id":"refused-first"}`)
	first := r.next(t)
	second := r.next(t)
	c.verify(t, first)
	c.verify(t, second)
	if first.status != http.StatusInternalServerError || second.status != http.StatusOK {
		t.Errorf("answered %d, then %d", first.status, second.status)
	}
	if a, b := first.header.Get("Webhook-Id"), second.header.Get("Webhook-Id"); a != b || a == "" {
		t.Errorf("webhook-id %q, then %q", a, b)
	}
	if string(first.body) != string(second.body) {
		t.Errorf("body %s, then %s", first.body, second.body)
	}
	s.areFinished(t, customers)
}

// getsWhatWasLost adds a delivery whose message was lost, has the sweeper look,
// and waits until the delivery arrives.
func (r *receiver) getsWhatWasLost(t *testing.T, s *stack, customers []*customer) {
	c := customers[2]
	added := s.addOverdue(t, c, "lost", 0)
	s.sweep(t)
	got := r.next(t)
	c.verify(t, got)
	if got.header.Get("Webhook-Id") != added.ID() || !strings.Contains(string(got.body), `"lost"`) {
		t.Errorf("received %s with id %s, want %s", got.body, got.header.Get("Webhook-Id"), added.ID())
	}
	s.areFinished(t, customers)
}

// addOverdue adds a delivery that was attempted so often and is due, without a
// message.
func (s *stack) addOverdue(t *testing.T, c *customer, id string, attempts int64) webhook.Delivery {
	t.Helper()
	store := s.data().store(t)
	w, err := store.Webhook(t.Context(), c.account, c.events[0])
	if err != nil {
		t.Fatal(err)
	}
	info, err := store.Account(t.Context(), c.account)
	if err != nil {
		t.Fatal(err)
	}
	accepted := info.CreatedAt // the earliest that there can be
	event := webhook.Event{Account: c.account, Name: w.Event, ID: id, Time: accepted, Payload: fmt.Appendf(nil, `{"id":%q}`, id)}
	added, err := store.AddDelivery(t.Context(), webhook.Delivery{
		Account: c.account, Event: event.Name, EventID: event.ID, Time: event.Time, Payload: event.Payload, Content: event.Content(),
		WebhookID: w.ID, URL: w.URL, AcceptedAt: accepted, Next: accepted, Due: accepted.Add(time.Millisecond), Attempts: attempts,
	})
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// sweep has the sweeper look.
func (s *stack) sweep(t *testing.T) {
	t.Helper()
	if response, failed := s.invoke(t, "Sweep", `{"detail-type":"Scheduled Event"}`); failed {
		t.Fatalf("sweep: %s", response)
	}
}

// isLeftInPeace answers 410, and sees that what is published for that webhook is
// held until it is enabled and the event published again.
func (r *receiver) isLeftInPeace(t *testing.T, s *stack, customers []*customer) {
	c := customers[0]
	c.verify(t, r.disables(t, s, c, "unwanted"))
	held := c.event(c.events[0], "after")
	s.publish(t, held).must(t, "publish after 410", http.StatusAccepted, `"held"`)
	s.enable(t, c)
	s.publish(t, held).must(t, "publish when enabled", http.StatusAccepted, `"accepted"`)
	if got := r.next(t); !strings.Contains(string(got.body), `"after"`) {
		t.Errorf("received %s", got.body)
	}
	s.areFinished(t, customers)
}

// disables answers an event with 410, which disables its webhook.
func (r *receiver) disables(t *testing.T, s *stack, c *customer, id string) receipt {
	t.Helper()
	r.answering(id, http.StatusGone)
	s.publish(t, c.event(c.events[0], id)).must(t, "publish", http.StatusAccepted, `"accepted"`)
	got := r.next(t)
	s.areFinished(t, []*customer{c})
	return got
}

// enable enables the only webhook of a customer, as the operator does.
func (s *stack) enable(t *testing.T, c *customer) {
	t.Helper()
	var webhooks []struct {
		ID string `json:"id"`
	}
	out := s.operate(t, "webhook", "list", "--account", c.account.String(), "--json")
	if err := json.Unmarshal([]byte(out), &webhooks); err != nil || len(webhooks) != 1 {
		t.Fatalf("webhooks %s, %v", out, err)
	}
	s.operate(t, "webhook", "enable", webhooks[0].ID, "--account", c.account.String())
}

// unknownMessage is one for a delivery that never was.
func unknownMessage() string {
	body := fmt.Sprintf(`{"v":1,"account":"squake:1001","id":"019a00000000%032d","event":"order","n":1,"at":1763774101000}`, 0)
	event, _ := json.Marshal(map[string]any{"Records": []any{map[string]any{"messageId": "m-1", "body": body}}}) // texts only
	return string(event)
}
