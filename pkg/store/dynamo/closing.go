package dynamo

import (
	"context"
	"fmt"

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
	return s.updateAccount(ctx, op, a, ifOpen, attrSealed, &types.AttributeValueMemberB{Value: sealed})
}

// CloseAccount implements [store.Store]. It is a transaction, though of one
// item: a second try after a lost response must not find the account gone, nor
// close a new one with the same id.
func (s *Store) CloseAccount(ctx context.Context, a webhook.Account) error {
	return s.updateAccount(ctx, fmt.Sprintf("close account %v", a), a, ifPresent, attrClosing, num(1))
}

// updateAccount sets one attribute of an account's item.
func (s *Store) updateAccount(ctx context.Context, op string, a webhook.Account, when, name string, value types.AttributeValue) error {
	err := s.transactFenced(ctx, op, a, []types.TransactWriteItem{{Update: &types.Update{
		TableName:                 s.table,
		Key:                       accountKey(a),
		UpdateExpression:          aws.String("SET " + name + " = :value"),
		ConditionExpression:       aws.String(when),
		ExpressionAttributeValues: item{":value": value},
	}}})
	if isCancelled(err) {
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	return err
}

// DeleteAccount implements [store.Store]. One transaction deletes the account
// and its entry in the list of accounts.
func (s *Store) DeleteAccount(ctx context.Context, a webhook.Account) error {
	op := fmt.Sprintf("delete account %v", a)
	err := s.transactFenced(ctx, op, a, []types.TransactWriteItem{
		{Delete: &types.Delete{TableName: s.table, Key: accountKey(a), ConditionExpression: aws.String(ifClosing)}},
		{Delete: &types.Delete{TableName: s.table, Key: accountListKey(a)}},
	})
	if isCancelled(err) {
		return fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	return err
}
