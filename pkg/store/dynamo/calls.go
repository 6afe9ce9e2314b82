package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// operation is one of DynamoDB's.
type operation[In, Out any] func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error)

// calls are the operations that a Store uses. The client that they are of is
// hidden in them: a program that renders templates carries every method of every
// type that it can reach by reflection, and the client has seventy.
type calls struct {
	BatchGetItem       operation[dynamodb.BatchGetItemInput, dynamodb.BatchGetItemOutput]
	DeleteItem         operation[dynamodb.DeleteItemInput, dynamodb.DeleteItemOutput]
	GetItem            operation[dynamodb.GetItemInput, dynamodb.GetItemOutput]
	PutItem            operation[dynamodb.PutItemInput, dynamodb.PutItemOutput]
	Query              operation[dynamodb.QueryInput, dynamodb.QueryOutput]
	TransactWriteItems operation[dynamodb.TransactWriteItemsInput, dynamodb.TransactWriteItemsOutput]
	UpdateItem         operation[dynamodb.UpdateItemInput, dynamodb.UpdateItemOutput]
}

func newCalls(c *dynamodb.Client) calls {
	return calls{
		BatchGetItem: c.BatchGetItem, DeleteItem: c.DeleteItem, GetItem: c.GetItem, PutItem: c.PutItem, Query: c.Query,
		TransactWriteItems: c.TransactWriteItems, UpdateItem: c.UpdateItem,
	}
}
