package webhook_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

// The bits are stored, so their order is fixed.
func TestTold(t *testing.T) {
	for told, want := range map[webhook.Told][]webhook.NoticeType{
		0: {},
		1: {webhook.NoticeFailing},
		2: {webhook.NoticeExhausted},
		5: {webhook.NoticeFailing, webhook.NoticeDisabled},
		7: {webhook.NoticeFailing, webhook.NoticeExhausted, webhook.NoticeDisabled},
	} {
		got := told.Types()
		if !slices.Equal(got, want) {
			t.Errorf("Told(%d) = %v, want %v", told, got, want)
		}
		back := webhook.Told(0)
		for _, one := range got {
			back |= webhook.ToldOf(one)
		}
		if back != told || told.Has(webhook.NoticeRecovered) {
			t.Errorf("Told(%d) came back as %d", told, back)
		}
	}
}

func TestNotice(t *testing.T) {
	w := webhook.Webhook{
		Account: webhook.Account{API: "squake", ID: "acme"}, Event: "order", ID: "w1", URL: "https://receiver.example/",
		Statistics: webhook.Statistics{FailedAttempts: 2, Since: noon, LastStatus: 503},
	}
	want := webhook.Notice{
		ID: "n1", Type: webhook.NoticeFailing, At: later, Account: w.Account, WebhookID: "w1", Events: []string{"order"},
		StateSince: noon, LastStatus: 503,
	}
	if diff := cmp.Diff(want, w.Notice("n1", webhook.NoticeFailing, later.Add(time.Microsecond))); diff != "" {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
	for of, state := range map[webhook.NoticeType]webhook.State{
		webhook.NoticeFailing: webhook.StateFailing, webhook.NoticeExhausted: webhook.StateFailing,
		webhook.NoticeDisabled: webhook.StateDisabled, webhook.NoticeRecovered: webhook.StateHealthy,
	} {
		if got := (webhook.Notice{Type: of}).State(); got != state {
			t.Errorf("state of %s is %v, want %v", of, got, state)
		}
	}
}
