package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rightsRecorder stands between the commands and AWS and notes, as lines
// "action on resource", which rights their calls take. Resources are named by
// the placeholders of infra/policies/operator.json.
type rightsRecorder struct {
	placeholders map[string]string // of what calls name

	mu    sync.Mutex
	lines map[string]bool
}

// recordRights puts itself in the place of every service of a stack.
func recordRights(t *testing.T, d *deployed) *rightsRecorder {
	t.Helper()
	r := &rightsRecorder{lines: map[string]bool{}, placeholders: map[string]string{
		d.outputs[outputTable]:      "dynamodb:REGION:ACCOUNT:table/WEBHOOKS_TABLE",
		d.outputs[outputDeliveries]: "dynamodb:REGION:ACCOUNT:table/DELIVERIES_TABLE",
		d.outputs[outputQueue]:      "sqs:REGION:ACCOUNT:QUEUE",
		d.outputs[outputSlowQueue]:  "sqs:REGION:ACCOUNT:SLOW_LANE",
		d.outputs[outputSealingKey]: "kms:REGION:ACCOUNT:key/KMS_KEY_ID",
		"open":                      "cloudformation:REGION:ACCOUNT:stack/STACK/*",
	}}
	for _, service := range []string{"CLOUDFORMATION", "DYNAMODB", "KMS", "SQS"} {
		recipient, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL_" + service))
		if err != nil || recipient.Host == "" {
			t.Fatalf("%s is at %v, %v", service, recipient, err)
		}
		proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(recipient) }}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			body, err := io.ReadAll(req.Body)
			if err == nil {
				err = r.note(strings.ToLower(service), req.Header.Get("X-Amz-Target"), body)
			}
			if err != nil {
				t.Errorf("a call of %s: %v", service, err)
			}
			req.Body = io.NopCloser(bytes.NewReader(body))
			proxy.ServeHTTP(w, req)
		}))
		t.Cleanup(server.Close)
		t.Setenv("AWS_ENDPOINT_URL_"+service, server.URL)
	}
	return r
}

// transactionRights are the actions that IAM asks for when a transaction has
// them; it asks for none for the transaction itself (DynamoDB Developer Guide,
// "Amazon DynamoDB Transactions: How it works").
var transactionRights = map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}

// note reads one call. A batch to SQS takes the right to send one message.
func (r *rightsRecorder) note(service, recipient string, body []byte) error {
	_, action, _ := strings.Cut(recipient, ".")
	var in struct {
		TableName     string
		IndexName     string
		QueueURL      string `json:"QueueUrl"`
		KeyID         string `json:"KeyId"`
		RequestItems  map[string]any
		TransactItems []map[string]struct{ TableName string }
	}
	if service == "cloudformation" { // a form
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return err
		}
		r.add(service, form.Get("Action"), form.Get("StackName"))
		return nil
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return err
	}
	if action != "TransactWriteItems" && action != "BatchGetItem" {
		r.add(service, strings.TrimSuffix(action, "Batch"), in.TableName+in.QueueURL+in.KeyID, in.IndexName)
	}
	for table := range in.RequestItems {
		r.add(service, action, table)
	}
	for _, item := range in.TransactItems {
		for part, on := range item {
			r.add(service, transactionRights[part], on.TableName)
		}
	}
	return nil
}

func (r *rightsRecorder) add(service, action, resource string, index ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name, known := r.placeholders[resource]; known {
		resource = "arn:aws:" + name
	}
	if strings.Join(index, "") != "" {
		resource += "/index/" + index[0]
	}
	r.lines[fmt.Sprintf("%s:%s on %s", service, action, resource)] = true
}

// The operator's policy has the rights that the commands take on a stack, and
// no other.
func TestOperatorPolicy(t *testing.T) {
	d, customer, _ := deploy(t)
	d.parameters = map[string]map[string]string{"open": {"AllowHttp": "true", "AllowPrivate": "true"}}
	recorded := recordRights(t, d)
	run := func(args ...string) string {
		t.Helper()
		var stdout, stderr strings.Builder
		p := testProgram(noSettings, &stdout, &stderr)
		p.sleep = func(context.Context, time.Duration) error { return nil }
		if err := p.run(t.Context(), append(append([]string{"hookline"}, args...), "--stack", "open")); err != nil {
			t.Errorf("%s: %v", args, err)
		}
		return strings.TrimSpace(stdout.String())
	}
	account := []string{"--account", customer.account}
	run("account", "create", "shoptet:2")
	run("account", "list")
	run(append([]string{"token", "create"}, account...)...)
	var tokens []struct{ ID string }
	if err := json.Unmarshal([]byte(run(append([]string{"token", "list", "--json"}, account...)...)), &tokens); err != nil || len(tokens) != 1 {
		t.Fatalf("%d tokens, %v", len(tokens), err)
	}
	run(append([]string{"token", "revoke", tokens[0].ID}, account...)...)
	run(append([]string{"webhook", "list"}, account...)...)
	for _, command := range []string{"show", "disable", "enable"} {
		run(append([]string{"webhook", command, customer.id}, account...)...)
		run("webhook", "list", "--all")
	}
	run(customer.test()...)
	large := strings.TrimPrefix(run(customer.publish("--payload", `"`+strings.Repeat("x", 3000)+`"`)...), "accepted ")
	id := strings.TrimPrefix(run(customer.publish("--payload", "1")...), "accepted ")
	run(append([]string{"delivery", "list"}, account...)...)
	run(append([]string{"delivery", "show", large}, account...)...)
	run(append([]string{"delivery", "retry", id}, account...)...)
	run(append([]string{"delivery", "recover", "--since", "1h"}, account...)...)
	run(append([]string{"webhook", "delete", customer.id}, account...)...)
	run("account", "delete", "--wait", customer.account)
	run("account", "delete", "--wait", "shoptet:2")

	text, err := os.ReadFile("../../infra/policies/operator.json")
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Statement []struct {
			Effect           string
			Resource, Action []string
		}
	}
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	var granted []string
	for _, s := range policy.Statement {
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				granted = append(granted, action+" on "+resource)
			}
		}
	}
	slices.Sort(granted)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(recorded.lines)), granted); diff != "" {
		t.Errorf("rights (-taken by the commands +infra/policies/operator.json):\n%s", diff)
	}
}
