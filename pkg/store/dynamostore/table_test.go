package dynamostore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

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

// CreateTable adds the index to a table of deliveries that was made without,
// and what was in the table before is found by it.
func TestIndexIsAddedToAnOlderTable(t *testing.T) {
	server := dynamolocal.Start(t)
	ctx := t.Context()
	older := server.NewTable(t)
	s := open(t, server.URL, dynamolocal.Tables{Webhooks: older + "-w", Deliveries: older}, patience)
	recent := published(record(account, "offer-created"), 1, 300)
	recent.AcceptedAt = time.Now() // it must not expire before it is found
	d, err := s.AddDelivery(ctx, recent)
	if err != nil {
		t.Fatal(err)
	}
	due := func() (found int, err error) {
		err = s.Due(ctx, time.Time{}, d.Due, func(p webhook.Pending) bool { found++; return p.ID == d.ID() })
		return found, err
	}
	if found, err := due(); err == nil {
		t.Fatalf("Due without the index gave %d and no error", found)
	}
	for range 2 {
		if err := s.CreateTable(ctx); err != nil {
			t.Fatal(err)
		}
		if found, err := due(); err != nil || found != 1 {
			t.Errorf("Due gave %d, %v; want 1", found, err)
		}
	}
	mustExpire(ctx, t, server, older)
}
