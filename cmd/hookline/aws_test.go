package main

import (
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/signed"
)

// awsEnvironment is what AWS tools read in tests: credentials that a gateway lets
// in (package signed), and that DynamoDB Local has the tests' tables under.
func awsEnvironment() map[string]string {
	credentials := signed.Credentials()
	return map[string]string{
		"AWS_REGION": signed.Region, "AWS_ACCESS_KEY_ID": credentials.AccessKeyID, "AWS_SECRET_ACCESS_KEY": credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN": credentials.SessionToken, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
}

// onDynamoDB has AWS tools find DynamoDB Local, and gives a prefix that no other
// test has.
func onDynamoDB(t *testing.T) (prefix string) {
	t.Helper()
	// All tests set the same, so that those that run beside this one may see it.
	if err := os.Setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamolocal.Start(t).URL); err != nil { //nolint:usetesting // as above
		t.Fatal(err)
	}
	return "t" + rand.Text()
}

func TestServeOnDynamoDB(t *testing.T) {
	t.Parallel()
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
}

// tablesOf are the two tables by the names that documentation and other tools
// have.
func tablesOf(prefix string) dynamolocal.Tables {
	return dynamolocal.Tables{Webhooks: prefix + "-webhooks", Deliveries: prefix + "-deliveries"}
}

func TestNoRegion(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	for _, where := range [][]string{{"--store", "dynamodb:x"}, {"--stack", "prod"}, {"--url", "http://127.0.0.1:1", "--sigv4"}} {
		line := fails(t, exitFailed, append([]string{"hookline", "account", "list"}, where...)...)
		contains(t, line, "AWS_REGION")
	}
}
