package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// transact executes one transaction. All its tries have one ClientRequestToken
// and the same parameters, so it happens at most once, and an ambiguous failure
// is resolved by repeating it. DynamoDB remembers a token for 10 minutes
// (TransactWriteItems, ClientRequestToken), far longer than a call takes, and
// longer than a try may be under way: a request must arrive within 5 minutes of
// its signature (IAM User Guide, "AWS Signature Version 4 for API requests").
//
// An error is final, or a *types.TransactionCanceledException whose reasons are
// only "None" and "ConditionalCheckFailed". An earlier try may still happen then
// if its conditions come to hold: see transactFenced.
func (s *Store) transact(ctx context.Context, op string, items []types.TransactWriteItem) error {
	return s.send(ctx, op, s.transaction(items))
}

// transactFenced is transact for callers that act on a cancelled transaction:
// it never happens later either. Otherwise a try whose response was lost could
// still be under way when the next one is cancelled, and arrive when, say, the
// taken event is free again.
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
	return s.send(ctx, op, in) // reports that the earlier try has happened
}

// useUp spends a request token on a transaction that changes nothing, so that
// DynamoDB rejects every other one with that token (TransactWriteItems,
// IdempotentParameterMismatchException). It returns false if the token was
// already spent.
func (s *Store) useUp(ctx context.Context, op string, a webhook.Account, token *string) (used bool, err error) {
	in := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: token,
		TransactItems: []types.TransactWriteItem{{Delete: &types.Delete{
			TableName: s.table, Key: key(accountPK(a), fenceSort), // an item that never exists
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
