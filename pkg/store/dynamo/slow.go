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

// SetSlow implements [store.Deliveries] with one conditional UpdateItem. After a
// lost response the record tells whether it was written.
func (s *Store) SetSlow(ctx context.Context, w webhook.Webhook, since time.Time) error {
	op := fmt.Sprintf("set whether webhook %q of %v is slow", w.ID, w.Account)
	at := s.webhookKey(webhook.EventKey{Account: w.Account, Event: w.Event})
	if !at.holds() {
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	was, written, values := item{}, item{}, sameUnchanged(w)
	putTime(was, attrSlow, w.SlowSince)
	putTime(written, attrSlow, since)
	condition := ifSameUnchanged + " AND attribute_not_exists(" + attrSlow + ")"
	if existing, slow := was[attrSlow]; slow {
		condition = ifSameUnchanged + " AND " + attrSlow + " = :slow"
		values[":slow"] = existing
	}
	in := &dynamodb.UpdateItemInput{
		TableName:                           s.table,
		Key:                                 key(at.pk, at.sk),
		UpdateExpression:                    aws.String(assign(written, []string{attrSlow}, values)),
		ConditionExpression:                 aws.String(condition),
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	err := s.update(ctx, op, idempotent, in)
	failed, refused := errors.AsType[*types.ConditionalCheckFailedException](err)
	switch {
	case !refused:
		return err
	case !same(failed.Item[attrID], str(w.ID)):
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	case mayBeOwn(err) && same(failed.Item[attrVersion], num(w.Version)) && same(failed.Item[attrSlow], written[attrSlow]):
		return nil
	}
	return fmt.Errorf("%s: %w", op, webhook.ErrChanged)
}
