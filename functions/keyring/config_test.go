package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/cfn"
)

var complete = []string{
	"HOOKLINE_WEBHOOKS_TABLE=webhooks",
	"HOOKLINE_SEALING_KEY_ARN=arn:aws:kms:eu-central-1:111122223333:key/1",
	"AWS_REGION=eu-central-1",
	"AWS_ACCESS_KEY_ID=AKID",
	"AWS_SECRET_ACCESS_KEY=very secret",
	"AWS_SESSION_TOKEN=session secret",
}

func TestReadConfig(t *testing.T) {
	c, err := readConfig(append(complete, "AWS_ENDPOINT_URL_KMS=http://127.0.0.1:1", "UNKNOWN=x"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Table != "webhooks" || c.Region != "eu-central-1" || c.KMSEndpoint != "http://127.0.0.1:1" || c.DynamoDBEndpoint != "" ||
		c.SecretAccessKey.Reveal() != "very secret" || c.SessionToken.Reveal() != "session secret" {
		t.Errorf("read %+v", c)
	}
	if shown := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(shown, "secret ") || strings.Contains(shown, " secret") {
		t.Errorf("the configuration shows a secret: %s", shown)
	}
}

func TestReadConfigNamesEveryFault(t *testing.T) {
	_, err := readConfig([]string{"AWS_REGION=", "AWS_ACCESS_KEY_ID=AKID"})
	if err == nil {
		t.Fatal("an empty environment is no error")
	}
	text := err.Error()
	for _, name := range []string{"HOOKLINE_WEBHOOKS_TABLE", "HOOKLINE_SEALING_KEY_ARN", "AWS_REGION", "AWS_SECRET_ACCESS_KEY"} {
		if !strings.Contains(text, name) {
			t.Errorf("%q does not name %s", text, name)
		}
	}
	if strings.Contains(text, "\n") || strings.Contains(text, "AWS_ACCESS_KEY_ID") || strings.Contains(text, "AWS_SESSION_TOKEN") {
		t.Errorf("%q has more than one line, or names what is not at fault", text)
	}
}

// The handler that is built asks the table at its endpoint, then KMS at its own,
// signed with the function's credentials. A refusal of either, as their SDKs
// report it, is waited out.
func TestHandlerIsWiredToBothEndpoints(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	endpoint := func(name, response string, status int) string {
		refused := false
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			_, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
			seen = append(seen, name+" "+call)
			if auth := r.Header.Get("Authorization"); !strings.Contains(auth, "Credential=AKID/") || r.Header.Get("X-Amz-Security-Token") != "session secret" {
				t.Errorf("%s is called with %q", name, auth)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || !json.Valid(body) {
				t.Errorf("%s is sent %q, %v", name, body, err)
			}
			status, response := status, response
			if !refused {
				refused, status = true, http.StatusBadRequest
				response = `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"not authorized"}`
			}
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, response)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	table := endpoint("table", `{"Items":[],"Count":0}`, http.StatusOK)
	kms := endpoint("kms", `{"__type":"DisabledException","message":"disabled"}`, http.StatusBadRequest)
	c, err := readConfig(append(complete, "AWS_ENDPOINT_URL_DYNAMODB="+table, "AWS_ENDPOINT_URL_KMS="+kms))
	if err != nil {
		t.Fatal(err)
	}
	handler, err := newHandler(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = handler.Handle(t.Context(), cfn.Event{RequestType: cfn.RequestCreate, ResourceProperties: map[string]any{"SealingKeyVersion": "1"}})
	if err == nil || !strings.Contains(err.Error(), "DisabledException") {
		t.Errorf("Handle = %v, want KMS's DisabledException", err)
	}
	if got, want := strings.Join(seen, ", "), "table Query, table Query, kms GenerateDataKeyPairWithoutPlaintext, kms GenerateDataKeyPairWithoutPlaintext"; got != want {
		t.Errorf("calls %q, want %q", got, want)
	}
}
