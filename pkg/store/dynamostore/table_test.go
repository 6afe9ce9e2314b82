package dynamostore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/store/dynamostore"
	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
	"github.com/hookline/hookline/pkg/webhook"
)

// Every call tells a missing table by ErrNoTable, without DynamoDB's own words,
// and so does Check for each of the two. CreateTable makes what is missing.
func TestMissingTables(t *testing.T) {
	server := dynamolocal.Start(t)
	ctx := t.Context()
	id := rand.Text()
	tables := dynamolocal.Tables{Webhooks: "w-" + id, Deliveries: "d-" + id}
	both := open(t, server.URL, tables, patience)
	for name, call := range map[string]func() error{
		"read": func() error { return both.Warm(ctx) },
		"list": func() error { _, err := both.Webhooks(ctx, account); return err },
		"batch": func() error {
			return both.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: createdAt})
		},
		"deliver": func() error { _, err := both.AddDelivery(ctx, delivery(account, 1)); return err },
		"check":   func() error { return both.Check(ctx) },
	} {
		if err := call(); !errors.Is(err, dynamostore.ErrNoTable) || strings.Contains(err.Error(), "RequestID") {
			t.Errorf("%s: error = %v, want ErrNoTable and no more", name, err)
		}
	}

	if err := open(t, server.URL, dynamolocal.Tables{Webhooks: tables.Webhooks}, patience).CreateTable(ctx); err != nil {
		t.Fatal(err)
	}
	if err := both.Check(ctx); !errors.Is(err, dynamostore.ErrNoTable) || !strings.Contains(err.Error(), tables.Deliveries) {
		t.Errorf("Check with one table: error = %v, want ErrNoTable that names the other", err)
	}
	for range 2 {
		if err := both.CreateTable(ctx); err != nil {
			t.Fatal(err)
		}
		if err := both.Check(ctx); err != nil {
			t.Fatal(err)
		}
	}
	mustExpire(ctx, t, server, tables.Deliveries)
}

// mustExpire fails the test unless DynamoDB removes items by the attribute
// that deliveries carry.
func mustExpire(ctx context.Context, t *testing.T, server *dynamolocal.Server, table string) {
	t.Helper()
	out, err := dynamolocal.Client(t, server.URL).DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: aws.String(table)})
	if err != nil {
		t.Fatal(err)
	}
	if d := out.TimeToLiveDescription; d.TimeToLiveStatus != types.TimeToLiveStatusEnabled || aws.ToString(d.AttributeName) != "z" {
		t.Errorf("time to live is %s by %q, want ENABLED by z", d.TimeToLiveStatus, aws.ToString(d.AttributeName))
	}
}
