package eventbridge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/notice"
	"github.com/hookline/hookline/pkg/notice/eventbridge"
	"github.com/hookline/hookline/pkg/webhook"
)

// A notice is one entry of PutEvents, and taken only if the entry was.
func TestSend(t *testing.T) {
	now := time.Date(2026, time.March, 1, 13, 0, 0, 0, time.UTC)
	told := webhook.Notice{
		ID: "0195", Type: webhook.NoticeRecovered, At: now, Account: webhook.Account{API: "squake", ID: "acme"}, WebhookID: "w1",
		Events: []string{"order"}, StateSince: now, LastStatus: 200,
	}
	detail, err := notice.BodyWithID(told)
	if err != nil {
		t.Fatal(err)
	}
	status, response := 0, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if target := r.Header.Get("X-Amz-Target"); target != "AWSEvents.PutEvents" {
			t.Errorf("target %q", target)
		}
		if auth := r.Header.Get("Authorization"); !strings.Contains(auth, "/eu-central-1/events/aws4_request") {
			t.Errorf("signed by %q", auth)
		}
		body, _ := io.ReadAll(r.Body)
		var got any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		want := map[string]any{"Entries": []any{map[string]any{
			"EventBusName": "company", "Source": "hookline", "DetailType": "webhook.recovered", "Detail": string(detail), "Time": float64(now.Unix()),
		}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, response)
	}))
	defer server.Close()
	s := eventbridge.New(eventbridge.Config{
		Region: "eu-central-1", Endpoint: server.URL, Bus: "company",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "hush"}, nil
		}),
	})
	for _, tt := range []struct {
		status   int
		response string
		want     string // in the error
	}{
		{200, `{"FailedEntryCount":0,"Entries":[{"EventId":"e1"}]}`, ""},
		{200, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"slow down"}]}`, "ThrottlingException"},
		{200, `{"FailedEntryCount":0,"Entries":[]}`, "no entry"},
		{400, `{"__type":"AccessDeniedException","message":"no"}`, "AccessDenied"},
	} {
		status, response = tt.status, tt.response
		err := s.Send(t.Context(), told)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.response, err)
		}
	}
}
