package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/google/go-cmp/cmp"
)

// receiver is the pre-signed address that CloudFormation waits at.
type receiver struct {
	url    string
	method string
	bodies []map[string]any
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		var decoded map[string]any
		if err := json.Unmarshal(body, &decoded); err != nil {
			t.Errorf("body %s: %v", body, err)
		}
		if len(body) > 4096 {
			t.Errorf("body has %d bytes, CloudFormation takes 4096", len(body))
		}
		r.method = req.Method
		r.bodies = append(r.bodies, decoded)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// invoke sends an event the way that Lambda does, as JSON, and gives the body
// that CloudFormation is sent.
func (r *receiver) invoke(t *testing.T, h *handler, fields map[string]any) map[string]any {
	t.Helper()
	event := map[string]any{
		"RequestId": "unique-1", "ResponseURL": r.url, "ResourceType": "Custom::SealingKey",
		"LogicalResourceId": "SealingKey", "StackId": "arn:aws:cloudformation:eu-central-1:111122223333:stack/hookline/1",
	}
	for name, value := range fields {
		event[name] = value
	}
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var decoded cfn.Event
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	before := len(r.bodies)
	if reason, err := cfn.LambdaWrap(h.Handle)(context.Background(), decoded); err != nil {
		t.Fatalf("LambdaWrap: %s, %v", reason, err)
	}
	if len(r.bodies) != before+1 || r.method != http.MethodPut {
		t.Fatalf("%d answers by %s, want one by PUT", len(r.bodies)-before, r.method)
	}
	return r.bodies[before]
}

func respond(fields map[string]any) map[string]any {
	body := map[string]any{
		"RequestId": "unique-1", "LogicalResourceId": "SealingKey", "PhysicalResourceId": physicalID,
		"StackId": "arn:aws:cloudformation:eu-central-1:111122223333:stack/hookline/1",
	}
	for name, value := range fields {
		body[name] = value
	}
	return body
}

func TestCloudFormationIsAnswered(t *testing.T) {
	s, sqs := newStack(t), startReceiver(t)
	version := func(v string) map[string]any {
		return map[string]any{"ServiceToken": "arn:aws:lambda:x", "SealingKeyVersion": v}
	}
	same := func(name string, got, want map[string]any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	create := map[string]any{"RequestType": "Create", "ResourceProperties": version("1")}
	first := sqs.invoke(t, s.handler, create)
	data, ok := first["Data"].(map[string]any)
	if !ok || data["KeyId"] != "v1" {
		t.Fatalf("answer %v, want data of v1", first)
	}
	v1 := respond(map[string]any{"Status": "SUCCESS", "Data": map[string]any{"KeyId": "v1", "PublicKey": data["PublicKey"]}})
	same("create", first, v1)
	same("retried create", sqs.invoke(t, s.handler, create), v1)

	s.kms.fail = errors.New("down")
	failed := sqs.invoke(t, s.handler, map[string]any{
		"RequestType": "Update", "PhysicalResourceId": physicalID,
		"ResourceProperties": version("2"), "OldResourceProperties": version("1"),
	})
	same("failed update", failed, respond(map[string]any{
		"Status": "FAILED",
		"Reason": "the sealing key could not be made or read (an unexpected error); the keyring function's log says more",
	}))
	same("roll-back", sqs.invoke(t, s.handler, map[string]any{
		"RequestType": "Update", "PhysicalResourceId": physicalID,
		"ResourceProperties": version("1"), "OldResourceProperties": version("2"),
	}), v1)
	same("delete", sqs.invoke(t, s.handler, map[string]any{
		"RequestType": "Delete", "PhysicalResourceId": physicalID, "ResourceProperties": map[string]any{"SealingKeyVersion": "garbage"},
	}), respond(map[string]any{"Status": "SUCCESS"}))
}
