package infra_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/store/dynamostore"
	"github.com/hookline/hookline/pkg/webhook"
)

// expiry names the attribute by which each table's items expire, empty for
// never. TestDeliveriesExpire holds it to what is written.
var expiry = map[string]string{
	"WebhooksTable":   "",
	"DeliveriesTable": "z",
}

// encryption is every table's: with the key that AWS owns, or with the
// operator's.
var encryption any = map[string]any{"!If": []any{
	"HasTableKey",
	map[string]any{"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": "!Ref TableKeyArn"},
	"!Ref AWS::NoValue",
}}

// The data outlives every mistake with a stack.
func TestDataIsKept(t *testing.T) {
	var stack struct{ TemplateURL string }
	readTemplate(t, "template.yaml").Resources["Data"].properties(t, &stack)
	data := readTemplate(t, stack.TemplateURL)
	for name, r := range data.Resources {
		if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
			t.Errorf("%s: deletion policy %q, update policy %q, want Retain", name, r.DeletionPolicy, r.UpdateReplacePolicy)
		}
	}
	type attribute struct{ AttributeName, AttributeType, KeyType string }
	tables := data.ofType(t, "AWS::DynamoDB::Table")
	slices.Sort(tables)
	if want := slices.Sorted(maps.Keys(expiry)); !slices.Equal(tables, want) {
		t.Errorf("tables %v, want %v", tables, want)
	}
	for _, name := range tables {
		var table struct {
			BillingMode                      string
			DeletionProtectionEnabled        bool
			AttributeDefinitions, KeySchema  []attribute
			PointInTimeRecoverySpecification struct{ PointInTimeRecoveryEnabled bool }
			TimeToLiveSpecification          struct {
				AttributeName string
				Enabled       bool
			}
			SSESpecification any
		}
		data.Resources[name].properties(t, &table)
		if !table.DeletionProtectionEnabled || !table.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled {
			t.Errorf("%s: no deletion protection or no point-in-time recovery", name)
		}
		if table.BillingMode != "PAY_PER_REQUEST" {
			t.Errorf("%s: billing mode %q", name, table.BillingMode)
		}
		keys := slices.Concat(table.AttributeDefinitions, table.KeySchema)
		want := []attribute{{"pk", "S", ""}, {"sk", "S", ""}, {"pk", "", "HASH"}, {"sk", "", "RANGE"}}
		if !slices.Equal(keys, want) {
			t.Errorf("%s: keys %v, want %v", name, keys, want)
		}
		if ttl := table.TimeToLiveSpecification; ttl.AttributeName != expiry[name] || ttl.Enabled != (expiry[name] != "") {
			t.Errorf("%s: items expire by %+v, want %q", name, ttl, expiry[name])
		}
		if diff := cmp.Diff(encryption, table.SSESpecification); diff != "" {
			t.Errorf("%s: encryption (-want +got):\n%s", name, diff)
		}
	}
	for _, name := range data.ofType(t, "AWS::KMS::Key") {
		var key struct{ EnableKeyRotation bool }
		data.Resources[name].properties(t, &key)
		if !key.EnableKeyRotation {
			t.Errorf("%s is not rotated", name)
		}
	}
}

// What the other stack and its users are told of each table.
func TestTablesAreNamed(t *testing.T) {
	main, data := readTemplate(t, "template.yaml"), readTemplate(t, "infra/data.yaml")
	for _, table := range data.ofType(t, "AWS::DynamoDB::Table") {
		for output, want := range map[string]string{table: "!Ref " + table, table + "Arn": "!GetAtt " + table + ".Arn"} {
			if got := data.Outputs[output].Value; got != want {
				t.Errorf("infra/data.yaml: output %s is %v, want %s", output, got, want)
			}
		}
		if got, want := main.Outputs[table].Value, "!GetAtt Data.Outputs."+table; got != want {
			t.Errorf("template.yaml: output %s is %v, want %s", table, got, want)
		}
	}
}

// The attribute by which the table lets deliveries expire is the one that the
// store writes: in seconds, 8 days after acceptance.
func TestDeliveriesExpire(t *testing.T) {
	var put struct {
		TableName string
		Item      map[string]struct{ N string }
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&put); err != nil {
			t.Errorf("%s: %v", r.Header.Get("X-Amz-Target"), err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	client, err := dynamostore.NewClient(dynamostore.ClientConfig{
		Region: "eu-central-1", Endpoint: server.URL,
		Credentials: dynamostore.StaticCredentials{AccessKeyID: "AKID", SecretAccessKey: webhook.NewSecret("secret")},
	})
	if err != nil {
		t.Fatal(err)
	}
	store, err := dynamostore.New(dynamostore.Config{Client: client, Table: "webhooks", Deliveries: "deliveries"})
	if err != nil {
		t.Fatal(err)
	}
	accepted := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	delivery := webhook.Delivery{
		Account: webhook.Account{Dialect: "shoptet", ID: "1"}, Event: "order:create", EventID: "1",
		Time: accepted.Add(-time.Hour), AcceptedAt: accepted,
	}
	if _, err := store.AddDelivery(t.Context(), delivery); err != nil {
		t.Fatal(err)
	}
	want := strconv.FormatInt(accepted.Add(8*24*time.Hour).Unix(), 10)
	if got := put.Item[expiry["DeliveriesTable"]].N; put.TableName != "deliveries" || got != want {
		t.Errorf("put into %s with %s = %q, want %s", put.TableName, expiry["DeliveriesTable"], got, want)
	}
}
