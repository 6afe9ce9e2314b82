package operator

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Of webhooks that share an id the worst state counts, since it first began, and
// the latest of all times.
func TestStateOfSeveral(t *testing.T) {
	at := func(minutes int) time.Time { return time.Date(2026, 1, 15, 10, minutes, 0, 0, time.UTC) }
	healthy := webhook.Webhook{Statistics: webhook.Statistics{LastSentAt: at(5), Since: at(2), LastStatus: 204}}
	failing := webhook.Webhook{Statistics: webhook.Statistics{LastFailedAt: at(7), FailedAttempts: 3, Since: at(6), LastStatus: 500}}
	longer := webhook.Webhook{Statistics: webhook.Statistics{LastSentAt: at(1), LastFailedAt: at(4), FailedAttempts: 2, Since: at(3), LastStatus: 404}}
	disabled := webhook.Webhook{Disabled: true, DisabledAt: at(9)}
	for _, tt := range []struct {
		records          []webhook.Webhook
		state            string
		since            time.Time
		failed           int64
		status           int
		success, failure time.Time
	}{
		{[]webhook.Webhook{{CreatedAt: at(0)}}, "never_called", at(0), 0, 0, time.Time{}, time.Time{}},
		{[]webhook.Webhook{{CreatedAt: at(0)}, healthy}, "healthy", at(2), 0, 204, at(5), time.Time{}},
		{[]webhook.Webhook{failing, healthy, longer}, "failing", at(3), 5, 500, at(5), at(7)},
		{[]webhook.Webhook{longer, disabled}, "disabled", at(9), 2, 404, at(1), at(4)},
	} {
		got := newWebhooks(tt.records)[0]
		status := 0
		if got.LastStatus != nil {
			status = *got.LastStatus
		}
		same := func(t *timestamp, want time.Time) bool { return t == nil && want.IsZero() || t != nil && t.Equal(want) }
		if got.State != tt.state || !got.StateSince.Equal(tt.since) || got.FailedAttempts != tt.failed || status != tt.status ||
			!same(got.LastSuccessAt, tt.success) || !same(got.LastFailureAt, tt.failure) || len(got.Events) != len(tt.records) {
			t.Errorf("%+v, want %+v", got, tt)
		}
	}
}

// Times have three decimals, zeros too.
func TestTimestamp(t *testing.T) {
	for _, ms := range []int{0, 100, 120, 123} {
		at := time.Date(2026, 1, 15, 11, 0, 0, ms*1e6, time.FixedZone("", 3600))
		got, err := json.Marshal(map[string]any{"t": timestamp{at}, "p": orNull(at)})
		text := at.UTC().Format("2006-01-02T15:04:05.000Z")
		if want := `{"p":"` + text + `","t":"` + text + `"}`; err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}
