// Package dynamo implements [store.Store] with two DynamoDB tables: one for
// webhooks, accounts, tokens and sealing keys, and one for deliveries, with an
// index of those that are due.
//
// It keeps the promises of package store under lost responses, throttling and
// concurrent writers. The webhook record itself claims its event: it is put on
// the condition that none exists, and several records are put in one
// transaction. Reads that decide are strongly consistent, and nothing scans. A
// single webhook costs one request and no read. A change or deletion is one
// transaction on the condition of id and version, so that it never creates a
// record, never overwrites what it did not read, and happens once. A delivery
// is one write when it is accepted and one for each attempt, on the condition
// of the number of attempts; each costs one unit, since a payload that is not
// small is an item of its own. Only the index may lag behind.
//
// The package never guesses. It repeats a request only if that was certainly
// not executed or may be repeated without harm; otherwise the caller gets
// [webhook.ErrUnknownOutcome]. It never puts keys, tokens or records into
// errors.
package dynamo

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// Defaults of [Config].
const (
	defaultTryTimeout  = 1500 * time.Millisecond
	defaultCallTimeout = 20 * time.Second
)

// Config configures a Store.
type Config struct {
	// Client sends each request once; see [NewClient]. Any other client must
	// use net/http: the Store learns from its trace that nothing was sent.
	Client *dynamodb.Client
	// Table is the name of the table of webhooks.
	Table string
	// Deliveries is the name of the table of deliveries. If it is empty,
	// methods that need the table fail.
	Deliveries string
	// Now is the clock by which deliveries expire. If nil, time.Now is used.
	Now func() time.Time
	// TryTimeout bounds each request; 0 means 1.5 s. It must leave time for
	// several requests before the caller's deadline.
	TryTimeout time.Duration
	// CallTimeout bounds each page of a listing, and each other call whose
	// context has no earlier deadline; 0 means 20 s.
	CallTimeout time.Duration
	// Jitter returns a random pause below its argument, which is above zero. If
	// nil, a uniform distribution is used.
	Jitter func(below time.Duration) time.Duration
	// RequestToken returns a new ClientRequestToken of 1 to 36 characters,
	// never the same twice. If nil, tokens have 130 random bits.
	RequestToken func() string
}

// Store implements [store.Store] on DynamoDB. It is safe for concurrent use.
type Store struct {
	client       calls
	table        *string
	deliveries   *string // nil if there is none
	now          func() time.Time
	tryTimeout   time.Duration
	callTimeout  time.Duration
	jitter       func(time.Duration) time.Duration
	requestToken func() string
	shards       []int64 // of the index, that Due lists
}

var (
	_ store.Store      = (*Store)(nil)
	_ store.Deliveries = (*Store)(nil)
)

// New returns a Store. It makes no request. The error wraps
// [webhook.ErrInvalid] if Client or Table is missing.
func New(c Config) (*Store, error) {
	switch {
	case c.Client == nil:
		return nil, fmt.Errorf("dynamodb store: %w: no client", webhook.ErrInvalid)
	case c.Table == "":
		return nil, fmt.Errorf("dynamodb store: %w: no table", webhook.ErrInvalid)
	}
	s := &Store{
		client:       newCalls(c.Client),
		table:        aws.String(c.Table),
		now:          c.Now,
		tryTimeout:   c.TryTimeout,
		callTimeout:  c.CallTimeout,
		jitter:       c.Jitter,
		requestToken: c.RequestToken,
		shards:       allShards(),
	}
	if c.Deliveries != "" {
		s.deliveries = aws.String(c.Deliveries)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.tryTimeout <= 0 {
		s.tryTimeout = defaultTryTimeout
	}
	if s.callTimeout <= 0 {
		s.callTimeout = defaultCallTimeout
	}
	if s.jitter == nil {
		s.jitter = mathrand.N[time.Duration]
	}
	if s.requestToken == nil {
		s.requestToken = rand.Text
	}
	return s, nil
}

// Warm opens the connection to DynamoDB and signs a first request by reading a
// token that cannot exist: "warm" is not a SHA-256. It needs no more
// permissions than a token lookup. Its errors are those of any read.
func (s *Store) Warm(ctx context.Context) error {
	_, err := s.get(ctx, "warm up", key(tokenPrefix+"warm", tokenSort))
	return err
}

// Check reads an item that cannot exist from each table. It returns
// [ErrNoTable] if one of the tables does not exist. Other errors are those of
// any read.
func (s *Store) Check(ctx context.Context) error {
	for _, table := range []*string{s.table, s.deliveries} {
		if table == nil {
			continue
		}
		if _, err := s.getFrom(ctx, "look at table "+*table, table, key(tokenPrefix+"warm", tokenSort)); err != nil {
			return err
		}
	}
	return nil
}

// get reads one item strongly consistent; nil if it does not exist.
func (s *Store) get(ctx context.Context, op string, k item) (item, error) {
	return s.getFrom(ctx, op, s.table, k)
}

func (s *Store) getFrom(ctx context.Context, op string, table *string, k item) (item, error) {
	var out *dynamodb.GetItemOutput
	err := s.call(ctx, op, repeatable, func(ctx context.Context) (err error) {
		out, err = s.client.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: table, Key: k, ConsistentRead: aws.Bool(true),
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// query reads all items of a partition whose sort key begins with prefix,
// ordered by the sort key, strongly consistent, page by page.
func (s *Store) query(ctx context.Context, op, pk, prefix string) ([]item, error) {
	in := &dynamodb.QueryInput{
		TableName:                 s.table,
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": str(pk)},
	}
	if prefix != "" {
		in.KeyConditionExpression = aws.String("pk = :pk AND begins_with(sk, :sk)")
		in.ExpressionAttributeValues[":sk"] = str(prefix)
	}
	var items []item
	err := s.pages(ctx, op, in, func(page []item) (more bool, err error) {
		items = append(items, page...)
		return true, nil
	})
	return items, err
}

// pages calls do for each page of a query until do wants no more. A page ends
// at 1 MB.
func (s *Store) pages(ctx context.Context, op string, in *dynamodb.QueryInput, do func([]item) (more bool, err error)) error {
	for {
		var out *dynamodb.QueryOutput
		err := s.call(ctx, op, repeatable, func(ctx context.Context) (err error) {
			out, err = s.client.Query(ctx, in)
			return err
		})
		if err != nil {
			return err
		}
		if more, err := do(out.Items); err != nil || !more || len(out.LastEvaluatedKey) == 0 {
			return err
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
