package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// Conditions on the record of a delivery. What has expired counts as gone
// while DynamoDB has not removed it yet.
const (
	ifAbsentOrExpired = ifAbsent + " OR " + attrExpiry + " <= :now"
	ifNotExpired      = attrExpiry + " > :now" // never holds where there is no record
)

// errNoDeliveries: Config.Deliveries is empty.
var errNoDeliveries = errors.New("this store has no table of deliveries")

// AddDelivery implements store.Deliveries with one conditional PutItem, and
// one before it for a payload that is apart. A lost answer is made up for by
// the same put again: every call leaves a mark of its own in the record, by
// which it knows what its earlier try has written.
//
// A payload whose record is not written, because the process died or another
// event has the identity, is in nobody's way and expires.
func (s *Store) AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	op := fmt.Sprintf("add delivery of %q to %v", d.Event, d.Account)
	if s.deliveries == nil {
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	if d.Time.Before(time.UnixMilli(0)) || !d.Time.Before(time.UnixMilli(webhook.MaxEventTime+1)) {
		return webhook.Delivery{}, fmt.Errorf("%s: %w: time of the event", op, webhook.ErrInvalid)
	}
	if !d.Status.Valid() {
		return webhook.Delivery{}, fmt.Errorf("%s: %w: %v", op, webhook.ErrInvalid, d.Status)
	}
	record, payload := encodeDelivery(d)
	if payload != nil {
		if err := s.putPayload(ctx, op, payload); err != nil {
			return webhook.Delivery{}, err
		}
	}
	stats := s.requestToken()
	record[attrAcceptance] = str(stats)
	err := s.call(ctx, op, idempotent, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:                           s.deliveries,
			Item:                                record,
			ConditionExpression:                 aws.String(ifAbsentOrExpired),
			ExpressionAttributeValues:           item{":now": num(s.now().Unix())},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	})
	own := true
	if failed, refused := errors.AsType[*types.ConditionalCheckFailedException](err); refused {
		record = failed.Item
		existing := decoder{item: record}
		own = existing.optionalStr(attrAcceptance) == stats
	} else if err != nil {
		return webhook.Delivery{}, err
	}
	existing, err := decodeDelivery(d.Account, record)
	if err != nil {
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, err)
	}
	existing.Payload = nil
	if !own {
		return existing, fmt.Errorf("%s: %w", op, webhook.ErrExists)
	}
	return existing, nil
}

// putPayload writes a payload that is apart, whether or not it is there: the
// key is made from the bytes.
func (s *Store) putPayload(ctx context.Context, op string, payload item) error {
	return s.call(ctx, op+": payload", repeatable, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: s.deliveries, Item: payload})
		return err
	})
}

// Delivery implements store.Deliveries: one strongly consistent GetItem, and
// one more for a payload that is apart.
func (s *Store) Delivery(ctx context.Context, a webhook.Account, id string) (webhook.Delivery, error) {
	op := fmt.Sprintf("read delivery %.64q of %v", id, a)
	if s.deliveries == nil {
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	pk, sk, ok := deliveryKey(a, id)
	if !ok {
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	it, err := s.getFrom(ctx, op, s.deliveries, key(pk, sk))
	switch {
	case err != nil:
		return webhook.Delivery{}, err
	case it == nil || s.expired(it):
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	d, err := decodeDelivery(a, it)
	if err != nil {
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, err)
	}
	if d.PayloadRef == "" {
		return d, nil
	}
	payload, err := s.getFrom(ctx, op, s.deliveries, key(pk, payloadSort(id, d.PayloadRef)))
	if err != nil {
		return webhook.Delivery{}, err
	}
	if d.Payload, err = decodePayload(payload); err != nil {
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, err)
	}
	return d, nil
}

// decodePayload reads a payload that is apart. That it is missing is an error:
// it was written before its delivery, and outlives it.
func decodePayload(it item) ([]byte, error) {
	d := decoder{item: it}
	payload := d.bytes(attrBody)
	if len(payload) == 0 {
		d.fail(attrBody)
	}
	if d.err != nil {
		return nil, fmt.Errorf("payload apart: %w", d.err)
	}
	return payload, nil
}

// Deliveries implements store.Deliveries: a Query backwards, page after page.
// What has expired is left out.
func (s *Store) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	op := fmt.Sprintf("list deliveries of %v", a)
	if s.deliveries == nil {
		return fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	return s.pages(ctx, op, &dynamodb.QueryInput{
		TableName:              s.deliveries,
		ConsistentRead:         aws.Bool(true),
		ScanIndexForward:       aws.Bool(false),
		KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :from AND :after"),
		ExpressionAttributeValues: item{
			":pk": str(accountPK(a)), ":from": str(deliveriesFrom(from)), ":after": str(afterDeliveries),
		},
	}, func(page []item) (more bool, err error) {
		for _, it := range page {
			if s.expired(it) {
				continue
			}
			d, err := decodeDelivery(a, it)
			if err == nil && ctx.Err() != nil {
				err = ended(ctx, op, webhook.ErrUnavailable, nil)
			}
			d.Payload = nil
			if err != nil || !yield(d) {
				return false, err
			}
		}
		return true, nil
	})
}

// deliveriesFrom is the lowest sort key of an event that happened at from or
// later. Times of events are whole milliseconds.
func deliveriesFrom(from time.Time) string {
	ms := from.UnixMilli()
	if from.After(time.UnixMilli(ms)) {
		ms++
	}
	switch {
	case ms > webhook.MaxEventTime:
		return afterDeliveries
	case ms < 0:
		ms = 0
	}
	return fmt.Sprintf("%s%0*x", deliveryPrefix, timeDigits, ms)
}
