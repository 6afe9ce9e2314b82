package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/dynamolocal"
)

// onDynamoDB sets what an AWS tool reads to DynamoDB Local, and gives a prefix
// that no other test has.
func onDynamoDB(t *testing.T) (prefix string) {
	t.Helper()
	server := dynamolocal.Start(t)
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB":   server.URL,
		"AWS_REGION":                  dynamolocal.Region,
		"AWS_ACCESS_KEY_ID":           dynamolocal.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":       "local",
		"AWS_CONFIG_FILE":             none,
		"AWS_SHARED_CREDENTIALS_FILE": none,
		"AWS_EC2_METADATA_DISABLED":   "true",
	} {
		t.Setenv(name, value)
	}
	return "t" + rand.Text()
}

func TestServeOnDynamoDB(t *testing.T) {
	prefix := onDynamoDB(t)
	name := "dynamodb:" + prefix
	line := fails(t, exitFailed, "hookline", "account", "create", "squake:acme", "--store", name)
	contains(t, line, name, dynamolocal.Region, "run `hookline serve --store "+name+"` once")
	if strings.Contains(line, "ResourceNotFoundException") || strings.Contains(line, "RequestID") {
		t.Errorf("the line shows DynamoDB's own words: %s", line)
	}

	data := t.TempDir()
	s := boot(t, data, "--dev", "--store", name)
	for _, d := range s.Demo {
		if status := paste(t, "", d.Curl); status != http.StatusCreated {
			t.Errorf("%s: status %d, want 201", d.Account, status)
		}
		if status := paste(t, "", d.Curl); !isConflict(status) {
			t.Errorf("%s: the same again: status %d, want one of a conflict", d.Account, status)
		}
	}
	cli(t, "account", "create", "abbeycross:fleet-7", "--store", name)
	token := cli(t, "token", "create", "--account", "abbeycross:fleet-7", "--store", name)
	if status, err := register(t.Context(), newClient(t), s.URL, token, "trip.ended"); err != nil || status != http.StatusCreated {
		t.Errorf("status %d, %v; want 201", status, err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}

	if err := dynamolocal.Store(t, dynamolocal.Start(t).URL, tablesOf(prefix)).Check(t.Context()); err != nil {
		t.Errorf("serve did not make both tables: %v", err)
	}
	if _, err := os.Stat("data"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("commands on DynamoDB made a data directory (%v)", err)
	}

	// Without --dev the events must be bounded.
	contains(t, fails(t, exitFailed, serveArgs(data, "--store", name)...), "HOOKLINE_ABBEYCROSS_EVENTS")

	// The same data needs the same sealing key.
	line = fails(t, exitFailed, serveArgs(t.TempDir(), "--store", name)...)
	contains(t, line, "the sealing key is missing")
	if s := boot(t, data, "--dev", "--store", name); s.token(t, "squake") != "" {
		t.Error("the second start makes new tokens")
	}
	t.Run("stack", func(t *testing.T) { testStack(t, prefix) })
}

// tablesOf are the two tables by the names that documentation and other tools
// have.
func tablesOf(prefix string) dynamolocal.Tables {
	return dynamolocal.Tables{Webhooks: prefix + "-webhooks", Deliveries: prefix + "-deliveries"}
}

// testStack works on a stack whose tables are those of the prefix, through a
// stand-in for CloudFormation's DescribeStacks (AWS CloudFormation API
// Reference).
func testStack(t *testing.T, prefix string) {
	table, deliveries, region := prefix+tableSuffix, prefix+deliveriesSuffix, dynamolocal.Region
	const queue, key = "https://sqs.eu-central-1.amazonaws.com/123456789012/q", "arn:aws:kms:eu-central-1:123456789012:key/k"
	stacks := map[string]map[string]string{
		"prod":  {outputTable: table, outputDeliveries: deliveries, outputQueue: queue, outputSealingKey: key, outputRegion: region},
		"old":   {outputTable: table, outputDeliveries: deliveries, outputRegion: region},
		"gone":  {outputTable: table, outputDeliveries: "gone", outputQueue: queue, outputSealingKey: key, outputRegion: region},
		"other": {"Bucket": "b"},
	}
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		stack := r.FormValue("StackName")
		if r.FormValue("Action") != "DescribeStacks" {
			t.Errorf("CloudFormation was asked for %q", r.Form)
		}
		if outputs, found := stacks[stack]; found {
			_, _ = fmt.Fprint(w, describeStacks(stack, outputs, nil))
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>`+
			`<Message>Stack with id nothing does not exist</Message></Error><RequestId>1</RequestId></ErrorResponse>`)
	}))
	defer fake.Close()
	t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", fake.URL)
	t.Setenv("AWS_REGION", "us-east-1") // the table is where the stack says

	if list := cli(t, "account", "list", "abbeycross", "--stack", "prod"); !strings.Contains(list, "abbeycross:fleet-7") {
		t.Errorf("account list --stack prod:\n%s", list)
	}
	t.Setenv("AWS_REGION", dynamolocal.Region)
	if token := cli(t, "token", "create", "--account", "abbeycross:fleet-7", "--stack", "prod"); !strings.HasPrefix(token, "hk_") {
		t.Errorf("token create --stack prod = %q", token)
	}
	contains(t, fails(t, exitFailed, "hookline", "account", "list", "--stack", "nothing"), "Stack with id nothing does not exist", "AWS_REGION")
	contains(t, fails(t, exitFailed, "hookline", "account", "list", "--stack", "other"), "other", "no output WebhooksTable")
	contains(t, fails(t, exitFailed, "hookline", "account", "list", "--stack", "old"), "old", "no output QueueUrl")
	contains(t, fails(t, exitFailed, "hookline", "account", "list", "--stack", "gone"), "gone", "deploy it again")
}

// describeStacks is an answer in the query protocol's XML.
func describeStacks(stack string, outputs, parameters map[string]string) string {
	var members, given strings.Builder
	for key, value := range outputs {
		fmt.Fprintf(&members, `<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>`, key, value)
	}
	for key, value := range parameters {
		fmt.Fprintf(&given, `<member><ParameterKey>%s</ParameterKey><ParameterValue>%s</ParameterValue></member>`, key, value)
	}
	return `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>` +
		`<StackName>` + stack + `</StackName><StackStatus>UPDATE_COMPLETE</StackStatus><CreationTime>2026-01-15T10:30:00Z</CreationTime>` +
		`<Outputs>` + members.String() + `</Outputs><Parameters>` + given.String() + `</Parameters></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`
}

func TestNoRegion(t *testing.T) {
	onDynamoDB(t)
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	for _, where := range [][]string{{"--store", "dynamodb:x"}, {"--stack", "prod"}} {
		line := fails(t, exitFailed, append([]string{"hookline", "account", "list"}, where...)...)
		contains(t, line, "AWS_REGION")
	}
}
