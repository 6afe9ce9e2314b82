package webhook_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

func TestState(t *testing.T) {
	created, updated := noon.Add(-time.Hour), noon.Add(-time.Minute)
	worked := webhook.Statistics{LastSentAt: later, Since: noon}
	fails := webhook.Statistics{LastSentAt: noon, LastFailedAt: later, FailedAttempts: 2, Since: noon}
	for _, tt := range []struct {
		hook   webhook.Webhook
		want   webhook.State
		since  time.Time
		listed time.Time // among those that fail
	}{
		{webhook.Webhook{}, webhook.StateNeverCalled, created, time.Time{}},
		{webhook.Webhook{Statistics: worked}, webhook.StateHealthy, noon, time.Time{}},
		{webhook.Webhook{Statistics: fails}, webhook.StateFailing, noon, noon},
		{webhook.Webhook{Statistics: fails, Disabled: true, DisabledAt: later}, webhook.StateDisabled, later, later},
		{webhook.Webhook{Statistics: worked, Disabled: true, DisabledAt: later}, webhook.StateDisabled, later, later},
		// As earlier versions left them.
		{webhook.Webhook{Statistics: webhook.Statistics{LastSentAt: later}}, webhook.StateHealthy, later, time.Time{}},
		{webhook.Webhook{Statistics: webhook.Statistics{LastFailedAt: later, FailedAttempts: 1}}, webhook.StateFailing, later, time.Time{}},
		{webhook.Webhook{Disabled: true}, webhook.StateDisabled, created, time.Time{}},
		{webhook.Webhook{Disabled: true, UpdatedAt: updated}, webhook.StateDisabled, updated, time.Time{}},
	} {
		tt.hook.CreatedAt = created
		if got, since, listed := tt.hook.State(), tt.hook.StateSince(), tt.hook.FailingSince(); got != tt.want ||
			!since.Equal(tt.since) || !listed.Equal(tt.listed) {
			t.Errorf("%+v: %v since %v, listed under %v; want %v since %v, listed under %v",
				tt.hook, got, since, listed, tt.want, tt.since, tt.listed)
		}
		if parsed, err := webhook.ParseState(tt.want.String()); err != nil || parsed != tt.want {
			t.Errorf("ParseState(%q) = %v, %v", tt.want, parsed, err)
		}
	}
	for _, name := range []string{"", "Failing", "State(4)", webhook.State(4).String()} {
		if _, err := webhook.ParseState(name); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("ParseState(%q): error = %v, want ErrInvalid", name, err)
		}
	}
}
