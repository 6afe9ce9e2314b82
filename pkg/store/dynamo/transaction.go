package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// transact makes one transaction. All its tries carry one ClientRequestToken
// and the same parameters, so that it happens at most once; an ambiguous
// failure is therefore resolved by trying again. DynamoDB remembers a token for
// 10 minutes (TransactWriteItems, ClientRequestToken), far longer than a call
// lasts.
//
// An error is a *types.TransactionCanceledException, whose reasons then are
// only "None" and "ConditionalCheckFailed", or final.
func (s *Store) transact(ctx context.Context, op string, items []types.TransactWriteItem) error {
	return s.send(ctx, op, s.transaction(items))
}

// transactFenced is transact for what somebody acts upon when it is refused: a
// cancelled transaction never happens later either. A try whose answer was
// lost could still be on its way when the next one is refused, and arrive
// once, say, the event that was taken is free again.
func (s *Store) transactFenced(ctx context.Context, op string, a webhook.Account, items []types.TransactWriteItem) error {
	in := s.transaction(items)
	canceled := s.send(ctx, op, in)
	if _, open := errors.AsType[*overtakable](canceled); !open {
		return canceled
	}
	used, err := s.useUp(ctx, op, a, in.ClientRequestToken)
	switch {
	case err != nil:
		return ended(ctx, op, webhook.ErrUnknownOutcome, err)
	case used:
		return canceled
	}
	return s.send(ctx, op, in) // the earlier try has happened: it says so
}

// useUp spends a request token on a transaction that changes nothing, so that
// DynamoDB refuses every other one with that token (TransactWriteItems,
// IdempotentParameterMismatchException). It reports false when the token was
// spent already.
func (s *Store) useUp(ctx context.Context, op string, a webhook.Account, token *string) (used bool, err error) {
	in := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: token,
		TransactItems: []types.TransactWriteItem{{Delete: &types.Delete{
			TableName: s.table, Key: key(accountPK(a), fenceSort), // which never is
		}}},
	}
	err = s.call(ctx, op, idempotent, func(ctx context.Context) error {
		_, err := s.client.TransactWriteItems(ctx, in)
		_, spent := errors.AsType[*types.IdempotentParameterMismatchException](err)
		if used = !spent; spent {
			return nil
		}
		return err
	})
	return used, err
}

func (s *Store) transaction(items []types.TransactWriteItem) *dynamodb.TransactWriteItemsInput {
	return &dynamodb.TransactWriteItemsInput{TransactItems: items, ClientRequestToken: aws.String(s.requestToken())}
}

func (s *Store) send(ctx context.Context, op string, in *dynamodb.TransactWriteItemsInput) error {
	return s.call(ctx, op, idempotent, func(ctx context.Context) error {
		_, err := s.client.TransactWriteItems(ctx, in)
		return err
	})
}
