package modeltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

var recovered = webhook.EventKey{Account: webhook.Account{API: "squake", ID: "recovered"}, Event: "order"}

// outbox is a queue that notes what is sent. Every so often it fails, as if the
// process had ended before it sent.
type outbox struct {
	mu    sync.Mutex
	sends int
	sent  map[string]int // by delivery
	lost  int
}

func (*outbox) Lease(webhook.EventKey) (time.Duration, bool) { return time.Minute, true }
func (*outbox) Full() bool                                   { return false }

func (q *outbox) Send(_ context.Context, messages []webhook.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sends++; q.sends%5 == 0 {
		q.lost += len(messages)
		return webhook.ErrUnavailable
	}
	for _, m := range messages {
		q.sent[m.ID]++
	}
	return nil
}

// tooOld is which deliveries of a recovery are past retention: one of so many.
const tooOld = 20

// addFailed adds an account with as many deliveries that failed.
func addFailed(t *testing.T, s store.Store, count int, now time.Time) {
	t.Helper()
	hook := webhook.Webhook{Account: recovered.Account, Event: recovered.Event, ID: "w1", RequestID: "r", URL: "https://receiver.example", Version: 1, CreatedAt: now}
	_, err := s.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{hook}})
	if err := errors.Join(err, s.CreateAccount(t.Context(), webhook.AccountInfo{Account: recovered.Account, CreatedAt: now.Add(-30 * 24 * time.Hour)})); err != nil {
		t.Fatal(err)
	}
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(32)
	for i := range count {
		at := now.Add(-time.Hour - time.Duration(i)*time.Second)
		d := webhook.Delivery{
			Account: recovered.Account, Event: recovered.Event, EventID: fmt.Sprint(i), Time: at, WebhookID: hook.ID, URL: hook.URL, Content: "c",
			AcceptedAt: now.Add(-time.Hour), AttemptedAt: now.Add(-time.Hour), Attempts: 1, Status: webhook.StatusFailed, StatusCode: 500, Reason: "answered 500",
		}
		if i%tooOld == 0 {
			d.AcceptedAt = now.Add(-7 * 24 * time.Hour)
		}
		group.Go(func() error {
			_, err := s.AddDelivery(ctx, d)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// recoverThrough goes on until the end, whatever fails on the way. In the
// middle it forgets how far it was, as after a crash.
func recoverThrough(ctx context.Context, r *delivery.Retrier, q delivery.Recovery) (all delivery.Recovered, steps int, err error) {
	for crashed := false; ; steps++ {
		done, err := r.Recover(ctx, recovered.Account, q)
		if errors.Is(err, webhook.ErrUnavailable) || errors.Is(err, webhook.ErrUnknownOutcome) {
			continue
		}
		if err != nil || done.Resent > q.Limit || steps > 10_000 {
			return all, steps, fmt.Errorf("step %d: %+v: %w", steps, done, err)
		}
		all.Resent, all.Expired = all.Resent+done.Resent, all.Expired+done.Expired
		if q.Cursor = done.Next; q.Cursor == "" {
			return all, steps, nil
		}
		if steps > 2 && !crashed {
			crashed, q.Cursor = true, ""
		}
	}
}

// testRecovery recovers as many deliveries by store, which may fail. Each is due
// again or in the queue, once; those past retention are not; a recovery as of the same
// time does nothing more.
func testRecovery(t *testing.T, faulty, direct store.Store, count int) {
	now := time.Now().UTC().Truncate(time.Millisecond) // what has expired is not listed
	addFailed(t, direct, count, now)
	queue := &outbox{sent: map[string]int{}}
	clock := func() time.Time { return now }
	q := delivery.Recovery{From: now.Add(-7 * 24 * time.Hour), Limit: min(max(count/20, 10), delivery.MaxRecovered), AsOf: now}
	_, steps, err := recoverThrough(t.Context(), delivery.NewRetrier(faulty, queue, clock), q)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := recoverThrough(t.Context(), delivery.NewRetrier(direct, queue, clock), q)
	if err != nil || again.Resent != 0 || again.Expired < count/tooOld {
		t.Errorf("again: %+v, %v; want nothing resent and %d expired", again, err, count/tooOld)
	}
	open, sent, old := 0, 0, 0
	err = direct.Deliveries(t.Context(), recovered.Account, time.Time{}, func(d webhook.Delivery) bool {
		isOld := d.AcceptedAt.Before(now.Add(-6 * 24 * time.Hour))
		switch n := queue.sent[d.ID()]; {
		case isOld && !d.Open() && n == 0:
			old++
		case !isOld && d.Open() && !d.Due.IsZero() && d.Attempts == 1 && n <= 1:
			open, sent = open+1, sent+n
		default:
			t.Errorf("sent %d times: %+v", n, d)
		}
		return !t.Failed()
	})
	t.Logf("%d deliveries in %d steps; %d were sent, %d are left to the sweeper", count, steps, sent, open-sent)
	if want := (count + tooOld - 1) / tooOld; err != nil || old != want || open != count-want || sent == 0 || queue.lost == 0 {
		t.Errorf("%d open, %d sent, %d of %d too old, %d lost, %v", open, sent, old, want, queue.lost, err)
	}
}

// interruptedWrites is a store of whose writes one in so many does not happen,
// and of another the answer is lost.
type interruptedWrites struct {
	store.Store
	every int
	mu    sync.Mutex
	calls int
}

func (s *interruptedWrites) RecordAttempt(ctx context.Context, r webhook.AttemptResult) (webhook.Delivery, error) {
	s.mu.Lock()
	s.calls++
	n := s.calls
	s.mu.Unlock()
	if n%s.every == 0 {
		return webhook.Delivery{}, webhook.ErrUnavailable
	}
	d, err := s.Store.RecordAttempt(ctx, r)
	if n%(s.every+2) == 0 {
		return webhook.Delivery{}, webhook.ErrUnknownOutcome
	}
	return d, err
}

func TestRecoveryOnSQLite(t *testing.T) {
	s, count := openSQLite(t), long.Pick(1_000, 100_000)
	testRecovery(t, &interruptedWrites{Store: s, every: count / 20}, s, count)
}

func TestRecoveryOnDynamoDB(t *testing.T) {
	server := dynamolocal.Start(t)
	tables, proxy, count := server.NewTables(t), faultproxy.Start(t, server.URL), long.Pick(300, 5_000)
	proxy.Inject(faultproxy.Plan{Seed: 5, Rate: 0.1, Kinds: []faultproxy.Kind{ // those that take no time
		faultproxy.DropBefore, faultproxy.DropAfter, faultproxy.ErrorAfter, faultproxy.CutAfter, faultproxy.Throttled,
	}})
	direct := dynamolocal.Store(t, server.URL, tables)
	testRecovery(t, &interruptedWrites{Store: dynamolocal.Store(t, proxy.URL, tables), every: max(count/20, 50)}, direct, count)
	if counts := proxy.Counts(); counts.Injected() == 0 {
		t.Error("no request met a fault")
	}
}
