package functions_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/api/abbeycross"
	"github.com/hookline/hookline/pkg/api/squake"
	"github.com/hookline/hookline/pkg/webhook"
)

// noticeBus is the bus that notices go to. Its ARN begins with eventBusARN in
// template.yaml.
const (
	noticeBus   = "company-events"
	eventBusARN = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/"
)

// putEvents is a request of EventBridge's.
type putEvents struct{ Entries []busEvent }

type busEvent struct{ EventBusName, Source, DetailType, Detail string }

// fakeBus takes events as PutEvents of EventBridge does, and keeps them. Or it
// refuses them with a 200, as EventBridge may.
type fakeBus struct {
	url     string
	refuses atomic.Bool

	mu    sync.Mutex
	taken []busEvent
}

func startBus(t *testing.T) *fakeBus {
	t.Helper()
	b := &fakeBus{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in putEvents
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" || len(in.Entries) != 1 {
			t.Errorf("EventBridge is asked for %s of %d: %v", r.Header.Get("X-Amz-Target"), len(in.Entries), err)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if b.refuses.Load() {
			_, _ = fmt.Fprint(w, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure","ErrorMessage":"later"}]}`)
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.taken = append(b.taken, in.Entries[0])
		_, _ = fmt.Fprintf(w, `{"FailedEntryCount":0,"Entries":[{"EventId":"e-%d"}]}`, len(b.taken))
	}))
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// told lists what was told of an account, in order.
func (b *fakeBus) told(t *testing.T, a webhook.Account) (types []string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.taken {
		var detail struct {
			ID, Type string
			Data     struct{ Account string }
		}
		if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil || detail.ID == "" || detail.Type != e.DetailType || e.Source != "hookline" || e.EventBusName != noticeBus {
			t.Errorf("event %+v: %v", e, err)
		}
		if detail.Data.Account == a.String() {
			types = append(types, detail.Type)
		}
	}
	return types
}

// A webhook that fails for an hour, loses a delivery, is disabled or works again
// is told of on the bus, also after the bus refused it.
func testNotices(t *testing.T, p *pipeline) {
	failing, disabled := p.register(t, squake.API()), p.register(t, abbeycross.API())
	p.failsSince(t, failing, time.Now().Add(-webhook.TellFailingAfter-time.Minute))
	p.bus.refuses.Store(true)
	if payload := p.invoke(t, "Sweep", events.EventBridgeEvent{}); !strings.Contains(string(payload), "1 notices were not taken") {
		t.Errorf("sweep with a notice that is refused: %s", payload)
	}
	p.bus.refuses.Store(false)
	p.addOverdue(t, failing, 99)
	p.sweep(t)
	last := failing.messages()
	failing.attempt(t, last[len(last)-1].body, http.StatusInternalServerError, 1, 0)
	disabled.attempt(t, disabled.publishOne(t, disabled.occurrence("1")), http.StatusGone, 1, 0)
	failing.attempt(t, failing.publishOne(t, failing.occurrence("2")), http.StatusOK, 1, 0)
	p.sweep(t)
	for _, tt := range []struct {
		client *client
		want   []string
	}{
		{failing, []string{"webhook.failing", "webhook.exhausted", "webhook.recovered"}},
		{disabled, []string{"webhook.disabled"}},
	} {
		if diff := cmp.Diff(tt.want, p.bus.told(t, tt.client.account)); diff != "" {
			t.Errorf("%s is told of (-want +got):\n%s", tt.client.account, diff)
		}
	}
	if left, err := p.stack.store.Notices(t.Context(), "", 10); err != nil || len(left) > 0 {
		t.Errorf("%d notices are left, %v", len(left), err)
	}
}

// failsSince records a failed attempt of that time.
func (p *pipeline) failsSince(t *testing.T, c *client, at time.Time) {
	t.Helper()
	c.publishOne(t, c.occurrence("1"))
	var was webhook.Delivery
	err := p.stack.store.Deliveries(t.Context(), c.account, time.Time{}, func(d webhook.Delivery) bool { was = d; return false })
	if err != nil {
		t.Fatal(err)
	}
	now := was.Attempted(at.UTC().Truncate(time.Millisecond), http.StatusInternalServerError, "answered 500", time.Time{})
	if _, err := p.stack.store.RecordAttempt(t.Context(), webhook.AttemptResult{Was: was, Now: now, Stats: webhook.StatsFailed}); err != nil {
		t.Fatal(err)
	}
}
