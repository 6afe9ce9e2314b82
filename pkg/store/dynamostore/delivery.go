package dynamostore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// The layout of the table of deliveries. An account's are in the order of
// their events' times.
//
//	item      pk                     sk                  attributes
//	delivery  A#<dialect>#<account>  D#<time>#<identity> i y u h l n a t s p c q z
//
// The time is that of the event, in milliseconds since 1970 as 12 hex digits.
// The identity is a hash, since names and ids may be long or hold anything.
const (
	attrEventID      = "i" // S: the publisher's id of the event
	attrEvent        = "y" // S
	attrInstance     = "l" // S: absent for none
	attrDeliveryURL  = "u" // S: at acceptance
	attrWebhook      = "h" // S: the webhook's id at acceptance
	attrAcceptedAt   = "c" // N: time of acceptance
	attrAcceptance   = "q" // S: names the call that added the delivery
	attrNumber       = "n" // N: absent for 0
	attrAttempts     = "a" // N: absent for 0
	attrAttemptedAt  = "t" // N: time of the latest attempt; absent for none
	attrStatus       = "s" // N: a webhook.Status; absent for New
	attrActive       = "p" // BOOL: another attempt is pending; absent for false
	attrExpiry       = "z" // N: seconds since 1970 after which DynamoDB removes it
	deliveryPrefix   = "D#"
	afterDeliveries  = deliveryPrefix + "g" // above every hex digit
	deliveryLifetime = 8 * 24 * time.Hour   // from acceptance
)

// maxEventTime is the latest time that 12 hex digits hold: in the year 10889.
const maxEventTime = 1<<48 - 1

// AddDelivery implements store.Store with one conditional PutItem. A lost
// answer is settled by the same put again: every call leaves a mark of its own
// in the record, by which it knows what its earlier try has written.
//
// An event before 1970 or after maxEventTime is webhook.ErrInvalid.
func (s *Store) AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	op := fmt.Sprintf("add delivery of %q to %v", d.Event, d.Account)
	if s.deliveries == nil {
		return webhook.Delivery{}, fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	if ms := d.Time.UnixMilli(); ms < 0 || ms > maxEventTime {
		return webhook.Delivery{}, fmt.Errorf("%s: %w: time of the event", op, webhook.ErrInvalid)
	}
	mark := s.requestToken()
	it := encodeDelivery(d)
	it[attrAcceptance] = str(mark)
	err := s.call(ctx, op, idempotent, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:                           s.deliveries,
			Item:                                it,
			ConditionExpression:                 aws.String(ifAbsent),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	})
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return d, err
	}
	old := decoder{item: failed.Item}
	if old.str(attrAcceptance) == mark {
		return d, nil
	}
	return webhook.Delivery{}, fmt.Errorf("%s: %w", op, webhook.ErrExists)
}

// errNoDeliveries: Config.Deliveries is empty.
var errNoDeliveries = errors.New("this store has no table of deliveries")

// Deliveries implements store.Store: a Query backwards, page after page. What
// has expired is left out: DynamoDB removes it days later.
func (s *Store) Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error {
	op := fmt.Sprintf("list deliveries of %v", a)
	if s.deliveries == nil {
		return fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	expired := s.now()
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
			expiry := decoder{item: it}
			if !expired.Before(time.Unix(expiry.num(attrExpiry), 0)) && expiry.err == nil {
				continue
			}
			d, err := decodeDelivery(a, it)
			if err == nil && ctx.Err() != nil {
				err = ended(ctx, op, webhook.ErrUnavailable, nil)
			}
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
	case ms > maxEventTime:
		return afterDeliveries
	case ms < 0:
		ms = 0
	}
	return deliveryPrefix + hexTime(ms)
}

func hexTime(ms int64) string { return fmt.Sprintf("%012x", ms) }

// deliverySort is the sort key of a delivery. The parts of its identity are
// hashed with their lengths, so that no two identities are written alike.
func deliverySort(d webhook.Delivery) string {
	var parts []byte
	for _, part := range []string{d.Account.String(), d.Event, d.EventID} {
		parts = binary.BigEndian.AppendUint32(parts, uint32(len(part))) //nolint:gosec // far below
		parts = append(parts, part...)
	}
	hash := sha256.Sum256(parts)
	return deliveryPrefix + hexTime(d.Time.UnixMilli()) + "#" + hex.EncodeToString(hash[:16])
}

func encodeDelivery(d webhook.Delivery) item {
	it := key(accountPK(d.Account), deliverySort(d))
	it[attrEventID] = str(d.EventID)
	it[attrEvent] = str(d.Event)
	it[attrDeliveryURL] = str(d.URL)
	it[attrWebhook] = str(d.WebhookID)
	it[attrAcceptedAt] = num(d.AcceptedAt.UnixMilli())
	it[attrExpiry] = num(d.AcceptedAt.Add(deliveryLifetime).Unix()) // seconds, as TTL wants them
	if d.Instance != "" {
		it[attrInstance] = str(d.Instance)
	}
	putNum(it, attrNumber, d.Number)
	putNum(it, attrAttempts, d.Attempts)
	putTime(it, attrAttemptedAt, d.AttemptedAt)
	putNum(it, attrStatus, int64(d.Status))
	putFlag(it, attrActive, d.Active)
	return it
}

func decodeDelivery(a webhook.Account, it item) (webhook.Delivery, error) {
	d := decoder{item: it}
	status := d.optionalNum(attrStatus)
	if status < 0 || status > int64(webhook.Success) {
		d.fail(attrStatus)
	}
	at, _, _ := strings.Cut(d.sortAfter(deliveryPrefix), "#")
	ms, err := strconv.ParseInt(at, 16, 64)
	if err != nil {
		d.fail(attrSK)
	}
	delivery := webhook.Delivery{
		Account:     a,
		Event:       d.str(attrEvent),
		EventID:     d.str(attrEventID),
		Time:        time.UnixMilli(ms).UTC(),
		Number:      d.optionalNum(attrNumber),
		Instance:    d.optionalStr(attrInstance),
		WebhookID:   d.str(attrWebhook),
		URL:         d.str(attrDeliveryURL),
		AcceptedAt:  d.time(attrAcceptedAt),
		Attempts:    d.optionalNum(attrAttempts),
		AttemptedAt: d.optionalTime(attrAttemptedAt),
		Status:      webhook.Status(status), //nolint:gosec // bounded above
		Active:      d.flag(attrActive),
	}
	if d.err != nil {
		return webhook.Delivery{}, fmt.Errorf("delivery of %v: %w", a, d.err)
	}
	return delivery, nil
}
