package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// Conditions on an item. Every item has pk, so pk tells whether the item
// exists.
const (
	ifAbsent  = "attribute_not_exists(pk)"
	ifPresent = "attribute_exists(pk)"
)

// maxTransaction is how many items one TransactWriteItems may have.
const maxTransaction = 100

// Create implements [store.Store]. One webhook without Exclusions is a single
// PutItem: one write unit up to 1 KB, no read. Anything else is one
// TransactWriteItems.
//
// Create returns [webhook.ErrInvalid] for no webhook, for webhooks of several
// accounts, or for more than 100 webhooks and distinct excluding events
// together.
func (s *Store) Create(ctx context.Context, c webhook.Creation) ([]webhook.Webhook, error) {
	if len(c.Webhooks) == 0 {
		return nil, fmt.Errorf("create webhooks: %w: none given", webhook.ErrInvalid)
	}
	cr := newCreation(c)
	if len(cr.items)+len(cr.excluding) > maxTransaction {
		return nil, fmt.Errorf("create webhooks: %w: %d webhooks with %d excluding events are too many",
			webhook.ErrInvalid, len(cr.items), len(cr.excluding))
	}
	for _, w := range c.Webhooks {
		if w.Account != cr.account {
			return nil, fmt.Errorf("create webhooks: %w: several accounts", webhook.ErrInvalid)
		}
	}
	var err error
	if len(cr.items) == 1 && len(cr.excluding) == 0 {
		err = s.createOne(ctx, cr)
	} else {
		err = s.createAll(ctx, cr)
	}
	if err != nil {
		return nil, err
	}
	return cr.records()
}

// creation is a webhook.Creation under way.
type creation struct {
	webhook.Creation
	account webhook.Account
	op      string
	// items are the items to put, in the order of Webhooks. An existing record
	// of this request replaces its item.
	items []item
	// existing marks the items that exist.
	existing []bool
	// excluding are the distinct values of By in Exclusions, in order.
	excluding []string
}

func newCreation(c webhook.Creation) *creation {
	cr := &creation{
		Creation: c,
		account:  c.Webhooks[0].Account,
		items:    make([]item, len(c.Webhooks)),
		existing: make([]bool, len(c.Webhooks)),
	}
	cr.op = fmt.Sprintf("create %d webhooks of %v", len(c.Webhooks), cr.account)
	for i, w := range c.Webhooks {
		cr.items[i] = encodeWebhook(w)
	}
	for _, x := range c.Exclusions {
		if !slices.Contains(cr.excluding, x.By) {
			cr.excluding = append(cr.excluding, x.By)
		}
	}
	return cr
}

// found handles old, the existing record of the event of webhook i. It returns
// the conflicting id, or "" if this request created the record.
func (cr *creation) found(i int, old item) (id string, err error) {
	w, err := decodeWebhook(cr.account, old)
	if err != nil {
		return "", fmt.Errorf("%s: record in the way: %w", cr.op, err)
	}
	if !w.SameRequest(cr.Webhooks[i]) {
		return w.ID, nil
	}
	cr.items[i], cr.existing[i] = old, true
	return "", nil
}

// records returns the existing records, as a read would.
func (cr *creation) records() ([]webhook.Webhook, error) {
	list := make([]webhook.Webhook, len(cr.items))
	for i, it := range cr.items {
		var err error
		if list[i], err = decodeWebhook(cr.account, it); err != nil {
			return nil, fmt.Errorf("%s: %w", cr.op, err)
		}
	}
	return list, nil
}

// createOne claims one event with one conditional put. A failed condition comes
// with the old record, so no read is needed.
func (s *Store) createOne(ctx context.Context, cr *creation) error {
	err := s.call(ctx, cr.op, once, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:                           s.table,
			Item:                                cr.items[0],
			ConditionExpression:                 aws.String(ifAbsent),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	})
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return err
	}
	id, err := cr.found(0, failed.Item)
	if err != nil || id == "" {
		return err
	}
	return fmt.Errorf("%s: %w", cr.op, &webhook.TakenError{IDs: map[string]string{cr.Webhooks[0].Event: id}})
}

// createAll claims all events in one transaction. If this request has already
// created some records, a second transaction adds the missing ones. It is not
// fenced, since what registers may not delete: an earlier try may still add
// records when the events are free again, as in createOne.
func (s *Store) createAll(ctx context.Context, cr *creation) error {
	for {
		puts, missing := cr.puts(s.table)
		err := s.transact(ctx, cr.op, append(puts, cr.checks(s.table)...))
		var cancelled *types.TransactionCanceledException
		if !errors.As(err, &cancelled) {
			return err
		}
		before := len(missing)
		if err := cr.decide(missing, cancelled.CancellationReasons); err != nil {
			return err
		}
		switch _, missing = cr.puts(s.table); len(missing) {
		case 0:
			return nil
		case before:
			return fmt.Errorf("%s: cancelled for no reason that was given", cr.op)
		}
	}
}

// puts returns the puts of the records that do not exist yet, and their indexes
// in Webhooks.
func (cr *creation) puts(table *string) (puts []types.TransactWriteItem, keys []int) {
	for i, it := range cr.items {
		if cr.existing[i] {
			continue
		}
		keys = append(keys, i)
		puts = append(puts, putIfAbsent(table, it))
	}
	return puts, keys
}

// putIfAbsent returns a put of a record whose event must be free.
func putIfAbsent(table *string, it item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName:                           table,
		Item:                                it,
		ConditionExpression:                 aws.String(ifAbsent),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// checks returns one condition check for each excluding event. DynamoDB rejects
// two operations on one item.
func (cr *creation) checks(table *string) []types.TransactWriteItem {
	checks := make([]types.TransactWriteItem, len(cr.excluding))
	for i, event := range cr.excluding {
		checks[i] = types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName:           table,
			Key:                 key(accountPK(cr.account), eventPrefix+event),
			ConditionExpression: aws.String(ifAbsent),
		}}
	}
	return checks
}

// decide reads the reasons of a cancelled transaction: one for each put, whose
// indexes are keys, then one for each check. It notes records that this request
// created, and returns the conflict if there is one.
func (cr *creation) decide(keys []int, reasons []types.CancellationReason) error {
	if len(reasons) != len(keys)+len(cr.excluding) {
		return fmt.Errorf("%s: %d reasons for %d operations", cr.op, len(reasons), len(keys)+len(cr.excluding))
	}
	taken := map[string]string{}
	for n, i := range keys {
		if aws.ToString(reasons[n].Code) != reasonCondition {
			continue
		}
		id, err := cr.found(i, reasons[n].Item)
		if err != nil {
			return err
		}
		if id != "" {
			taken[cr.Webhooks[i].Event] = id
		}
	}
	if len(taken) > 0 {
		return fmt.Errorf("%s: %w", cr.op, &webhook.TakenError{IDs: taken})
	}
	if !slices.Contains(cr.existing, false) {
		return nil // all records exist, whatever else does
	}
	var found []webhook.Exclusion
	for _, x := range cr.Exclusions {
		check := len(keys) + slices.Index(cr.excluding, x.By)
		if aws.ToString(reasons[check].Code) == reasonCondition {
			found = append(found, x)
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("%s: %w", cr.op, &webhook.ExcludedError{Found: found})
	}
	return nil
}
