package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// Conditions on the item of an account.
const (
	ifOpen    = ifPresent + " AND attribute_not_exists(" + attrClosing + ")"
	ifClosing = "attribute_exists(" + attrClosing + ")"
)

// SetAccountKey implements [store.Store]. It is a transaction, though of one
// item: a second try after a lost response must not undo a newer key that was
// set in between.
func (s *Store) SetAccountKey(ctx context.Context, a webhook.Account, sealed []byte) error {
	op := fmt.Sprintf("set key of account %v", a)
	if len(sealed) == 0 {
		return fmt.Errorf("%s: %w: no key", op, webhook.ErrInvalid)
	}
	return s.updateAccounts(ctx, op, a, s.setAttribute(accountKey(a), attrSealed, ":value", ifOpen, &types.AttributeValueMemberB{Value: sealed}))
}

// CloseAccount implements [store.Store]. One transaction marks the account and
// adds it to the list of those that are closing: a second try after a lost
// response must not find the account gone, nor close a new one with the same
// id.
func (s *Store) CloseAccount(ctx context.Context, a webhook.Account, at time.Time) error {
	since := s.setAttribute(closingKey(a), attrClosingSince, "if_not_exists("+attrClosingSince+", :value)", "", num(at.UnixMilli()))
	return s.updateAccounts(ctx, fmt.Sprintf("close account %v", a), a,
		s.setAttribute(accountKey(a), attrClosing, ":value", ifPresent, num(1)), since)
}

// PostponeClosing implements [store.Store].
func (s *Store) PostponeClosing(ctx context.Context, a webhook.Account, at time.Time) error {
	return s.updateAccounts(ctx, fmt.Sprintf("postpone closing account %v", a), a,
		s.setAttribute(closingKey(a), attrClosingSince, ":value", ifPresent, num(at.UnixMilli())))
}

// ClosingAccounts implements [store.Store].
func (s *Store) ClosingAccounts(ctx context.Context) ([]webhook.ClosingAccount, error) {
	const op = "list closing accounts"
	items, err := s.query(ctx, op, closingPK, "")
	if err != nil {
		return nil, err
	}
	list, err := decodeAll(items, decodeClosing)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return list, nil
}

func decodeClosing(it item) (webhook.ClosingAccount, error) {
	dec := decoder{item: it}
	text, since := dec.str(attrSK), dec.time(attrClosingSince)
	if dec.err != nil {
		return webhook.ClosingAccount{}, dec.err
	}
	a, err := webhook.ParseAccount(text)
	return webhook.ClosingAccount{Account: a, Since: since}, err
}

// setAttribute returns a write that sets one attribute of an item to an
// expression of :value.
func (s *Store) setAttribute(key item, name, expression, when string, value types.AttributeValue) types.TransactWriteItem {
	update := &types.Update{
		TableName:                 s.table,
		Key:                       key,
		UpdateExpression:          aws.String("SET " + name + " = " + expression),
		ExpressionAttributeValues: item{":value": value},
	}
	if when != "" {
		update.ConditionExpression = aws.String(when)
	}
	return types.TransactWriteItem{Update: update}
}

// updateAccounts executes one transaction, and returns [webhook.ErrNotFound] if
// a condition does not hold.
func (s *Store) updateAccounts(ctx context.Context, op string, a webhook.Account, writes ...types.TransactWriteItem) error {
	err := s.transactFenced(ctx, op, a, writes)
	if isCancelled(err) {
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	return err
}

// DeleteAccount implements [store.Store]. One transaction deletes the account
// and its entries in the lists of accounts.
func (s *Store) DeleteAccount(ctx context.Context, a webhook.Account) error {
	return s.updateAccounts(ctx, fmt.Sprintf("delete account %v", a), a,
		types.TransactWriteItem{Delete: &types.Delete{TableName: s.table, Key: accountKey(a), ConditionExpression: aws.String(ifClosing)}},
		types.TransactWriteItem{Delete: &types.Delete{TableName: s.table, Key: accountListKey(a)}},
		types.TransactWriteItem{Delete: &types.Delete{TableName: s.table, Key: closingKey(a)}})
}
