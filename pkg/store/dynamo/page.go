package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hookline/hookline/pkg/webhook"
)

// DeliveryPage implements [store.Deliveries] with one strongly consistent Query,
// and another only if all that a page has is expired. A page ends at 1 MB.
func (s *Store) DeliveryPage(ctx context.Context, a webhook.Account, r webhook.DeliveryRange) (list []webhook.Delivery, more bool, err error) {
	op := fmt.Sprintf("page of deliveries of %v", a)
	if s.deliveries == nil {
		return nil, false, fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	first, last := deliveriesFrom(r.From), afterDeliveries
	if !r.Until.IsZero() {
		last = deliveriesFrom(r.Until) // no key equals it: keys are longer
	}
	if first > last { // which DynamoDB refuses
		return nil, false, nil
	}
	in := &dynamodb.QueryInput{
		TableName:                 s.deliveries,
		ConsistentRead:            aws.Bool(true),
		ScanIndexForward:          aws.Bool(false),
		Limit:                     aws.Int32(int32(min(r.Limit, maxPage))), //nolint:gosec // bounded
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :from AND :last"),
		ExpressionAttributeValues: item{":pk": str(accountPK(a)), ":from": str(first), ":last": str(last)},
	}
	if r.After != "" {
		if _, err := webhook.DeliveryTime(r.After); err != nil {
			return nil, false, fmt.Errorf("%s: %w", op, err)
		}
		pk, sk, _ := deliveryKey(a, r.After)
		switch {
		case sk <= first:
			return nil, false, nil
		case sk < last: // or the page begins at Until
			in.ExclusiveStartKey = key(pk, sk)
		}
	}
	for len(list) == 0 {
		var out *dynamodb.QueryOutput
		err := s.call(ctx, op, repeatable, func(ctx context.Context) (err error) {
			out, err = s.client.Query(ctx, in)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		for _, it := range out.Items {
			if s.expired(it) {
				continue
			}
			d, err := decodeDelivery(a, it)
			if err != nil {
				return nil, false, fmt.Errorf("%s: %w", op, err)
			}
			d.Payload = nil
			list = append(list, d)
		}
		if more = len(out.LastEvaluatedKey) > 0; !more {
			break
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	return list, more, nil
}

// maxPage is how many deliveries a page has at most.
const maxPage = 1000
