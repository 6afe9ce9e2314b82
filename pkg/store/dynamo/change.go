package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// Conditions on the record of a webhook. They never hold for a missing record,
// so no update or delete ever creates one.
const (
	ifSame          = attrID + " = :id"
	ifSameUnchanged = attrID + " = :id AND " + attrVersion + " = :was"
)

// changeable are the attributes that a change may set or remove if the event
// remains. Statistics are excluded, and SlowSince while the URL remains:
// deliveries write them meanwhile.
var changeable = [...]string{
	attrURL, attrPayload, attrPosition, attrSealed, attrRetired, attrDisabled, attrWhy, attrDisabledAt, attrVersion, attrModified,
}

// Webhook implements [store.Store] with one strongly consistent GetItem.
func (s *Store) Webhook(ctx context.Context, a webhook.Account, event string) (webhook.Webhook, error) {
	op := fmt.Sprintf("read webhook of %v for %q", a, event)
	it, err := s.get(ctx, op, key(accountPK(a), eventPrefix+event))
	switch {
	case err != nil:
		return webhook.Webhook{}, err
	case it == nil:
		return webhook.Webhook{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	return decodeWebhook(a, it)
}

// Change implements [store.Store] with one TransactWriteItems, even for one
// record. A record that keeps its event is updated; one whose event changes is
// deleted and put. If one record leaves an event and another takes it, the new
// record is put over the old one, since DynamoDB rejects two operations on one
// item.
//
// Change returns [webhook.ErrInvalid] if an event occurs twice in c.Was or in
// c.Now, if records belong to several accounts or change their ids, or if there
// are not 1 to 50 of them.
func (s *Store) Change(ctx context.Context, c webhook.Change) error {
	ch, err := newChange(s.table, c)
	if err != nil {
		return err
	}
	err = s.transactFenced(ctx, ch.op, c.Was[0].Account, ch.writes)
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return err
	}
	return ch.decide(cancelled.CancellationReasons)
}

// change is a webhook.Change under way.
type change struct {
	op     string
	writes []types.TransactWriteItem
	// events has the event and id that each write's condition requires.
	events []eventID
}

// eventID is an event and the id that its record must have, "" if the event
// must be free.
type eventID struct{ event, id string }

func newChange(table *string, c webhook.Change) (*change, error) {
	c.Now = c.Replacements()
	ch := &change{op: fmt.Sprintf("change %d webhooks", len(c.Was))}
	was, err := byEvent(ch.op, c.Was)
	if err != nil {
		return nil, err
	}
	now, err := byEvent(ch.op, c.Now)
	if err != nil {
		return nil, err
	}
	account := c.Was[0].Account
	ch.op += " of " + account.String()
	if len(c.Was) != len(c.Now) || c.Now[0].Account != account {
		return nil, fmt.Errorf("%s: %w: the records do not become each other", ch.op, webhook.ErrInvalid)
	}
	for i, w := range c.Was {
		if w.ID != c.Now[i].ID {
			return nil, fmt.Errorf("%s: %w: an id changes", ch.op, webhook.ErrInvalid)
		}
		taker, taken := now[w.Event]
		switch {
		case !taken:
			ch.add(removal(table, w, ifSameUnchanged), w.Event, w.ID)
		case taker == i:
			ch.add(update(table, w, c.Now[i], c.Notice), w.Event, w.ID)
		default:
			ch.add(replacement(table, w, c.Now[taker]), w.Event, w.ID)
		}
	}
	for _, w := range c.Now {
		if _, freed := was[w.Event]; !freed {
			ch.add(putIfAbsent(table, encodeWebhook(w)), w.Event, "")
		}
	}
	if c.Notice != nil {
		ch.add(noticePut(table, *c.Notice), "", "") // has no condition
	}
	return ch, nil
}

// maxRecords is how many records one change or deletion may have: a transaction
// has 100 operations at most, and a record that moves takes two. None moves in a
// change with a notice, which takes one more.
const maxRecords = 50

// byEvent returns the index of each event's record. It returns an error that
// wraps [webhook.ErrInvalid] unless there are 1 to 50 records of one account
// and of different events.
func byEvent(op string, records []webhook.Webhook) (map[string]int, error) {
	if n := len(records); n == 0 || n > maxRecords {
		return nil, fmt.Errorf("%s: %w: %d records, not 1 to %d", op, webhook.ErrInvalid, n, maxRecords)
	}
	keys := make(map[string]int, len(records))
	for i, w := range records {
		if w.Account != records[0].Account {
			return nil, fmt.Errorf("%s: %w: several accounts", op, webhook.ErrInvalid)
		}
		if _, twice := keys[w.Event]; twice {
			return nil, fmt.Errorf("%s: %w: event %q twice", op, webhook.ErrInvalid, w.Event)
		}
		keys[w.Event] = i
	}
	return keys, nil
}

func (ch *change) add(write types.TransactWriteItem, event, id string) {
	ch.writes = append(ch.writes, write)
	ch.events = append(ch.events, eventID{event, id})
}

// update returns a write that sets exactly the changeable attributes of a
// record, and marks it as told of a notice.
//
// A record that is disabled enters the index of what fails. One that is enabled
// leaves it, or stays as failing since its attempts fail; that must not change
// in between, so it is part of the condition.
func update(table *string, was, now webhook.Webhook, notice *webhook.Notice) types.TransactWriteItem {
	whole, values, condition := encodeWebhook(now), sameUnchanged(was), ifSameUnchanged
	names := changeable[:]
	if now.URL != was.URL {
		names = append(slices.Clone(names), attrSlow)
	}
	if was.Disabled || now.Disabled {
		names = append(slices.Clone(names), attrFailingShard, attrStateSince)
	}
	if was.Disabled && !now.Disabled {
		since := was
		since.Disabled = false
		delete(whole, attrFailingShard)
		delete(whole, attrStateSince)
		putFailing(whole, was.EventKey(), since.FailingSince())
		condition += " AND " + ifFailingSince(since.FailingSince(), values)
	}
	expression := assign(whole, names, values)
	if notice != nil {
		expression += addTold(*notice, values)
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName:                           table,
		Key:                                 webhookKey(was),
		UpdateExpression:                    aws.String(expression),
		ConditionExpression:                 aws.String(condition),
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// ifFailingSince returns the condition that attempts fail since then, or do not
// fail if it is zero, and adds its value to values.
func ifFailingSince(since time.Time, values item) string {
	if since.IsZero() {
		return "attribute_not_exists(" + attrFailingSince + ")"
	}
	values[":failing"] = num(since.UnixMilli())
	return attrFailingSince + " = :failing"
}

// replacement returns a write that puts now over was, which leaves the event.
func replacement(table *string, was, now webhook.Webhook) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName:                           table,
		Item:                                encodeWebhook(now),
		ConditionExpression:                 aws.String(ifSameUnchanged),
		ExpressionAttributeValues:           sameUnchanged(was),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// removal returns a write that deletes the record on the condition ifSame or
// ifSameUnchanged.
func removal(table *string, was webhook.Webhook, when string) types.TransactWriteItem {
	values := sameUnchanged(was)
	if when == ifSame {
		delete(values, ":was") // DynamoDB rejects values that no expression uses
	}
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName:                           table,
		Key:                                 webhookKey(was),
		ConditionExpression:                 aws.String(when),
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// sameUnchanged returns the values of ifSameUnchanged.
func sameUnchanged(was webhook.Webhook) item {
	return item{":id": str(was.ID), ":was": num(was.Version)}
}

func webhookKey(w webhook.Webhook) item { return key(accountPK(w.Account), eventPrefix+w.Event) }

// decide reads the reasons of a cancelled transaction, one for each write. A
// failed condition comes with the existing record, so no read is needed.
func (ch *change) decide(reasons []types.CancellationReason) error {
	if len(reasons) != len(ch.events) {
		return fmt.Errorf("%s: %d reasons for %d operations", ch.op, len(reasons), len(ch.events))
	}
	gone, changed, taken := false, false, map[string]string{}
	for n, sub := range ch.events {
		if aws.ToString(reasons[n].Code) != reasonCondition {
			continue
		}
		existing := ""
		if old := reasons[n].Item; len(old) > 0 {
			d := decoder{item: old}
			if existing = d.str(attrID); d.err != nil {
				return fmt.Errorf("%s: record in the way: %w", ch.op, d.err)
			}
		}
		switch {
		case sub.id != "" && existing == sub.id:
			changed = true
		case sub.id != "":
			gone = true
		case existing == "":
			return fmt.Errorf("%s: event %q is taken by a record that was not given", ch.op, sub.event)
		default:
			taken[sub.event] = existing
		}
	}
	switch {
	case gone:
		return fmt.Errorf("%s: %w", ch.op, webhook.ErrNotFound)
	case changed:
		return fmt.Errorf("%s: %w", ch.op, webhook.ErrChanged)
	case len(taken) > 0:
		return fmt.Errorf("%s: %w", ch.op, &webhook.TakenError{IDs: taken})
	}
	return fmt.Errorf("%s: cancelled for no reason that was given", ch.op)
}

// Delete implements [store.Store] with one TransactWriteItems, even for one
// record. It returns [webhook.ErrInvalid] if an event occurs twice, if records
// belong to several accounts, or if there are not 1 to 50 of them.
func (s *Store) Delete(ctx context.Context, webhooks []webhook.Webhook) error {
	op := fmt.Sprintf("delete %d webhooks", len(webhooks))
	if _, err := byEvent(op, webhooks); err != nil {
		return err
	}
	op += " of " + webhooks[0].Account.String()
	writes := make([]types.TransactWriteItem, len(webhooks))
	for i, w := range webhooks {
		writes[i] = removal(s.table, w, ifSame)
	}
	err := s.transactFenced(ctx, op, webhooks[0].Account, writes)
	if isCancelled(err) {
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	return err
}
