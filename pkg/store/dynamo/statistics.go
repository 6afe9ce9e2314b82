package dynamo

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// The index named failing has the partition key ix and the sort key
// state_since, and projects nothing else. Only webhooks that fail or are
// disabled have these attributes. They are set and removed when the state
// changes, by whatever changes it: an attempt while the webhook is enabled, a
// change when it is disabled or enabled. Attempts that end while it is disabled
// leave them as they are.
const (
	failingIndex  = "failing"
	failingShards = 8
)

// failingShard returns the webhook's partition of the index.
func failingShard(x webhook.EventKey) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(x.Account.ID + "#" + x.Event)) // never fails
	return failingPartition(x.Account.API, int(hash.Sum32()%failingShards))
}

func failingPartition(api webhook.API, shard int) string {
	return fmt.Sprintf("%s#%d", api, shard)
}

// putFailing sets the attributes of the index, unless since is zero.
func putFailing(it item, x webhook.EventKey, since time.Time) {
	if !since.IsZero() {
		it[attrFailingShard] = str(failingShard(x))
		it[attrStateSince] = num(since.UnixMilli())
	}
}

// Conditions on whether a webhook is disabled.
const (
	ifEnabled  = "attribute_not_exists(" + attrDisabled + ")"
	ifDisabled = "attribute_exists(" + attrDisabled + ")"
)

// The updates of statistics. Whatever the state, one request updates it.
const (
	countFailure = "SET " + attrFailed + " = :at, " + attrLastStatus + " = :code, " + attrFailureCount + " = :mark, " +
		attrFailingSince + " = if_not_exists(" + attrFailingSince + ", :at), " +
		attrFailingShard + " = if_not_exists(" + attrFailingShard + ", :shard), " +
		attrStateSince + " = if_not_exists(" + attrStateSince + ", :at) " +
		"REMOVE " + attrHealthySince + " ADD " + attrFailures + " :one"
	ifNotCounted = "(attribute_not_exists(" + attrFailureCount + ") OR " + attrFailureCount + " <> :mark)"

	recordSuccess = "SET " + attrSent + " = :at, " + attrLastStatus + " = :code, " +
		attrHealthySince + " = if_not_exists(" + attrHealthySince + ", :at) " +
		"REMOVE " + attrFailures + ", " + attrFailingSince
	leaveIndex = ", " + attrFailingShard + ", " + attrStateSince
	forgetTold = ", " + attrTold

	ifNotTold = "attribute_not_exists(" + attrTold + ")"
	ifTold    = "attribute_exists(" + attrTold + ")"
)

// updateStats updates the statistics of the webhook of d, if that still has the
// WebhookID of d.
func (s *Store) updateStats(ctx context.Context, op string, d webhook.Delivery, stats webhook.StatsUpdate, recovered *webhook.Notice) error {
	values := item{":id": str(d.WebhookID), ":at": num(d.AttemptedAt.UnixMilli()), ":code": num(int64(d.StatusCode))}
	switch stats {
	case webhook.NoStats:
		return nil
	case webhook.StatsSent:
		return s.recordSuccess(ctx, op, d.EventKey(), values, recovered)
	case webhook.StatsFailed:
		// The mark names this call, so that a second try after a lost response
		// does not count again, unless another failure was counted in between.
		values[":mark"], values[":one"] = str(s.requestToken()), num(1)
		values[":shard"] = str(failingShard(d.EventKey()))
		_, err := s.writeStats(ctx, op, d.EventKey(), countFailure, ifSame+" AND "+ifNotCounted, values)
		return err
	}
	return fmt.Errorf("%s: %w: statistics update %d", op, webhook.ErrInvalid, stats)
}

// maxToggles bounds how often a webhook is found enabled or disabled when it was
// just the other.
const maxToggles = 8

// recordSuccess writes a success. A webhook that is disabled stays in the index.
// One that the operator was told about gets the notice that it works again.
func (s *Store) recordSuccess(ctx context.Context, op string, x webhook.EventKey, values item, recovered *webhook.Notice) error {
	works, enabled := recordSuccess+leaveIndex+forgetTold, ifEnabled
	if recovered != nil {
		enabled += " AND " + ifNotTold
	}
	update, condition := works, enabled
	for range maxToggles {
		existing, err := s.writeStats(ctx, op, x, update, ifSame+" AND "+condition, values)
		if err != nil || existing == nil || !same(existing[attrID], values[":id"]) {
			return err
		}
		update, condition = works, enabled
		_, disabled := existing[attrDisabled]
		_, told := existing[attrTold]
		switch {
		case disabled:
			update, condition = recordSuccess, ifDisabled
		case told && recovered != nil:
			if done, err := s.recover(ctx, op, x, existing, values, *recovered); done || err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%s: %w", op, webhook.ErrUnavailable)
}

// recover writes a success and the notice of it, unless the webhook has changed
// from what it was. A try that arrives late finds the end of another run of
// failures, if any, and writes nothing.
func (s *Store) recover(ctx context.Context, op string, x webhook.EventKey, was, values item, n webhook.Notice) (done bool, err error) {
	values = maps.Clone(values)
	d := decoder{item: was}
	condition := ifSame + " AND " + ifEnabled + " AND " + ifTold + " AND " + ifFailingSince(d.optionalTime(attrFailingSince), values)
	if d.err != nil {
		return false, fmt.Errorf("%s: %w", op, d.err)
	}
	at := s.webhookKey(x)
	err = s.transact(ctx, op, []types.TransactWriteItem{{Update: &types.Update{
		TableName:                 s.table,
		Key:                       key(at.pk, at.sk),
		UpdateExpression:          aws.String(recordSuccess + leaveIndex + forgetTold),
		ConditionExpression:       aws.String(condition),
		ExpressionAttributeValues: values,
	}}, noticePut(s.table, n)})
	if isCancelled(err) {
		return false, nil
	}
	return err == nil, err
}

// writeStats makes one update of a webhook. If the condition failed it returns
// the existing record, nil if there is none.
func (s *Store) writeStats(ctx context.Context, op string, x webhook.EventKey, update, condition string, values item) (item, error) {
	at := s.webhookKey(x)
	if !at.holds() {
		return nil, nil // no such webhook exists
	}
	err := s.update(ctx, op, idempotent, &dynamodb.UpdateItemInput{
		TableName:                           s.table,
		Key:                                 key(at.pk, at.sk),
		UpdateExpression:                    aws.String(update),
		ConditionExpression:                 aws.String(condition),
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed, refused := errors.AsType[*types.ConditionalCheckFailedException](err); refused {
		return failed.Item, nil
	}
	return nil, err
}
