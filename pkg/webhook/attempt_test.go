package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

func TestFailedAttempt(t *testing.T) {
	was := webhook.Delivery{Attempts: 2, StatusCode: 500, Reason: "answered 500"}
	failed := was.Attempted(noon, 503, "answered 503", later)
	failed.Duration = time.Second
	long := []byte(strings.Repeat("x", webhook.MaxKeptResponse+1))
	want := webhook.Attempt{Number: 3, At: noon, Duration: time.Second, StatusCode: 503, Reason: "answered 503"}
	for _, tt := range []struct {
		result webhook.AttemptResult
		want   webhook.Attempt
	}{
		{webhook.AttemptResult{Was: was, Now: failed}, want},
		{webhook.AttemptResult{Was: was, Now: was.Attempted(noon, 200, "", later), Response: long}, webhook.Attempt{}},
		{webhook.AttemptResult{Was: was, Now: was.Retried(noon), Response: long}, webhook.Attempt{}},
		{webhook.AttemptResult{Was: was, Now: was.Cancelled("cancelled")}, webhook.Attempt{}},
	} {
		got, ok := tt.result.FailedAttempt()
		if diff := cmp.Diff(tt.want, got); diff != "" || ok != (got.Number > 0) {
			t.Errorf("%+v: %t (-want +got):\n%s", tt.result, ok, diff)
		}
	}
	if got, _ := (webhook.AttemptResult{Was: was, Now: failed, Response: long}).FailedAttempt(); len(got.Response) != webhook.MaxKeptResponse {
		t.Errorf("%d bytes of the response are kept", len(got.Response))
	}
}

// The latest attempt is added if no failure tells of it. A later cancellation is
// no part of it.
func TestWithLatest(t *testing.T) {
	failure := webhook.Attempt{Number: 1, At: noon, Reason: "answered 500"}
	success := webhook.Attempt{Number: 2, At: later, StatusCode: 204}
	d := webhook.Delivery{Attempts: 1}.Attempted(later, 204, "", time.Time{})
	for _, tt := range []struct {
		d            webhook.Delivery
		failed, want []webhook.Attempt
	}{
		{webhook.Delivery{}, nil, nil},
		{d, []webhook.Attempt{failure}, []webhook.Attempt{failure, success}},
		{d.Retried(later).Cancelled("cancelled: why"), nil, []webhook.Attempt{success}},
		{webhook.Delivery{Attempts: 1}, []webhook.Attempt{failure}, []webhook.Attempt{failure}},
	} {
		if diff := cmp.Diff(tt.want, tt.d.WithLatest(tt.failed)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.d, diff)
		}
	}
}

func TestResponseText(t *testing.T) {
	for response, want := range map[string]string{
		"":                                  "",
		`{"error":"č \\ 😀"}`:                `{"error":"č \\ 😀"}`,
		"a\r\n\t\x00\x1b[2J\x7f\u0085":      `a\r\n\t\x00\x1b[2J\x7f\u0085`,
		"\u202ecba\u2028\ufeff\u200b\u00a0": `\u202ecba\u2028\ufeff\u200b\u00a0`,
		"\xff\xc5":                          "\ufffd\ufffd",
		"cut \xf0\x9f\x98":                  "cut \ufffd\ufffd\ufffd",
		"<script>alert(1)</script>\ufffd\n": "<script>alert(1)</script>\ufffd\\n",
	} {
		if got := (webhook.Attempt{Response: []byte(response)}).ResponseText(); got != want {
			t.Errorf("%q is shown as %q, want %q", response, got, want)
		}
	}
}
