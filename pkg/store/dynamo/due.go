package dynamo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// dueQueries is how many shards are queried concurrently.
	dueQueries = 16
	// duePage is how many entries a response has at most: enough for few
	// requests, and few enough that no shard delays the others.
	duePage = 500
)

// MaxParts is how many parts there may be of what is due: one for each shard of
// the index.
const MaxParts = shards

// Part returns a store whose Due lists one of several parts of what is due:
// number part, counted from 0, of parts. Every delivery belongs to one of them.
// It returns [webhook.ErrInvalid] if there is no such part.
func (s *Store) Part(part, parts int) (*Store, error) {
	if parts < 1 || parts > MaxParts || part < 0 || part >= parts {
		return nil, fmt.Errorf("part %d of %d of what is due: %w: there are up to %d, counted from 0", part, parts, webhook.ErrInvalid, MaxParts)
	}
	only := *s
	only.shards = nil
	for shard := int64(part); shard < shards; shard += int64(parts) {
		only.shards = append(only.shards, shard)
	}
	return &only, nil
}

// allShards lists the shards of the index.
func allShards() []int64 {
	list := make([]int64, shards)
	for i := range list {
		list[i] = int64(i)
	}
	return list
}

// Due implements [store.Deliveries]. It queries each shard of the index page by
// page, several concurrently, and starts at a random shard, so that a caller
// who always stops early still reaches all of them. An entry or a shard that
// cannot be read does not prevent the others from being yielded; the first such
// error is returned after them.
//
// A delivery that is leased to a time that the call has yet to reach may be
// yielded again.
func (s *Store) Due(ctx context.Context, from, before time.Time, yield func(webhook.Pending) bool) error {
	const op = "list what is due"
	if s.deliveries == nil {
		return fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	l := &dueListing{store: s, op: op, after: from.UnixMilli(), last: before.UnixMilli(), pages: make(chan []item)}
	querying, stop := context.WithCancel(ctx)
	defer stop()
	if l.after < l.last {
		go l.queryAll(querying)
	} else {
		close(l.pages)
	}
	for page := range l.pages {
		if querying.Err() == nil && !l.give(ctx, page, yield) {
			stop() // and wait for the queries to end
		}
	}
	if ctx.Err() != nil {
		return ended(ctx, op, webhook.ErrUnavailable, nil)
	}
	return l.err
}

// dueListing is a call of Due under way.
type dueListing struct {
	store *Store
	op    string
	// after and last bound what is listed, in milliseconds since 1970.
	after, last int64
	pages       chan []item

	mu  sync.Mutex
	err error // the first one
}

// fail keeps an error if it is the first and the listing has not ended.
func (l *dueListing) fail(ctx context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil && ctx.Err() == nil {
		l.err = err
	}
}

// give yields the entries of a page until no more are wanted.
func (l *dueListing) give(ctx context.Context, page []item, yield func(webhook.Pending) bool) (more bool) {
	for _, it := range page {
		if l.store.expired(it) {
			continue
		}
		p, err := decodePending(it)
		if err != nil {
			l.fail(ctx, fmt.Errorf("%s: %w", l.op, err))
			continue
		}
		if ctx.Err() != nil || !yield(p) {
			return false
		}
	}
	return true
}

// queryAll queries the shards and closes pages at the end.
func (l *dueListing) queryAll(ctx context.Context) {
	defer close(l.pages)
	own := l.store.shards
	first := int(l.store.jitter(time.Duration(len(own)))) // any uniform random number below will do
	var group errgroup.Group
	group.SetLimit(dueQueries)
	for i := range own {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := l.query(ctx, own[(first+i)%len(own)]); err != nil {
				l.fail(ctx, err)
			}
			return nil
		})
	}
	_ = group.Wait() // the errors have been kept
}

// query sends the pages of one shard, earliest first.
func (l *dueListing) query(ctx context.Context, shard int64) error {
	return l.store.pages(ctx, l.op, &dynamodb.QueryInput{
		TableName:              l.store.deliveries,
		IndexName:              aws.String(dueIndex),
		Limit:                  aws.Int32(duePage),
		KeyConditionExpression: aws.String(attrShard + " = :shard AND " + attrDue + " BETWEEN :first AND :last"),
		ExpressionAttributeValues: item{
			":shard": num(shard), ":first": num(l.after + 1), ":last": num(l.last),
		},
	}, func(page []item) (more bool, err error) {
		if len(page) == 0 {
			return true, nil
		}
		select {
		case l.pages <- page:
			return true, nil
		case <-ctx.Done():
			return false, nil
		}
	})
}
