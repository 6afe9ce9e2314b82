package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// Failing implements [store.Store]. It queries one page of each shard of the
// index, merges them, and reads the webhooks strongly consistent. It omits those
// whose state has changed since.
func (s *Store) Failing(ctx context.Context, api webhook.API, after string, limit int) ([]webhook.Webhook, string, error) {
	op := fmt.Sprintf("list failing webhooks of %s", api)
	l := failingListing{store: s, op: op, api: api, limit: limit}
	if after != "" {
		var err error
		if l.after, err = store.ParsePosition(api, after); err != nil {
			return nil, "", fmt.Errorf("%s: %w", op, err)
		}
	}
	entries, more, err := l.merged(ctx)
	if err != nil || len(entries) == 0 {
		return nil, "", err
	}
	keys := make([]itemKey, len(entries))
	for i, p := range entries {
		keys[i] = s.webhookKey(p.Key)
	}
	found, err := s.read(ctx, op, keys)
	if err != nil {
		return nil, "", err
	}
	var webhooks []webhook.Webhook
	for i, p := range entries {
		it, there := found[keys[i]]
		if !there {
			continue
		}
		w, err := decodeWebhook(p.Key.Account, it)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", op, err)
		}
		if !w.FailingSince().IsZero() {
			webhooks = append(webhooks, w)
		}
	}
	next := ""
	if more {
		next = entries[len(entries)-1].String()
	}
	return webhooks, next, nil
}

// failingListing is a call of Failing under way.
type failingListing struct {
	store *Store
	op    string
	api   webhook.API
	after store.Position // zero at the beginning
	limit int
}

// merged returns the entries of the index after the position, up to limit, and
// whether there are more.
func (l *failingListing) merged(ctx context.Context) (entries []store.Position, more bool, err error) {
	var shards [failingShards][]store.Position
	var rest [failingShards]bool
	group, ctx := errgroup.WithContext(ctx)
	for i := range shards {
		group.Go(func() (err error) {
			shards[i], rest[i], err = l.query(ctx, i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	for i := range shards {
		entries = append(entries, shards[i]...)
		more = more || rest[i]
	}
	// Stable, since entries of one time in one shard have the index's order.
	slices.SortStableFunc(entries, func(p, q store.Position) int {
		return cmp.Or(p.Since.Compare(q.Since), cmp.Compare(p.Part, q.Part))
	})
	if len(entries) > l.limit {
		entries, more = entries[:l.limit], true
	}
	return entries, more, nil
}

// query returns a page of one shard, and whether there is another.
func (l *failingListing) query(ctx context.Context, shard int) (page []store.Position, more bool, err error) {
	partition, from := failingPartition(l.api, shard), l.after.Since
	if l.after.Key.Event != "" && shard < l.after.Part {
		from = from.Add(time.Millisecond) // this shard's entries of that time precede the position
	}
	in := &dynamodb.QueryInput{
		TableName:                 l.store.table,
		IndexName:                 aws.String(failingIndex),
		Limit:                     aws.Int32(int32(min(l.limit, maxFailing))), //nolint:gosec // bounded
		KeyConditionExpression:    aws.String(attrFailingShard + " = :shard AND " + attrStateSince + " >= :from"),
		ExpressionAttributeValues: item{":shard": str(partition), ":from": num(from.UnixMilli())},
	}
	if l.after.Key.Event != "" && shard == l.after.Part {
		in.ExclusiveStartKey = item{attrFailingShard: str(partition), attrStateSince: num(l.after.Since.UnixMilli())}
		at := l.store.webhookKey(l.after.Key)
		in.ExclusiveStartKey[attrPK], in.ExclusiveStartKey[attrSK] = str(at.pk), str(at.sk)
	}
	var out *dynamodb.QueryOutput
	err = l.store.call(ctx, l.op, repeatable, func(ctx context.Context) (err error) {
		out, err = l.store.client.Query(ctx, in)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	for _, it := range out.Items {
		p, err := decodePosition(it, l.api, shard)
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", l.op, err)
		}
		page = append(page, p)
	}
	return page, len(out.LastEvaluatedKey) > 0, nil
}

// maxFailing is how many entries one page has at most.
const maxFailing = 500

// decodePosition decodes an entry of the index.
func decodePosition(it item, api webhook.API, shard int) (store.Position, error) {
	d := decoder{item: it}
	p := store.Position{Since: d.time(attrStateSince), Part: shard, Key: webhook.EventKey{
		Account: webhook.Account{API: api, ID: strings.TrimPrefix(d.str(attrPK), accountPK(webhook.Account{API: api}))},
		Event:   d.sortAfter(eventPrefix),
	}}
	if d.err != nil {
		return store.Position{}, fmt.Errorf("entry of the index of failing webhooks: %w", d.err)
	}
	return p, nil
}
