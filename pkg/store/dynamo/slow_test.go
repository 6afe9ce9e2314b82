package dynamo

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The outcome of SetSlow by what came back for it: the record tells whether a
// try whose response was lost has written.
func TestOutcomeOfSetSlow(t *testing.T) {
	ok := says(http.StatusOK, `{}`)
	w := existing("a", "id-a")
	record := func(change func(*webhook.Webhook)) step {
		now := w
		change(&now)
		return exists(t, encodeWebhook(now))
	}
	written := record(func(now *webhook.Webhook) { now.SlowSince = testTime })
	for name, tt := range map[string]struct {
		steps []step
		want  error
	}{
		"done":                   {[]step{ok}, nil},
		"written by another":     {[]step{written}, webhook.ErrChanged},
		"lost, then own":         {[]step{fails(io.EOF), written}, nil},
		"silent, then own":       {[]step{silent, written}, nil},
		"lost, then done":        {[]step{says(500, ``), refuses("ThrottlingException"), ok}, nil},
		"lost, then another's":   {[]step{says(500, ``), record(func(now *webhook.Webhook) { now.SlowSince = testTime.Add(time.Second) })}, webhook.ErrChanged},
		"lost, then changed":     {[]step{says(500, ``), record(func(now *webhook.Webhook) { now.Version, now.SlowSince = 99, testTime })}, webhook.ErrChanged},
		"lost, then replaced":    {[]step{says(500, ``), record(func(now *webhook.Webhook) { now.ID = "id-b" })}, webhook.ErrNotFound},
		"gone":                   {[]step{exists(t, nil)}, webhook.ErrNotFound},
		"lost, and then no more": {[]step{says(500, ``), refuses("AccessDeniedException")}, webhook.ErrUnknownOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sc := newScripted(t, tt.steps...)
				if err := s.SetSlow(t.Context(), w, testTime); !errors.Is(err, tt.want) || len(sc.bodies) != len(tt.steps) {
					t.Errorf("error = %v after %d requests, want %v after %d", err, len(sc.bodies), tt.want, len(tt.steps))
				}
			})
		})
	}
}
