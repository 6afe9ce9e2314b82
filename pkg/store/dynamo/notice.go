package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// A notice is an item of the partition NOTICES, put by the transaction that
// changes its webhook. It is put by an Update, as what delivers may update items
// of this table but not put any.

// noticeAttributes are all attributes of a notice.
var noticeAttributes = [...]string{
	attrAccount, attrID, attrCreated, attrLastStatus, attrNoticeType, attrEvents, attrNoticeSince,
}

func encodeNotice(n webhook.Notice) item {
	events := make([]types.AttributeValue, len(n.Events))
	for i, event := range n.Events {
		events[i] = str(event)
	}
	it := item{
		attrAccount:     str(n.Account.String()),
		attrID:          str(n.WebhookID),
		attrCreated:     num(n.At.UnixMilli()),
		attrNoticeType:  str(string(n.Type)),
		attrEvents:      &types.AttributeValueMemberL{Value: events},
		attrNoticeSince: num(n.StateSince.UnixMilli()),
	}
	putNum(it, attrLastStatus, int64(n.LastStatus))
	return it
}

func decodeNotice(it item) (webhook.Notice, error) {
	d := decoder{item: it}
	n := webhook.Notice{
		ID: d.str(attrSK), Type: webhook.NoticeType(d.str(attrNoticeType)), At: d.time(attrCreated), WebhookID: d.str(attrID),
		StateSince: d.time(attrNoticeSince), LastStatus: int(d.optionalNum(attrLastStatus)),
	}
	account := d.str(attrAccount)
	list, ok := it[attrEvents].(*types.AttributeValueMemberL)
	if !ok {
		d.fail(attrEvents)
		list = &types.AttributeValueMemberL{}
	}
	for _, value := range list.Value {
		one := decoder{item: item{attrEvents: value}}
		n.Events = append(n.Events, one.str(attrEvents))
		if one.err != nil {
			d.fail(attrEvents)
		}
	}
	if d.err != nil {
		return webhook.Notice{}, fmt.Errorf("notice: %w", d.err)
	}
	var err error
	if n.Account, err = webhook.ParseAccount(account); err != nil {
		return webhook.Notice{}, fmt.Errorf("notice: %w", err)
	}
	return n, nil
}

// toldSet encodes a set that is not empty.
func toldSet(told webhook.Told) types.AttributeValue {
	set := &types.AttributeValueMemberSS{}
	for _, t := range told.Types() {
		set.Value = append(set.Value, string(t))
	}
	return set
}

// told reads the set, which is absent if empty.
func (d *decoder) told() (told webhook.Told) {
	attr, there := d.item[attrTold]
	if !there {
		return 0
	}
	set, ok := attr.(*types.AttributeValueMemberSS)
	if !ok {
		d.fail(attrTold)
		return 0
	}
	for _, t := range set.Value {
		told |= webhook.ToldOf(webhook.NoticeType(t))
	}
	return told
}

// addTold returns the clause that adds the type of a notice to the set, and adds
// its value to values.
func addTold(n webhook.Notice, values item) string {
	values[":told"] = toldSet(webhook.ToldOf(n.Type))
	return " ADD " + attrTold + " :told"
}

// noticePut returns a write that puts a notice.
func noticePut(table *string, n webhook.Notice) types.TransactWriteItem {
	values := item{}
	return types.TransactWriteItem{Update: &types.Update{
		TableName:                 table,
		Key:                       key(noticesPK, n.ID),
		UpdateExpression:          aws.String(assign(encodeNotice(n), noticeAttributes[:], values)),
		ExpressionAttributeValues: values,
	}}
}

// Tell implements [store.Notices] with one TransactWriteItems.
func (s *Store) Tell(ctx context.Context, n webhook.Notice) error {
	op := fmt.Sprintf("tell of webhook %.64q of %v", n.WebhookID, n.Account)
	told := webhook.ToldOf(n.Type)
	if told == 0 || len(n.Events) != 1 {
		return fmt.Errorf("%s: %w: %s of %d events", op, webhook.ErrInvalid, n.Type, len(n.Events))
	}
	values := item{":id": str(n.WebhookID), ":type": str(string(n.Type))}
	condition := ifSame + " AND " + ifEnabled + " AND " + ifFailingSince(n.StateSince, values) +
		" AND (attribute_not_exists(" + attrTold + ") OR NOT contains(" + attrTold + ", :type))"
	update := types.TransactWriteItem{Update: &types.Update{
		TableName:                 s.table,
		Key:                       key(accountPK(n.Account), eventPrefix+n.Events[0]),
		UpdateExpression:          aws.String(addTold(n, values)),
		ConditionExpression:       aws.String(condition),
		ExpressionAttributeValues: values,
	}}
	// A try that arrives late adds the same notice, and only while the webhook
	// fails since the same time.
	err := s.transact(ctx, op, []types.TransactWriteItem{update, noticePut(s.table, n)})
	if isCancelled(err) {
		return fmt.Errorf("%s: %w", op, webhook.ErrChanged)
	}
	return err
}

// Notices implements [store.Notices] with one strongly consistent Query.
func (s *Store) Notices(ctx context.Context, after string, limit int) ([]webhook.Notice, error) {
	const op = "list notices"
	in := &dynamodb.QueryInput{
		TableName:                 s.table,
		ConsistentRead:            aws.Bool(true),
		Limit:                     aws.Int32(int32(min(limit, maxPage))), //nolint:gosec // bounded
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": str(noticesPK)},
	}
	if after != "" {
		in.ExclusiveStartKey = key(noticesPK, after)
	}
	var out *dynamodb.QueryOutput
	err := s.call(ctx, op, repeatable, func(ctx context.Context) (err error) {
		out, err = s.client.Query(ctx, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	list, err := decodeAll(out.Items, decodeNotice)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return list, nil
}

// RemoveNotice implements [store.Notices].
func (s *Store) RemoveNotice(ctx context.Context, id string) error {
	return s.call(ctx, fmt.Sprintf("remove notice %.64q", id), repeatable, func(ctx context.Context) error {
		_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: s.table, Key: key(noticesPK, id)})
		return err
	})
}
