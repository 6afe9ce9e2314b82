package dynamostore

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// activePoll is how long to wait between two looks at a table being made.
const activePoll = 200 * time.Millisecond

// CreateTable makes the table, billed on demand, unless it is there, and waits
// until it can be used. Deployed stacks get theirs from CloudFormation, with
// deletion protection and backups; this is for local and trial use.
//
// webhook.ErrUnavailable wraps ctx.Err() when the table is not ready by then.
func (s *Store) CreateTable(ctx context.Context) error {
	op := "create table " + *s.table
	err := s.call(ctx, op, repeatable, func(ctx context.Context) error {
		_, err := s.client.CreateTable(ctx, &dynamodb.CreateTableInput{
			TableName:   s.table,
			BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{
				{AttributeName: aws.String(attrPK), AttributeType: types.ScalarAttributeTypeS},
				{AttributeName: aws.String(attrSK), AttributeType: types.ScalarAttributeTypeS},
			},
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String(attrPK), KeyType: types.KeyTypeHash},
				{AttributeName: aws.String(attrSK), KeyType: types.KeyTypeRange},
			},
		})
		var exists *types.ResourceInUseException
		if errors.As(err, &exists) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.awaitTable(ctx, op)
}

func (s *Store) awaitTable(ctx context.Context, op string) error {
	ticker := time.NewTicker(activePoll)
	defer ticker.Stop()
	for {
		var out *dynamodb.DescribeTableOutput
		err := s.call(ctx, op, repeatable, func(ctx context.Context) (err error) {
			out, err = s.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: s.table})
			return err
		})
		if err != nil {
			return err
		}
		if out.Table != nil && out.Table.TableStatus == types.TableStatusActive {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ended(ctx, op, webhook.ErrUnavailable, errors.New("table is not active yet"))
		}
	}
}
