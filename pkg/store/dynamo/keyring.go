package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// AddSealingKey implements store.Store. A lost answer is made up for by the
// same put again: what it finds then is the key that stands.
func (s *Store) AddSealingKey(ctx context.Context, k webhook.SealingKey) (webhook.SealingKey, error) {
	existing := encodeSealingKey(k)
	op := "add sealing key " + k.ID
	err := s.call(ctx, op, idempotent, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:                           s.table,
			Item:                                existing,
			ConditionExpression:                 aws.String(ifAbsent),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	})
	var failed *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &failed):
		existing = failed.Item
	case err != nil:
		return webhook.SealingKey{}, err
	}
	key, err := decodeSealingKey(existing)
	if err != nil {
		return webhook.SealingKey{}, fmt.Errorf("%s: %w", op, err)
	}
	return key, nil
}

// SealingKeys implements store.Store.
func (s *Store) SealingKeys(ctx context.Context) ([]webhook.SealingKey, error) {
	items, err := s.query(ctx, "list sealing keys", keyringPK, keyPrefix)
	if err != nil {
		return nil, err
	}
	return decodeAll(items, decodeSealingKey)
}
