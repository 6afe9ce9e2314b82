package dynamo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// activePoll is the interval at which a table that is being created is polled.
const activePoll = 200 * time.Millisecond

// CreateTable creates the missing tables and indexes, billed on demand, and
// waits until they can be used. Deployed stacks create theirs by
// CloudFormation, with deletion protection and backups; this is for local and
// trial use.
//
// CreateTable returns [webhook.ErrUnavailable], wrapping ctx.Err(), if a table
// is not ready when ctx ends. Its other errors are those of [New].
func CreateTable(ctx context.Context, c Config) error {
	s, err := New(c)
	if err != nil {
		return err
	}
	return tables{s, c.Client}.create(ctx)
}

// tables makes the tables of a store. It is apart from it, so that programs do
// not carry what only this needs.
type tables struct {
	*Store
	client *dynamodb.Client
}

func (s tables) create(ctx context.Context) error {
	if err := s.createWithIndex(ctx, withFailingIndex(s.table)); err != nil || s.deliveries == nil {
		return err
	}
	if err := s.createWithIndex(ctx, withDueIndex(s.deliveries)); err != nil {
		return err
	}
	return s.expire(ctx, s.deliveries)
}

// withDueIndex returns a request for the table of deliveries with its index,
// which has only those whose Due is set.
func withDueIndex(table *string) *dynamodb.CreateTableInput {
	return withIndex(table, dueIndex, attrShard, types.ScalarAttributeTypeN, attrDue, types.Projection{
		ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: projected[:],
	})
}

// withFailingIndex returns a request for the table of webhooks with its index,
// which has only those that fail or are disabled.
func withFailingIndex(table *string) *dynamodb.CreateTableInput {
	return withIndex(table, failingIndex, attrFailingShard, types.ScalarAttributeTypeS, attrStateSince, types.Projection{
		ProjectionType: types.ProjectionTypeKeysOnly,
	})
}

// withIndex returns a request for a table with one index, whose sort key is a
// number.
func withIndex(table *string, name, hash string, of types.ScalarAttributeType, sort string, projects types.Projection) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName: table,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(hash), AttributeType: of},
			{AttributeName: aws.String(sort), AttributeType: types.ScalarAttributeTypeN},
		},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String(name), KeySchema: keys(hash, sort), Projection: &projects,
		}},
	}
}

// createWithIndex creates a table with its index, or adds the index to a table
// that was created without.
func (s tables) createWithIndex(ctx context.Context, in *dynamodb.CreateTableInput) error {
	attributes := in.AttributeDefinitions // createTable appends the table's own keys
	table, err := s.createTable(ctx, in)
	index := in.GlobalSecondaryIndexes[0]
	if err != nil || hasIndex(table, *index.IndexName) {
		return err
	}
	op := "add index " + *index.IndexName + " to table " + *in.TableName
	err = s.call(ctx, op, repeatable, func(ctx context.Context) error {
		_, err := s.client.UpdateTable(ctx, &dynamodb.UpdateTableInput{
			TableName:            in.TableName,
			AttributeDefinitions: attributes,
			GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
				IndexName: index.IndexName, KeySchema: index.KeySchema, Projection: index.Projection,
			}}},
		})
		if _, busy := errors.AsType[*types.ResourceInUseException](err); busy {
			return nil // another caller or an earlier try adds it
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = s.awaitTable(ctx, op, in.TableName, func(table *types.TableDescription) bool {
		return hasIndex(table, *index.IndexName) && usable(table) // it may appear late
	})
	return err
}

func hasIndex(table *types.TableDescription, name string) bool {
	return slices.ContainsFunc(table.GlobalSecondaryIndexes, func(index types.GlobalSecondaryIndexDescription) bool {
		return aws.ToString(index.IndexName) == name
	})
}

func keys(hash, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}

// createTable creates a table with the keys pk and sk and what else in asks
// for, unless it exists, and returns its description.
func (s tables) createTable(ctx context.Context, in *dynamodb.CreateTableInput) (*types.TableDescription, error) {
	op := "create table " + *in.TableName
	in.BillingMode = types.BillingModePayPerRequest
	in.KeySchema = keys(attrPK, attrSK)
	for _, name := range []string{attrPK, attrSK} {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS,
		})
	}
	err := s.call(ctx, op, repeatable, func(ctx context.Context) error {
		_, err := s.client.CreateTable(ctx, in)
		if _, exists := errors.AsType[*types.ResourceInUseException](err); exists {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.awaitTable(ctx, op, in.TableName, usable)
}

// expire lets DynamoDB remove expired items. DynamoDB rejects a second change
// of that setting within an hour, so expire reads it first.
func (s tables) expire(ctx context.Context, table *string) error {
	op := "let items expire in table " + *table
	return s.call(ctx, op, repeatable, func(ctx context.Context) error {
		out, err := s.client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: table})
		if err != nil {
			return err
		}
		if d := out.TimeToLiveDescription; d != nil && (d.TimeToLiveStatus == types.TimeToLiveStatusEnabled ||
			d.TimeToLiveStatus == types.TimeToLiveStatusEnabling) {
			return nil
		}
		_, err = s.client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName: table,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{
				AttributeName: aws.String(attrExpiry), Enabled: aws.Bool(true),
			},
		})
		return err
	})
}

// awaitTable waits until a table is as wanted and returns its description.
func (s tables) awaitTable(ctx context.Context, op string, table *string, wanted func(*types.TableDescription) bool) (*types.TableDescription, error) {
	ticker := time.NewTicker(activePoll)
	defer ticker.Stop()
	for {
		var out *dynamodb.DescribeTableOutput
		err := s.call(ctx, op, repeatable, func(ctx context.Context) (err error) {
			out, err = s.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: table})
			return err
		})
		// DescribeTable may not find a new table at first.
		if err != nil && !errors.Is(err, ErrNoTable) {
			return nil, err
		}
		if err == nil && out.Table != nil && wanted(out.Table) {
			return out.Table, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, ended(ctx, op, webhook.ErrUnavailable, errors.New("table is not active yet"))
		}
	}
}

// usable reports whether a table and its indexes can be used.
func usable(table *types.TableDescription) bool {
	return table.TableStatus == types.TableStatusActive &&
		!slices.ContainsFunc(table.GlobalSecondaryIndexes, func(index types.GlobalSecondaryIndexDescription) bool {
			return index.IndexStatus != types.IndexStatusActive
		})
}
