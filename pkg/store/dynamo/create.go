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

// Conditions on an item. Every item has pk, so that it stands for the item.
const (
	ifAbsent  = "attribute_not_exists(pk)"
	ifPresent = "attribute_exists(pk)"
)

// maxTransaction is how many items one TransactWriteItems may name.
const maxTransaction = 100

// Create implements store.Store. One webhook without Exclusions is one PutItem
// and nothing else: one write unit up to 1 KB, no read. Anything else is one
// TransactWriteItems.
//
// More than 100 webhooks and distinct excluding events together, no webhook at
// all, or webhooks of several accounts are webhook.ErrInvalid.
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
	// items are what is put, in the order of Webhooks. Where this request's
	// own record stands already, it takes the place of the item.
	items []item
	// existing marks the items found so.
	existing []bool
	// excluding are the distinct By of Exclusions, in their order.
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

// found notes that old holds the event of webhook i. It returns the id that
// stands in the way, or "" when the record is the creation's own.
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

// records gives the records that stand, as a read would.
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

// createOne claims one event with one conditional put. The old record comes
// back with a failed condition, so that nothing is ever read.
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

// createAll claims all events in one transaction. Should some records stand
// already as this creation's own, a second one adds what is missing.
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

// puts gives the puts of the records that do not stand yet, and their places
// among Webhooks.
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

// putIfAbsent puts a record whose event must be free.
func putIfAbsent(table *string, it item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName:                           table,
		Item:                                it,
		ConditionExpression:                 aws.String(ifAbsent),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// checks gives one condition check for each excluding event: DynamoDB refuses
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

// decide reads the reasons of a cancelled transaction: one for each put, the
// places of which are given, then one for each check. It notes own records,
// and returns the conflict if there is one.
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
		return nil // all of it stands, whatever else does
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
