package apitest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/webhook"
)

// TestSending holds every API to what its page in docs/contracts says of
// attempts, and to what it says of itself.
func TestSending(t *testing.T) {
	backoff := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	quarters := []time.Duration{15 * time.Minute, 15 * time.Minute}
	want := map[webhook.API]webhook.Sending{
		"squake":     {Timeout: 15 * time.Second, Delays: backoff, Statistics: true},
		"shoptet":    {Timeout: 4 * time.Second, Delays: quarters, Instance: true, AccountKey: true, Ports: []uint16{80, 443, 8080, 8443}},
		"abbeycross": {Timeout: 15 * time.Second, Delays: backoff},
	}
	for _, s := range testedAPIs {
		name := s.api.Name
		got, want := apitest.Sending(t, s.api, nil), want[name]
		if got.Timeout != want.Timeout || !slices.Equal(got.Delays, want.Delays) {
			t.Errorf("%s: timeout %v, delays %v; want %v, %v", name, got.Timeout, got.Delays, want.Timeout, want.Delays)
		}
		if !slices.Equal(got.Ports, want.Ports) {
			t.Errorf("%s: ports %v, want %v", name, got.Ports, want.Ports)
		}
		if got.Instance != want.Instance || got.AccountKey != want.AccountKey || got.Statistics != want.Statistics {
			t.Errorf("%s: instance %v, account key %v, statistics %v", name, got.Instance, got.AccountKey, got.Statistics)
		}
		if got.CheckEvent == nil || got.Body == nil || got.Header == nil || (got.Number != nil) != (name == "shoptet") {
			t.Errorf("%s: a function is missing, or one too many", name)
		}
	}
}
