package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// RecordAttempt implements [store.Deliveries] with one conditional UpdateItem
// of the delivery, preceded by one of an attempt that failed, and followed
// by one of its webhook if the statistics change. It returns the
// delivery without its payload.
//
// It returns no error if the statistics could not be written before the
// deadline, since the delivery is recorded then; it does if they could never be
// written.
func (s *Store) RecordAttempt(ctx context.Context, result webhook.AttemptResult) (webhook.Delivery, error) {
	was := result.Was
	op := fmt.Sprintf("record attempt of delivery %s of %v", was.ID(), was.Account)
	if s.deliveries == nil {
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	if !result.Now.Status.Valid() {
		return webhook.Delivery{}, fmt.Errorf("%s: %w: %v", op, webhook.ErrInvalid, result.Now.Status)
	}
	if err := s.putAttempt(ctx, op, result); err != nil {
		return webhook.Delivery{}, err
	}
	existing, err := s.writeResult(ctx, op, result)
	if err != nil {
		s.withdrawAttempt(ctx, op, result, existing, err)
		return existing, err
	}
	called := existing
	called.WebhookID = was.WebhookID // the delivery may have been redirected during the attempt
	err = s.updateStats(ctx, op+": statistics", called, result.Stats, result.Recovered)
	if errors.Is(err, webhook.ErrUnavailable) || errors.Is(err, webhook.ErrUnknownOutcome) {
		err = nil
	}
	return existing, err
}

// writeResult writes the outcome of an attempt. It returns the resulting
// record, or the one that failed the condition.
func (s *Store) writeResult(ctx context.Context, op string, result webhook.AttemptResult) (webhook.Delivery, error) {
	was, now := result.Was, result.Now
	pk, sk, ok := deliveryKey(was.Account, was.ID())
	if !ok { // an id cannot hold its time
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	written, names := encodeResult(was.Account, was.ID(), now), resultAttributes[:]
	values := item{":now": num(s.now().Unix())}
	condition := ifNotExpired + " AND " + ifAttempts(was.Attempts, values)
	if !result.Attempted() {
		names = append(slices.Clone(names), attrWebhook, attrDeliveryURL)
		written[attrWebhook], written[attrDeliveryURL] = str(now.WebhookID), str(now.URL)
		condition += " AND " + ifNext(was.Next, values)
	}
	in := &dynamodb.UpdateItemInput{
		TableName:                 s.deliveries,
		Key:                       key(pk, sk),
		UpdateExpression:          aws.String(assign(written, names, values)),
		ConditionExpression:       aws.String(condition),
		ExpressionAttributeValues: values,

		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	var out *dynamodb.UpdateItemOutput
	err := s.call(ctx, op, idempotent, func(ctx context.Context) (err error) {
		out, err = s.client.UpdateItem(ctx, in)
		return err
	})
	failed, refused := errors.AsType[*types.ConditionalCheckFailedException](err)
	switch {
	case refused && (len(failed.Item) == 0 || s.expired(failed.Item)):
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	case refused:
	case err != nil:
		return webhook.Delivery{}, err
	default:
		failed = &types.ConditionalCheckFailedException{Item: out.Attributes}
	}
	existing, decodeErr := decodeDelivery(was.Account, failed.Item)
	if decodeErr != nil {
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, decodeErr)
	}
	existing.Payload = nil
	if refused && !(mayBeOwn(err) && sameResult(failed.Item, written)) {
		return existing, fmt.Errorf("%s: %w", op, webhook.ErrChanged)
	}
	return existing, nil
}

// ifAttempts returns the condition that a delivery has had n attempts, and adds
// its value to values.
func ifAttempts(n int64, values item) string {
	if n == 0 {
		return "attribute_not_exists(" + attrAttempts + ")"
	}
	values[":attempts"] = num(n)
	return attrAttempts + " = :attempts"
}

// ifNext returns the condition that a delivery's next attempt is at a time, zero
// if it has none, and adds its value to values.
func ifNext(at time.Time, values item) string {
	if at.IsZero() {
		return "attribute_not_exists(" + attrNext + ")"
	}
	values[":was_next"] = num(at.UnixMilli())
	return attrNext + " = :was_next"
}

// mayBeOwn reports whether a condition failed after a lost response, so that
// the same call's earlier try may be the cause.
func mayBeOwn(err error) bool {
	_, overtaken := errors.AsType[*overtakable](err)
	return overtaken
}

// sameResult reports whether a record has what was to be written. It ignores
// Due and Sends, since a lease may have changed them afterwards.
func sameResult(record, written item) bool {
	for _, name := range resultAttributes {
		if name != attrDue && name != attrSends && !same(record[name], written[name]) {
			return false
		}
	}
	return true
}

// same compares two attributes, either of which may be absent.
func same(a, b types.AttributeValue) bool {
	switch a := a.(type) {
	case *types.AttributeValueMemberS:
		b, ok := b.(*types.AttributeValueMemberS)
		return ok && a.Value == b.Value
	case *types.AttributeValueMemberN: // DynamoDB returns integers as they were written
		b, ok := b.(*types.AttributeValueMemberN)
		return ok && a.Value == b.Value
	case *types.AttributeValueMemberBOOL:
		b, ok := b.(*types.AttributeValueMemberBOOL)
		return ok && a.Value == b.Value
	case nil:
		return b == nil
	}
	return false
}

// assign returns the update expression that sets the named attributes to those
// of whole and removes those that whole lacks. It adds the values to values.
func assign(whole item, names []string, values item) string {
	var set, remove, clauses []string
	for _, name := range names {
		value, there := whole[name]
		if !there {
			remove = append(remove, name)
			continue
		}
		set = append(set, name+" = :"+name)
		values[":"+name] = value
	}
	if len(set) > 0 {
		clauses = append(clauses, "SET "+strings.Join(set, ", "))
	}
	if len(remove) > 0 {
		clauses = append(clauses, "REMOVE "+strings.Join(remove, ", "))
	}
	return strings.Join(clauses, " ")
}

// Lease implements [store.Deliveries] with one conditional UpdateItem. After a
// lost response the record tells whose lease it is.
func (s *Store) Lease(ctx context.Context, p webhook.Pending, until time.Time) error {
	op := fmt.Sprintf("lease delivery %.64q of %v", p.ID, p.Account)
	if s.deliveries == nil {
		return fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	pk, sk, ok := deliveryKey(p.Account, p.ID)
	if !ok {
		return fmt.Errorf("%s: %w", op, webhook.ErrChanged)
	}
	leased := item{attrDue: num(until.UnixMilli()), attrSends: num(p.Sends + 1)}
	values := item{":now": num(s.now().Unix()), ":was": num(p.Due.UnixMilli())}
	condition := ifNotExpired + " AND " + attrDue + " = :was AND " + ifAttempts(p.Attempt-1, values)
	in := &dynamodb.UpdateItemInput{
		TableName:                           s.deliveries,
		Key:                                 key(pk, sk),
		UpdateExpression:                    aws.String(assign(leased, []string{attrDue, attrSends}, values)),
		ConditionExpression:                 aws.String(condition + " AND " + ifSends(p.Sends, values)),
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	err := s.update(ctx, op, idempotent, in)
	failed, refused := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !refused {
		return err
	}
	if mayBeOwn(err) && same(failed.Item[attrDue], leased[attrDue]) && same(failed.Item[attrSends], leased[attrSends]) {
		return nil
	}
	return fmt.Errorf("%s: %w", op, webhook.ErrChanged)
}

// ifSends returns the condition that a delivery has the given Sends, and adds
// its value to values. Without it, two callers could both lease a delivery to
// the time at which it is due anyway.
func ifSends(n int64, values item) string {
	if n == 0 {
		return "attribute_not_exists(" + attrSends + ")"
	}
	values[":sends"] = num(n)
	return attrSends + " = :sends"
}
