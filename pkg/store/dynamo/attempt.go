package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hookline/hookline/pkg/webhook"
)

// Failed attempts are items beside their delivery, each put before the
// delivery's record says that it was made. Two attempts of one number are
// possible: a message was duplicated, or the process died before it wrote the
// record. Each has an item of its own, since their keys have their times, and
// the record decides which of them counts. The other one of the latest attempt
// is not shown. Of an earlier attempt the later item is shown, since the process
// that wrote the other one is dead, or let it expire when it found that it had
// come second. All of it is done by UpdateItem, so that who makes attempts needs
// no right to put or delete items.

// attemptSort returns the sort key of an attempt's item. Keys ascend by number,
// then time.
func attemptSort(id string, a webhook.Attempt) string {
	return fmt.Sprintf("%s%s#%010d#%012x#%x#%d", attemptPrefix, id, a.Number, a.At.UnixMilli(), a.Duration.Milliseconds(), a.StatusCode)
}

// attemptAttributes are those of an attempt's item.
var attemptAttributes = [...]string{attrAttempts, attrAttemptedAt, attrDuration, attrStatusCode, attrReason, attrBody, attrExpiry}

// encodeAttempt returns the attributes of an attempt's item. With its key they
// are less than one unit.
func encodeAttempt(a webhook.Attempt, expiry time.Time) item {
	it := item{attrAttempts: num(a.Number), attrAttemptedAt: num(a.At.UnixMilli()), attrExpiry: num(expiry.Unix())}
	putNum(it, attrDuration, a.Duration.Milliseconds())
	putNum(it, attrStatusCode, int64(a.StatusCode))
	putStr(it, attrReason, a.Reason)
	putBytes(it, attrBody, a.Response)
	return it
}

func decodeAttempt(it item) (webhook.Attempt, error) {
	d := decoder{item: it}
	a := webhook.Attempt{
		Number:     d.num(attrAttempts),
		At:         d.time(attrAttemptedAt),
		Duration:   d.duration(),
		StatusCode: int(d.optionalNum(attrStatusCode)),
		Reason:     d.optionalStr(attrReason),
		Response:   d.bytes(attrBody),
	}
	if d.err != nil {
		return webhook.Attempt{}, fmt.Errorf("attempt: %w", d.err)
	}
	return a, nil
}

// putAttempt writes the item of a failed attempt, if the result is of one. A
// second try writes the same again.
func (s *Store) putAttempt(ctx context.Context, op string, r webhook.AttemptResult) error {
	a, ok := r.FailedAttempt()
	if !ok {
		return nil
	}
	return s.setAttempt(ctx, op+": attempt", r.Was, a, encodeAttempt(a, r.Was.AcceptedAt.Add(deliveryLifetime)))
}

// withdrawAttempt lets expire what putAttempt wrote if the record was refused since
// another attempt of that number came first: existing, for the reason err. An
// item that remains does no harm and expires.
func (s *Store) withdrawAttempt(ctx context.Context, op string, r webhook.AttemptResult, existing webhook.Delivery, err error) {
	a, ok := r.FailedAttempt()
	if !ok || !errors.Is(err, webhook.ErrChanged) || isAttempt(existing, a) {
		return
	}
	// After a lost response this call may have written the record, if others
	// have changed it since.
	if !mayBeOwn(err) || existing.Attempts == a.Number {
		_ = s.setAttempt(ctx, op+": withdraw attempt", r.Was, a, item{attrAttempts: num(a.Number), attrExpiry: num(s.now().Unix())})
	}
}

// setAttempt sets all attributes of an attempt's item. It may be repeated.
func (s *Store) setAttempt(ctx context.Context, op string, d webhook.Delivery, a webhook.Attempt, written item) error {
	values := item{}
	in := &dynamodb.UpdateItemInput{
		TableName:                 s.deliveries,
		Key:                       key(accountPK(d.Account), attemptSort(d.ID(), a)),
		UpdateExpression:          aws.String(assign(written, attemptAttributes[:], values)),
		ExpressionAttributeValues: values,
	}
	return s.update(ctx, op, repeatable, in)
}

// isAttempt reports whether a is the latest attempt of d.
func isAttempt(d webhook.Delivery, a webhook.Attempt) bool {
	return a.Number == d.Attempts && a.At.UnixMilli() == d.AttemptedAt.UnixMilli() &&
		a.Duration.Milliseconds() == d.Duration.Milliseconds() && a.StatusCode == d.StatusCode
}

// Attempts implements [store.Deliveries] with a strongly consistent Query, and
// with none if the record says that no attempt failed.
func (s *Store) Attempts(ctx context.Context, d webhook.Delivery) ([]webhook.Attempt, error) {
	op := fmt.Sprintf("list attempts of delivery %s of %v", d.ID(), d.Account)
	if s.deliveries == nil {
		return nil, fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	if d.Attempts == 0 || d.Attempts == 1 && d.Status == webhook.StatusDelivered {
		return d.WithLatest(nil), nil
	}
	var failed []webhook.Attempt
	err := s.pages(ctx, op, &dynamodb.QueryInput{
		TableName:              s.deliveries,
		ConsistentRead:         aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :pk AND begins_with(sk, :sk)"),
		ExpressionAttributeValues: item{
			":pk": str(accountPK(d.Account)), ":sk": str(attemptPrefix + d.ID() + "#"),
		},
	}, func(page []item) (more bool, err error) {
		for _, it := range page {
			if s.expired(it) {
				continue
			}
			a, err := decodeAttempt(it)
			switch last := len(failed) - 1; {
			case err != nil:
				return false, fmt.Errorf("%s: %w", op, err)
			case a.Number > d.Attempts, a.Number == d.Attempts && !isAttempt(d, a):
			case last >= 0 && failed[last].Number == a.Number:
				failed[last] = a
			default:
				failed = append(failed, a)
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return d.WithLatest(failed), nil
}
