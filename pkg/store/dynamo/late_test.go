package dynamo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// do is one call, or several.
type do func(context.Context, *dynamo.Store) error

func (d do) and(next do) do {
	return func(ctx context.Context, s *dynamo.Store) error { return errors.Join(d(ctx, s), next(ctx, s)) }
}

// lateTry is a call whose first try to write is lost on its way. The call goes
// on without it, others follow, and then it arrives.
type lateTry struct {
	name                string
	before, call, after do
	// write is which write of the call it is, from 0.
	write int
	// err is the error of the call.
	err error
	// changes is what the try changes though: attributes, or "+" and the kind of
	// a new item. What comes of it stands beside it.
	changes string
}

// A try that arrives late changes nothing: its condition does not hold any more,
// or DynamoDB knows the token of its transaction. Where it does change something,
// that is no harm, or a limit (docs/limits.md).
func TestLateTries(t *testing.T) {
	server := dynamolocal.Start(t)
	upstream, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := dynamolocal.Client(t, server.URL)
	for _, tt := range slices.Concat(lateAtWebhooks(), lateAtStatistics(), lateAtAccounts(), lateAtDeliveries(), lateAtPasses(account), lateAtPasses(webhook.Account{})) {
		t.Run(tt.name, func(t *testing.T) {
			tables := server.NewTables(t)
			direct := open(t, server.URL, tables, timeout)
			h := &holding{to: httputil.NewSingleHostReverseProxy(upstream), passing: tt.write}
			proxy := httptest.NewServer(h)
			t.Cleanup(proxy.Close)
			if err := tt.before(t.Context(), direct); err != nil {
				t.Fatal(err)
			}
			if err := tt.call(t.Context(), open(t, proxy.URL, tables, timeout)); !errors.Is(err, tt.err) {
				t.Fatalf("call: error = %v, want %v", err, tt.err)
			}
			if err := tt.after(t.Context(), direct); err != nil {
				t.Fatal(err)
			}
			was := items(t, client, tables)
			h.release(t)
			if got := changes(was, items(t, client, tables)); got != tt.changes {
				t.Errorf("the late try changed %q, want %q", got, tt.changes)
			}
		})
	}
}

// holding passes requests on, but for one write: it closes the connection, and
// keeps the request.
type holding struct {
	to *httputil.ReverseProxy

	mu      sync.Mutex
	passing int // how many writes pass before it
	held    *http.Request
	body    []byte
}

func (h *holding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !slices.Contains([]string{"GetItem", "BatchGetItem", "Query"}, op) && h.hold(r) {
		panic(http.ErrAbortHandler)
	}
	h.to.ServeHTTP(w, r)
}

// hold keeps the request if it is the one.
func (h *holding) hold(r *http.Request) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.passing--
	if h.passing >= 0 || h.held != nil {
		return false
	}
	h.body, _ = io.ReadAll(r.Body) // what is cut off DynamoDB refuses
	h.held = r.Clone(context.Background())
	return true
}

// release sends the request that was kept. DynamoDB accepts it, or refuses it for
// its condition or its token.
func (h *holding) release(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == nil {
		t.Fatal("the call made no such write")
	}
	h.held.Body = io.NopCloser(bytes.NewReader(h.body))
	response := httptest.NewRecorder()
	h.to.ServeHTTP(response, h.held)
	body := response.Body.String()
	if response.Code != http.StatusOK && !strings.Contains(body, "ConditionalCheckFailed") && !strings.Contains(body, "IdempotentParameterMismatch") {
		t.Errorf("response %d to the late try: %s", response.Code, body)
	}
}

// items reads all items of both tables by their keys.
func items(t *testing.T, client *dynamodb.Client, tables dynamolocal.Tables) map[string]map[string]types.AttributeValue {
	t.Helper()
	all := map[string]map[string]types.AttributeValue{}
	for _, table := range []string{tables.Webhooks, tables.Deliveries} {
		out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(table), ConsistentRead: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range out.Items {
			pk, sk := it["pk"].(*types.AttributeValueMemberS).Value, it["sk"].(*types.AttributeValueMemberS).Value
			all[sk+" of "+pk] = it
		}
	}
	return all
}

// changes names what differs: attributes, and items that came or went by the
// beginning of their sort keys.
func changes(was, now map[string]map[string]types.AttributeValue) string {
	var found []string
	kind := func(k string) string { k, _, _ = strings.Cut(k, "#"); return k }
	for k, it := range now {
		if was[k] == nil {
			found = append(found, "+"+kind(k))
			continue
		}
		for name := range it {
			if !reflect.DeepEqual(it[name], was[k][name]) {
				found = append(found, name)
			}
		}
		for name := range was[k] {
			if it[name] == nil {
				found = append(found, name)
			}
		}
	}
	for k := range was {
		if now[k] == nil {
			found = append(found, "-"+kind(k))
		}
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

func nothing(context.Context, *dynamo.Store) error { return nil }

func creates(webhooks ...webhook.Webhook) do {
	return func(ctx context.Context, s *dynamo.Store) error {
		_, err := s.Create(ctx, webhook.Creation{Webhooks: webhooks})
		return err
	}
}

func deletes(webhooks ...webhook.Webhook) do {
	return func(ctx context.Context, s *dynamo.Store) error { return s.Delete(ctx, webhooks) }
}

func changesTo(was, now webhook.Webhook) do {
	return func(ctx context.Context, s *dynamo.Store) error {
		return s.Change(ctx, webhook.Change{Was: []webhook.Webhook{was}, Now: []webhook.Webhook{now}})
	}
}

func lateAtWebhooks() []lateTry {
	w, other, pair := record(account, "a"), record(account, "a"), batch(account, 2)
	moved := changed(w, "b")
	back := changed(moved, "a")
	slow := w
	slow.SlowSince = createdAt
	sets := func(w webhook.Webhook, since time.Time) do {
		return func(ctx context.Context, s *dynamo.Store) error { return s.SetSlow(ctx, w, since) }
	}
	return []lateTry{
		// The registry registers again under other ids. Who has deleted that finds
		// this one in the list.
		{name: "one webhook", before: nothing, call: creates(w), err: webhook.ErrUnknownOutcome, after: creates(other).and(deletes(other)), changes: "+E"},
		{name: "webhooks", before: nothing, call: creates(pair...), after: deletes(pair...)},
		// As of one webhook. The functions that register may not delete, as a fence does.
		{name: "webhooks, taken", before: creates(pair[0]), call: creates(batch(account, 2)...), err: webhook.ErrTaken, after: deletes(pair[0]), changes: "+E +E"},
		{name: "move", before: creates(w), call: changesTo(w, moved), after: changesTo(moved, back)},
		{name: "move, taken", before: creates(w).and(creates(pair[0])), call: changesTo(w, changed(w, pair[0].Event)), err: webhook.ErrTaken, after: deletes(pair[0])},
		{name: "deletion", before: creates(w), call: deletes(w), after: creates(w)}, // the ids of an API may name the event
		{name: "deletion of nothing", before: nothing, call: deletes(w), err: webhook.ErrNotFound, after: creates(w)},
		// Until its next quick success it has the slow lane.
		{name: "slow", before: creates(w), call: sets(w, createdAt), after: sets(slow, time.Time{}), changes: "sl"},
		{name: "quick", before: creates(w).and(sets(w, createdAt)), call: sets(slow, time.Time{}), after: sets(w, createdAt.Add(time.Second))},
	}
}

// attempts publishes the n-th event, and records an attempt in minute n: a put,
// for a failure an update of its item, one of the record, and one of statistics.
func attempts(w webhook.Webhook, n int, stats webhook.StatsUpdate) do {
	return func(ctx context.Context, s *dynamo.Store) error {
		d, err := s.AddDelivery(ctx, published(w, n, 200))
		if err != nil {
			return err
		}
		at := createdAt.Add(time.Duration(n) * time.Minute)
		now := attempted(d)
		if stats == webhook.StatsSent {
			now = delivered(d)
		}
		now.AttemptedAt = at
		recovered := w.Notice("2-recovered", webhook.NoticeRecovered, at)
		_, err = s.RecordAttempt(ctx, webhook.AttemptResult{Was: d, Now: now, Stats: stats, Recovered: &recovered})
		return err
	}
}

// tells stores the notice of a webhook that fails since minute n.
func tells(w webhook.Webhook, n int) do {
	w.Statistics = webhook.Statistics{FailedAttempts: 1, Since: createdAt.Add(time.Duration(n) * time.Minute)}
	return func(ctx context.Context, s *dynamo.Store) error {
		return s.Tell(ctx, w.Notice("1-failing", webhook.NoticeFailing, createdAt))
	}
}

func removesNotice(id string) do {
	return func(ctx context.Context, s *dynamo.Store) error { return s.RemoveNotice(ctx, id) }
}

func lateAtStatistics() []lateTry {
	w := record(account, "a")
	fails := func(n int) do { return attempts(w, n, webhook.StatsFailed) }
	succeeds := func(n int) do { return attempts(w, n, webhook.StatsSent) }
	works := creates(w)
	fell := works.and(fails(1))
	told := fell.and(tells(w, 1))
	return []lateTry{
		{name: "failure, then success", before: works, call: fails(1), write: 3, after: succeeds(2)},
		// The next success corrects it.
		{name: "failure, then another and success", before: works, call: fails(1), write: 3, after: fails(2).and(succeeds(3)), changes: "f fs g hs ix j ls state_since"},
		// So does the next one here.
		{name: "success, then success", before: works, call: succeeds(1), write: 2, after: succeeds(2), changes: "s"},
		// It cuts off minutes of the time since when the webhook fails.
		{name: "success, then failure", before: works, call: succeeds(1), write: 2, after: fails(2), changes: "fs g hs ix ls state_since"},
		{name: "success, then failure that is told", before: works, call: succeeds(1), write: 2, after: fails(2).and(tells(w, 2))},
		{name: "recovery, then failure that is told", before: told, call: succeeds(2), write: 3, after: fails(3).and(removesNotice("2-recovered")).and(tells(w, 3))},
		{name: "notice", before: fell, call: tells(w, 1), after: succeeds(2).and(removesNotice("1-failing"))},
		{name: "notice, then told again", before: fell, call: tells(w, 1), after: removesNotice("1-failing")},
	}
}

func lateAtAccounts() []lateTry {
	info := webhook.AccountInfo{Account: account, CreatedAt: createdAt}
	token, namesake := newToken("t1"), newToken("t1")
	namesake.Hash = webhook.HashToken("another")
	opens := do(func(ctx context.Context, s *dynamo.Store) error { return s.CreateAccount(ctx, info) })
	closes := do(func(ctx context.Context, s *dynamo.Store) error { return s.CloseAccount(ctx, account, createdAt) })
	ends := do(func(ctx context.Context, s *dynamo.Store) error { return s.DeleteAccount(ctx, account) })
	postpones := func(by time.Duration) do {
		return func(ctx context.Context, s *dynamo.Store) error {
			return s.PostponeClosing(ctx, account, createdAt.Add(by))
		}
	}
	sets := func(key string) do {
		return func(ctx context.Context, s *dynamo.Store) error { return s.SetAccountKey(ctx, account, []byte(key)) }
	}
	adds := func(t webhook.Token) do {
		return func(ctx context.Context, s *dynamo.Store) error { return s.CreateToken(ctx, t) }
	}
	revokes := do(func(ctx context.Context, s *dynamo.Store) error { return s.RevokeToken(ctx, account, "t1") })
	endsPortal := do(func(ctx context.Context, s *dynamo.Store) error { return s.EndPortal(ctx, account) })
	seals := do(func(ctx context.Context, s *dynamo.Store) error {
		_, err := s.AddSealingKey(ctx, webhook.SealingKey{ID: "k1", Public: []byte("public"), CreatedAt: createdAt})
		return err
	})
	return []lateTry{
		{name: "account", before: nothing, call: opens, after: closes.and(ends)},
		{name: "account that exists", before: opens, call: opens, err: webhook.ErrExists, after: closes.and(ends)},
		{name: "key", before: opens, call: sets("old"), after: sets("new")},
		{name: "key of no account", before: nothing, call: sets("old"), err: webhook.ErrNotFound, after: opens},
		{name: "closing", before: opens, call: closes, after: ends.and(opens)},
		{name: "closing of no account", before: nothing, call: closes, err: webhook.ErrNotFound, after: opens},
		{name: "postponing", before: opens.and(closes), call: postpones(time.Minute), after: postpones(2 * time.Minute)},
		{name: "end", before: opens.and(closes), call: ends, after: opens.and(closes)},
		{name: "end of no account", before: opens, call: ends, err: webhook.ErrNotFound, after: closes},
		{name: "token", before: opens, call: adds(token), after: revokes},
		{name: "token of no account", before: nothing, call: adds(token), err: webhook.ErrNotFound, after: opens},
		{name: "token that exists", before: opens.and(adds(token)), call: adds(token), err: webhook.ErrExists, after: revokes},
		{name: "revocation", before: opens.and(adds(token)), call: revokes, after: adds(namesake)},
		// Who came into the portal meanwhile has to come again.
		{name: "end of the portal", before: opens, call: endsPortal, after: nothing, changes: "pe"},
		{name: "sealing key", before: nothing, call: seals, after: nothing},
	}
}

func lateAtDeliveries() []lateTry {
	w := record(account, "a")
	d, large := published(w, 1, 200), published(w, 1, 5000)
	failed := d.Attempted(createdAt, 503, "status 503", time.Time{})
	retried := failed.Retried(createdAt.Add(time.Minute))
	cancelled := retried.Cancelled(webhook.ReasonWebhookDisabled)
	again := cancelled.Retried(createdAt.Add(2 * time.Minute))
	records := func(was, now webhook.Delivery) do {
		return func(ctx context.Context, s *dynamo.Store) error {
			_, err := s.RecordAttempt(ctx, webhook.AttemptResult{Was: was, Now: now})
			return err
		}
	}
	adds := func(d webhook.Delivery) do {
		return func(ctx context.Context, s *dynamo.Store) error { _, err := s.AddDelivery(ctx, d); return err }
	}
	leases := func(d webhook.Delivery, sends int64, due, until time.Time) do {
		p := webhook.Pending{Message: d.Message(), Due: due, Sends: sends}
		return func(ctx context.Context, s *dynamo.Store) error { return s.Lease(ctx, p, until) }
	}
	ended := adds(d).and(records(d, failed))
	rival := failed
	rival.AttemptedAt = rival.AttemptedAt.Add(time.Second)
	return []lateTry{
		{name: "event", before: nothing, call: adds(d), after: records(d, failed)},
		{name: "payload", before: nothing, call: adds(large), after: records(large, failed)},
		{name: "event with its payload", before: nothing, call: adds(large), write: 1, after: records(large, failed)},
		{name: "attempt's own item", before: adds(d), call: records(d, failed), after: records(failed, retried)},
		// Both were made. Of the two the later one is shown, unless it is the latest.
		{name: "withdrawn attempt", before: ended, call: records(d, rival), err: webhook.ErrChanged, after: nothing, changes: "o r t z"},
		{name: "attempt", before: adds(d), call: records(d, failed), write: 1, after: records(failed, retried)},
		{name: "retry, then attempt", before: ended, call: records(failed, retried), after: records(retried, delivered(retried))},
		// The worker asks again whether there is still somebody to deliver to.
		{name: "retry, then cancellation", before: ended, call: records(failed, retried), after: records(retried, cancelled), changes: "due j p r w x"},
		{name: "cancellation, then retry", before: ended.and(records(failed, retried)), call: records(retried, cancelled), after: records(cancelled, again)},
		{name: "lease", before: adds(d), call: leases(d, 0, d.Due, createdAt.Add(time.Hour)), after: leases(d, 1, createdAt.Add(time.Hour), d.Due)},
	}
}

// lateAtPasses are tries at links and sessions of an account, or of the operator.
func lateAtPasses(owner webhook.Account) []lateTry {
	pass := func(text string) webhook.PortalPass {
		return webhook.PortalPass{Hash: webhook.HashToken(text), Account: owner, Rights: webhook.Read, ExpiresAt: createdAt}
	}
	link, session := pass("link"), pass("session")
	links := do(func(ctx context.Context, s *dynamo.Store) error { return s.AddPortalLink(ctx, link) })
	enters := do(func(ctx context.Context, s *dynamo.Store) error { return s.AddPortalSession(ctx, session) })
	begins := func(p webhook.PortalPass) do {
		return func(ctx context.Context, s *dynamo.Store) error { return s.BeginPortalSession(ctx, link.Hash, p) }
	}
	leaves := do(func(ctx context.Context, s *dynamo.Store) error { return s.EndPortalSession(ctx, owner, session.Hash) })
	who := " of " + owner.String()
	return []lateTry{
		{name: "link" + who, before: nothing, call: links, after: begins(session)},
		{name: "session" + who, before: nothing, call: enters, after: leaves},
		{name: "session by a link" + who, before: links, call: begins(session), after: leaves},
		{name: "used link" + who, before: links.and(begins(session)), call: begins(pass("late")), err: webhook.ErrNotFound, after: leaves},
		{name: "leaving" + who, before: enters, call: leaves, after: nothing},
	}
}
