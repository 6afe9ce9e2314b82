package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// Attempts that fail and succeed while a webhook is disabled and enabled leave
// it in the index of what fails exactly if it fails or is disabled, under the
// time since when.
func TestStatesThroughFaults(t *testing.T) {
	server := dynamolocal.Start(t)
	proxy, tables := faultproxy.Start(t, server.URL), server.NewTables(t)
	proxy.Inject(faultproxy.Plan{Seed: 18, Rate: faultRate})
	s, direct := open(t, proxy.URL, tables, shortTry), open(t, server.URL, tables, timeout)
	client := dynamolocal.Client(t, server.URL)
	through(t, long.Pick(12, 40), func(ctx context.Context, n int) error {
		w := record(numbered(n), "event")
		if _, err := direct.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
			return err
		}
		for step := range 6 {
			minute := createdAt.Add(time.Duration(step) * time.Minute)
			stats, disable := webhook.StatsFailed, step%2 == 0
			if (n+step)%3 == 0 {
				stats = webhook.StatsSent
			}
			d, err := direct.AddDelivery(ctx, published(w, step, 200))
			if err != nil {
				return err
			}
			errs := rivals(
				func() error { return recorded(ctx, s, d, minute, stats) },
				func() error { return switched(ctx, s, w, disable, minute.Add(time.Second)) },
			)
			if err := errors.Join(errs[:]...); err != nil {
				return fmt.Errorf("step %d: %w", step, err)
			}
			if err := indexedAsItIs(ctx, client, direct, tables.Webhooks, w); err != nil {
				return fmt.Errorf("step %d of %d: %w", step, n, err)
			}
		}
		return nil
	})
}

// recorded records a failure or a success.
func recorded(ctx context.Context, s *dynamo.Store, d webhook.Delivery, at time.Time, stats webhook.StatsUpdate) error {
	now := attempted(d)
	if stats == webhook.StatsSent {
		now = delivered(d)
	}
	now.AttemptedAt = at
	_, err := s.RecordAttempt(ctx, webhook.AttemptResult{Was: d, Now: now, Stats: stats})
	return err
}

// switched disables or enables a webhook. It reads again when another write came
// first.
func switched(ctx context.Context, s *dynamo.Store, w webhook.Webhook, disable bool, at time.Time) error {
	for {
		was, err := s.Webhook(ctx, w.Account, w.Event)
		if err != nil {
			return err
		}
		now := was
		now.Version++
		now.Disabled, now.DisabledAt = disable, time.Time{}
		if disable {
			now.DisabledAt = at
		}
		err = s.Change(ctx, webhook.Change{Was: []webhook.Webhook{was}, Now: []webhook.Webhook{now}})
		if !errors.Is(err, webhook.ErrChanged) {
			return err
		}
	}
}

// indexedAsItIs holds the attributes of the index against the record.
func indexedAsItIs(ctx context.Context, client *dynamodb.Client, s *dynamo.Store, table string, w webhook.Webhook) error {
	w, err := s.Webhook(ctx, w.Account, w.Event)
	if err != nil {
		return err
	}
	out, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(table), Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "A#" + string(w.Account.API) + "#" + w.Account.ID},
		"sk": &types.AttributeValueMemberS{Value: "E#" + w.Event},
	}})
	if err != nil {
		return err
	}
	want := ""
	if since := w.FailingSince(); !since.IsZero() {
		want = strconv.FormatInt(since.UnixMilli(), 10)
	}
	got := ""
	if since, ok := out.Item["state_since"].(*types.AttributeValueMemberN); ok {
		got = since.Value
	}
	if _, indexed := out.Item["ix"]; got != want || indexed != (want != "") {
		return fmt.Errorf("indexed: %t under %q, want %q: %v, %+v", indexed, got, want, w.State(), w.Statistics)
	}
	return nil
}
