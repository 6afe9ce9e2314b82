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

	"github.com/hookline/hookline/pkg/store/dynamo"
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

// The data outlives every mistake with a stack. Each part of it is made unless
// an existing one is named.
func TestDataIsRetained(t *testing.T) {
	var stack struct{ TemplateURL string }
	readTemplate(t, "template.yaml").Resources["Data"].properties(t, &stack)
	data := readTemplate(t, stack.TemplateURL)
	for _, name := range holdsData(t, data) {
		r := data.Resources[name]
		if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
			t.Errorf("%s: deletion policy %q, update policy %q, want Retain", name, r.DeletionPolicy, r.UpdateReplacePolicy)
		}
		if r.Condition != "Makes"+name {
			t.Errorf("%s is made on condition %q, want Makes%s", name, r.Condition, name)
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
		keys := slices.Concat(table.KeySchema, table.AttributeDefinitions)
		want := []attribute{{"pk", "", "HASH"}, {"sk", "", "RANGE"}, {"pk", "S", ""}, {"sk", "S", ""}}
		switch name { // TestIndexes says more
		case "DeliveriesTable":
			want = append(want, attribute{"w", "N", ""}, attribute{"due", "N", ""})
		case "WebhooksTable":
			want = append(want, attribute{"ix", "S", ""}, attribute{"state_since", "N", ""})
		}
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

// holdsData gives the names of the resources of data.yaml but one, which only
// keeps the stack from being empty.
func holdsData(t *testing.T, data template) []string {
	t.Helper()
	names := slices.Sorted(maps.Keys(data.Resources))
	rest := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return data.Resources[name].Type == "AWS::CloudFormation::WaitConditionHandle"
	})
	if len(names)-len(rest) != 1 || data.Resources["Always"].Condition != "" {
		t.Errorf("of %v one, Always, must be made whatever the parameters", names)
	}
	return rest
}

// existing gives the name of the parameter that names a resource instead of
// having it made.
func existing(t *testing.T, data template, resource string) string {
	t.Helper()
	for _, name := range []string{"Existing" + resource, "Existing" + resource + "Arn"} {
		if _, ok := data.Parameters[name]; ok {
			return name
		}
	}
	t.Fatalf("infra/data.yaml: no parameter names an existing %s", resource)
	return ""
}

// What the other stack and its users are told of each table and of the key,
// whether it was made here or was there.
func TestDataIsNamed(t *testing.T) {
	main, data := readTemplate(t, "template.yaml"), readTemplate(t, "infra/data.yaml")
	is := func(resource string, made, there any) any {
		return map[string]any{"!If": []any{"Makes" + resource, made, there}}
	}
	want := map[string]any{
		"SealingKmsKeyArn": is("SealingKmsKey", "!GetAtt SealingKmsKey.Arn", "!Ref ExistingSealingKmsKeyArn"),
		"DueIndexArn": is("DeliveriesTable", "!Sub ${DeliveriesTable.Arn}/index/due",
			"!Sub arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingDeliveriesTable}/index/due"),
	}
	for _, table := range data.ofType(t, "AWS::DynamoDB::Table") {
		want[table] = is(table, "!Ref "+table, "!Ref Existing"+table)
		want[table+"Arn"] = is(table, "!GetAtt "+table+".Arn",
			"!Sub arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Existing"+table+"}")
	}
	for output, value := range want {
		if diff := cmp.Diff(value, data.Outputs[output].Value); diff != "" {
			t.Errorf("infra/data.yaml: output %s (-want +got):\n%s", output, diff)
		}
	}
	for _, output := range []string{"WebhooksTable", "DeliveriesTable", "SealingKmsKeyArn"} {
		if got, want := main.Outputs[output].Value, "!GetAtt Data.Outputs."+output; got != want {
			t.Errorf("template.yaml: output %s is %v, want %s", output, got, want)
		}
	}
}

// Every parameter of the data is one of the whole and is handed on, with the
// same rules for its value.
func TestDataParametersAreHandedOn(t *testing.T) {
	main, data := readTemplate(t, "template.yaml"), readTemplate(t, "infra/data.yaml")
	var stack struct{ Parameters map[string]any }
	main.Resources["Data"].properties(t, &stack)
	for name := range data.Parameters {
		if got, want := stack.Parameters[name], "!Ref "+name; got != want {
			t.Errorf("the data's %s is %v, want %s", name, got, want)
		}
		rules := func(tm template) any {
			parameter, _ := tm.Parameters[name].(map[string]any)
			return []any{parameter["Type"], parameter["Default"], parameter["AllowedPattern"], parameter["ConstraintDescription"]}
		}
		if diff := cmp.Diff(rules(data), rules(main)); diff != "" {
			t.Errorf("parameter %s (-infra/data.yaml +template.yaml):\n%s", name, diff)
		}
	}
	for _, name := range holdsData(t, data) {
		condition := data.Conditions["Makes"+name]
		if diff := cmp.Diff(any(map[string]any{"!Equals": []any{"!Ref " + existing(t, data, name), ""}}), condition); diff != "" {
			t.Errorf("condition Makes%s (-want +got):\n%s", name, diff)
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
	client, err := dynamo.NewClient(dynamo.ClientConfig{
		Region: "eu-central-1", Endpoint: server.URL,
		Credentials: dynamo.StaticCredentials{AccessKeyID: "AKID", SecretAccessKey: webhook.NewSecret("secret")},
	})
	if err != nil {
		t.Fatal(err)
	}
	store, err := dynamo.New(dynamo.Config{Client: client, Table: "webhooks", Deliveries: "deliveries"})
	if err != nil {
		t.Fatal(err)
	}
	accepted := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	delivery := webhook.Delivery{
		Account: webhook.Account{API: "shoptet", ID: "1"}, Event: "order:create", EventID: "1",
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
