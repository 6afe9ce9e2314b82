package dynamo_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// faultRate is drawn above the fifth that must be reached.
	faultRate = 0.35
	// shortTry makes silent and late answers cheap.
	shortTry = 300 * time.Millisecond
	// workers is how many requests are under way at once: not so many that on a
	// busy machine most would wait for longer than shortTry.
	workers = 16
	// hanging is how long nothing takes, however busy the machine is.
	hanging = 10 * time.Minute
)

// faulty gives a store behind a proxy that injects faults into faultRate of
// the requests, and one that reads past it. It checks at the end that the
// proxy did so.
func faulty(t *testing.T, seed uint64) (faulty, direct *dynamo.Store) {
	t.Helper()
	server := dynamolocal.Start(t)
	proxy := faultproxy.Start(t, server.URL)
	tables := server.NewTables(t)
	proxy.Inject(faultproxy.Plan{Seed: seed, Rate: faultRate})
	t.Cleanup(func() {
		c := proxy.Counts()
		t.Logf("%d requests, faults: %v", c.Total(), c.Faults)
		if share := float64(c.Injected()) / float64(c.Total()); share < 0.2 {
			t.Errorf("%.0f %% of the requests met a fault, want 20 at least", 100*share)
		}
		for _, kind := range faultproxy.Kinds() {
			// Among so many, a kind that is never drawn is no accident.
			if c.Injected() > 400 && c.Faults[kind] == 0 {
				t.Errorf("no request met the fault %q", kind)
			}
		}
	})
	return open(t, proxy.URL, tables, shortTry), open(t, server.URL, tables, timeout)
}

// register plays the registry's part: after an unknown outcome it tries again
// under new ids and the same claim.
func register(ctx context.Context, s *dynamo.Store, c webhook.Creation) ([]webhook.Webhook, error) {
	requestID := rand.Text()
	for {
		c.Webhooks = slices.Clone(c.Webhooks)
		for i := range c.Webhooks {
			c.Webhooks[i].ID, c.Webhooks[i].RequestID = rand.Text(), requestID
		}
		got, err := s.Create(ctx, c)
		if !errors.Is(err, webhook.ErrUnknownOutcome) || ctx.Err() != nil {
			return got, err
		}
	}
}

// outcome is what one registration was answered.
type outcome struct {
	asked []webhook.Webhook
	got   []webhook.Webhook
	err   error
}

// registerAll registers all creations, several at once.
func registerAll(t *testing.T, s *dynamo.Store, creations []webhook.Creation) []outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hanging)
	defer cancel()
	outcomes := make([]outcome, len(creations))
	var group errgroup.Group
	group.SetLimit(workers)
	for i, c := range creations {
		group.Go(func() error {
			got, err := register(ctx, s, c)
			outcomes[i] = outcome{c.Webhooks, got, err}
			return nil
		})
	}
	_ = group.Wait() // the errors are in outcomes
	return outcomes
}

// existing reads the webhooks of the account by event.
func existing(t *testing.T, s *dynamo.Store, a webhook.Account) map[string]webhook.Webhook {
	t.Helper()
	list, err := s.Webhooks(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	byEvent := map[string]webhook.Webhook{}
	for _, w := range list {
		byEvent[w.Event] = w
	}
	return byEvent
}

// checkOutcomes holds the answers against what stands: what was answered as
// created stands under that id, a conflict names what stands and is never with
// the request's own record, and nothing else was answered. It returns how many
// succeeded.
func checkOutcomes(t *testing.T, existing map[string]webhook.Webhook, outcomes []outcome) (succeeded int) {
	t.Helper()
	responded := map[string]bool{}
	for _, o := range outcomes {
		for _, w := range o.got {
			responded[w.ID] = true
			if existing[w.Event].ID != w.ID {
				t.Errorf("event %s was answered as created with id %s, but %q stands", w.Event, w.ID, existing[w.Event].ID)
			}
		}
	}
	for _, o := range outcomes {
		var taken *webhook.TakenError
		switch {
		case o.err == nil && len(o.got) == len(o.asked):
			succeeded++
		case errors.As(o.err, &taken):
			for event, id := range taken.IDs {
				if existing[event].ID != id || !responded[id] {
					t.Errorf("event %s was answered as taken by %s: it stands: %t, was answered: %t",
						event, id, existing[event].ID == id, responded[id])
				}
			}
		default:
			t.Errorf("registration of %s: %d records, error %v", o.asked[0].Event, len(o.got), o.err)
		}
	}
	for event, w := range existing {
		if !responded[w.ID] {
			t.Errorf("event %s stands with id %s, which nobody was told", event, w.ID)
		}
	}
	return succeeded
}

// Two rivals register each of 1000 events: exactly one is told that it did.
func TestSinglesThroughFaults(t *testing.T) {
	s, direct := faulty(t, 1)
	events := long.Pick(300, 1000)
	var creations []webhook.Creation
	for i := range events {
		event := fmt.Sprintf("event-%04d", i)
		for range 2 {
			creations = append(creations, webhook.Creation{Webhooks: []webhook.Webhook{record(account, event)}})
		}
	}
	outcomes := registerAll(t, s, creations)
	existing := existing(t, direct, account)
	if got := checkOutcomes(t, existing, outcomes); got != events || len(existing) != events {
		t.Errorf("%d registrations succeeded and %d records stand, want %d", got, len(existing), events)
	}
}

// Pairs of batches share one event: of each pair one stands whole, and nothing
// of the other does.
func TestBatchesThroughFaults(t *testing.T) {
	s, direct := faulty(t, 2)
	pairs := long.Pick(40, 100)
	var creations []webhook.Creation
	for i := range pairs {
		left, right := batch(account, 5), batch(account, 5)
		for n := range left {
			left[n].Event = fmt.Sprintf("%03d-left-%d", i, n)
			right[n].Event = fmt.Sprintf("%03d-right-%d", i, n)
		}
		right[4].Event = left[2].Event
		creations = append(creations, webhook.Creation{Webhooks: left}, webhook.Creation{Webhooks: right})
	}
	outcomes := registerAll(t, s, creations)
	existing := existing(t, direct, account)
	if got := checkOutcomes(t, existing, outcomes); got != pairs || len(existing) != 5*pairs {
		t.Errorf("%d batches succeeded and %d records stand, want %d and %d", got, len(existing), pairs, 5*pairs)
	}
}

// Of two events that exclude each other one is registered.
func TestExclusionsThroughFaults(t *testing.T) {
	s, direct := faulty(t, 3)
	pairs := long.Pick(40, 100)
	var creations []webhook.Creation
	for i := range pairs {
		all, one := fmt.Sprintf("order-%03d:*", i), fmt.Sprintf("order-%03d:create", i)
		creations = append(creations,
			webhook.Creation{Webhooks: []webhook.Webhook{record(account, all)}, Exclusions: []webhook.Exclusion{{Event: all, By: one}}},
			webhook.Creation{Webhooks: []webhook.Webhook{record(account, one)}, Exclusions: []webhook.Exclusion{{Event: one, By: all}}})
	}
	outcomes := registerAll(t, s, creations)
	var granted []outcome
	for i, o := range outcomes {
		var excluded *webhook.ExcludedError
		switch {
		case errors.As(o.err, &excluded):
			if !slices.Equal(excluded.Found, creations[i].Exclusions) {
				t.Errorf("excluded: %v, want %v", excluded.Found, creations[i].Exclusions)
			}
		default:
			granted = append(granted, o)
		}
	}
	existing := existing(t, direct, account)
	if got := checkOutcomes(t, existing, granted); got != pairs || len(existing) != pairs {
		t.Errorf("%d registrations succeeded and %d records stand, want %d", got, len(existing), pairs)
	}
}

// Accounts, tokens and sealing keys: a lost answer becomes neither a false
// "exists" nor a false "not found".
func TestAdministrationThroughFaults(t *testing.T) {
	s, direct := faulty(t, 4)
	ctx, cancel := context.WithTimeout(t.Context(), hanging)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(workers)
	accounts := long.Pick(25, 60)
	for i := range accounts {
		group.Go(func() error { return administer(ctx, s, fmt.Sprintf("account-%03d", i)) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	list, err := direct.Accounts(ctx, account.API)
	if err != nil || len(list) != accounts {
		t.Errorf("%d accounts stand, %v; want %d", len(list), err, accounts)
	}
	keys, err := direct.SealingKeys(ctx)
	if err != nil || len(keys) != accounts {
		t.Errorf("%d sealing keys stand, %v; want %d", len(keys), err, accounts)
	}
}

// administer goes once through everything an account's operator does.
func administer(ctx context.Context, s *dynamo.Store, id string) error {
	a := webhook.Account{API: account.API, ID: id}
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: a, CreatedAt: createdAt}); err != nil {
		return err
	}
	token := webhook.Token{ID: "t-" + id, Account: a, Hash: webhook.HashToken(id), Rights: webhook.Read, CreatedAt: createdAt}
	if err := s.CreateToken(ctx, token); err != nil {
		return err
	}
	if got, err := s.Token(ctx, token.Hash); err != nil || got != token {
		return fmt.Errorf("token = %v, %w; want %v", got, err, token)
	}
	if list, err := s.Tokens(ctx, a); err != nil || len(list) != 1 {
		return fmt.Errorf("tokens = %v, %w; want one", list, err)
	}
	if err := s.RevokeToken(ctx, a, token.ID); err != nil {
		return err
	}
	if _, err := s.Token(ctx, token.Hash); !errors.Is(err, webhook.ErrNotFound) {
		return fmt.Errorf("token after it was revoked: error = %w, want ErrNotFound", err)
	}
	key := webhook.SealingKey{ID: "k-" + id, Public: []byte(id), CreatedAt: createdAt}
	if got, err := s.AddSealingKey(ctx, key); err != nil || string(got.Public) != id {
		return fmt.Errorf("sealing key = %v, %w; want %v", got, err, key)
	}
	return nil
}

// Every call tells a missing table by ErrNoTable, without DynamoDB's own words,
// and so does Check for each of the two. CreateTable makes what is missing.
func TestMissingTables(t *testing.T) {
	server := dynamolocal.Start(t)
	ctx := t.Context()
	id := rand.Text()
	tables := dynamolocal.Tables{Webhooks: "w-" + id, Deliveries: "d-" + id}
	both := open(t, server.URL, tables, timeout)
	for name, call := range map[string]func() error{
		"read": func() error { return both.Warm(ctx) },
		"list": func() error { _, err := both.Webhooks(ctx, account); return err },
		"batch": func() error {
			return both.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: createdAt})
		},
		"deliver": func() error { _, err := both.AddDelivery(ctx, delivery(account, 1)); return err },
		"check":   func() error { return both.Check(ctx) },
	} {
		if err := call(); !errors.Is(err, dynamo.ErrNoTable) || strings.Contains(err.Error(), "RequestID") {
			t.Errorf("%s: error = %v, want ErrNoTable and no more", name, err)
		}
	}

	if err := dynamo.CreateTable(ctx, dynamolocal.Config(t, server.URL, dynamolocal.Tables{Webhooks: tables.Webhooks})); err != nil {
		t.Fatal(err)
	}
	if err := both.Check(ctx); !errors.Is(err, dynamo.ErrNoTable) || !strings.Contains(err.Error(), tables.Deliveries) {
		t.Errorf("Check with one table: error = %v, want ErrNoTable that names the other", err)
	}
	for range 2 {
		if err := dynamo.CreateTable(ctx, dynamolocal.Config(t, server.URL, tables)); err != nil {
			t.Fatal(err)
		}
		if err := both.Check(ctx); err != nil {
			t.Fatal(err)
		}
	}
	mustExpire(ctx, t, server, tables.Deliveries)
}

// mustExpire fails the test unless DynamoDB removes items by the attribute
// that deliveries carry.
func mustExpire(ctx context.Context, t *testing.T, server *dynamolocal.Server, table string) {
	t.Helper()
	out, err := dynamolocal.Client(t, server.URL).DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: aws.String(table)})
	if err != nil {
		t.Fatal(err)
	}
	if d := out.TimeToLiveDescription; d.TimeToLiveStatus != types.TimeToLiveStatusEnabled || aws.ToString(d.AttributeName) != "z" {
		t.Errorf("time to live is %s by %q, want ENABLED by z", d.TimeToLiveStatus, aws.ToString(d.AttributeName))
	}
}

// CreateTable adds the index to a table of deliveries that was made without,
// and what was in the table before is found by it.
func TestIndexIsAddedToAnOlderTable(t *testing.T) {
	server := dynamolocal.Start(t)
	ctx := t.Context()
	older := server.NewTable(t)
	tables := dynamolocal.Tables{Webhooks: older + "-w", Deliveries: older}
	s := open(t, server.URL, tables, timeout)
	recent := published(record(account, "offer-created"), 1, 300)
	recent.AcceptedAt = time.Now() // it must not expire before it is found
	d, err := s.AddDelivery(ctx, recent)
	if err != nil {
		t.Fatal(err)
	}
	due := func() (found int, err error) {
		err = s.Due(ctx, time.Time{}, d.Due, func(p webhook.Pending) bool { found++; return p.ID == d.ID() })
		return found, err
	}
	if found, err := due(); err == nil {
		t.Fatalf("Due without the index gave %d and no error", found)
	}
	for range 2 {
		if err := dynamo.CreateTable(ctx, dynamolocal.Config(t, server.URL, tables)); err != nil {
			t.Fatal(err)
		}
		if found, err := due(); err != nil || found != 1 {
			t.Errorf("Due gave %d, %v; want 1", found, err)
		}
	}
	mustExpire(ctx, t, server, older)
}

// newToken makes a token of the account.
func newToken(id string) webhook.Token {
	return webhook.Token{
		ID: id, Account: account, Hash: webhook.HashToken(id), Rights: webhook.AllRights, CreatedAt: createdAt,
	}
}

// Of those who revoke a token at once, one is told that it did.
func TestRevocationRace(t *testing.T) {
	server := dynamolocal.Start(t)
	s := open(t, server.URL, server.NewTables(t), timeout)
	ctx := t.Context()
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: createdAt}); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := s.CreateToken(ctx, newToken("t1")); err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 8)
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() { errs[i] = s.RevokeToken(ctx, account, "t1") })
		}
		wait.Wait()
		revoked := 0
		for _, err := range errs {
			switch {
			case err == nil:
				revoked++
			case !errors.Is(err, webhook.ErrNotFound):
				t.Errorf("RevokeToken: %v", err)
			}
		}
		if revoked != 1 {
			t.Errorf("%d revocations succeeded, want 1", revoked)
		}
	}
}
