package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The latest delivery of the event that was attempted decides, of the latest
// thousand of the account.
func TestProven(t *testing.T) {
	s, _ := openLogged(t)
	n := 0
	add := func(event string, attempts int64, status webhook.Status) {
		n++
		d := pendingDelivery(fmt.Sprint(n), noon.Add(time.Duration(n)*time.Millisecond), 1)
		d.Event, d.Attempts, d.Status = event, attempts, status
		mustAddDelivery(t, s, d)
	}
	check := func(event string, want bool) {
		t.Helper()
		got, err := s.Proven(t.Context(), webhook.EventKey{Account: testAccount, Event: event})
		if err != nil || got != want {
			t.Errorf("after %d deliveries: %s is proven: %t, %v, want %t", n, event, got, err, want)
		}
	}
	check("a", false)
	add("a", 0, webhook.StatusPending)
	check("a", false)
	add("a", 2, webhook.StatusDelivered)
	add("a", 0, webhook.StatusPending)
	add("a", 0, webhook.StatusCancelled)
	check("a", true)
	check("b", false)
	add("b", 1, webhook.StatusDelivered)
	add("b", 1, webhook.StatusRetrying)
	check("a", true)
	check("b", false)
	if got, err := s.Proven(t.Context(), webhook.EventKey{Account: webhook.Account{API: "squake", ID: "another"}, Event: "a"}); got || err != nil {
		t.Errorf("an account without deliveries is proven: %t, %v", got, err)
	}
	for range provenAmong {
		add("c", 0, webhook.StatusPending)
	}
	check("a", false)
}
