package dynamostore_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
	"github.com/hookline/hookline/pkg/webhook"
)

// newToken makes a token of the account.
func newToken(id string) webhook.Token {
	return webhook.Token{
		ID: id, Account: account, Hash: webhook.HashToken(id), Rights: webhook.AllRights, CreatedAt: createdAt,
	}
}

// An account that is being deleted takes no new token.
func TestClosingAccountTakesNoToken(t *testing.T) {
	server := dynamolocal.Start(t)
	tables := server.NewTables(t)
	s := open(t, server.URL, tables, patience)
	ctx := t.Context()
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: createdAt}); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateToken(ctx, newToken("before")); err != nil {
		t.Fatal(err)
	}
	_, err := dynamolocal.Client(t, server.URL).UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(tables.Webhooks),
		Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "A#squake#acme"},
			"sk": &types.AttributeValueMemberS{Value: "ACCOUNT"},
		},
		ConditionExpression:       aws.String("attribute_exists(pk)"),
		UpdateExpression:          aws.String("SET x = :x"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":x": &types.AttributeValueMemberN{Value: "1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateToken(ctx, newToken("after")); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("CreateToken: error = %v, want ErrNotFound", err)
	}
	if list, err := s.Tokens(ctx, account); err != nil || len(list) != 1 {
		t.Errorf("Tokens = %v, %v, want the one from before", list, err)
	}
}

// Of those who revoke a token at once, one is told that it did.
func TestRevocationRace(t *testing.T) {
	server := dynamolocal.Start(t)
	s := open(t, server.URL, server.NewTables(t), patience)
	ctx := t.Context()
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: createdAt}); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := s.CreateToken(ctx, newToken("t1")); err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 8)
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() { errs[i] = s.RevokeToken(ctx, account, "t1") })
		}
		wait.Wait()
		revoked := 0
		for _, err := range errs {
			switch {
			case err == nil:
				revoked++
			case !errors.Is(err, webhook.ErrNotFound):
				t.Errorf("RevokeToken: %v", err)
			}
		}
		if revoked != 1 {
			t.Errorf("%d revocations succeeded, want 1", revoked)
		}
	}
}
