package storetest

import (
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The mark of a test delivery is kept: as it was added, when it is leased, and
// when its attempt is recorded. What is due may lack it where a store has parts.
func testMark(t *testing.T, s *suite) {
	due := s.moment()
	d := newDue(newAccount(), due)
	d.Test = true
	d = s.mustKeep(t, d)
	s.mustStand(t, d)
	found := s.due(t, due.Add(-time.Millisecond), due, d.Account)
	want := pending(d)
	if len(found) == 1 && !s.onePart {
		want.Test = found[0].Test
	}
	same(t, "due delivery", found, []webhook.Pending{want})
	d.Due, d.Sends = due.Add(time.Hour), 1
	s.mustLease(t, want, d.Due)
	s.mustStand(t, d)
	failed := d.Attempted(at, 500, "answered 500", time.Time{})
	s.mustRecord(t, webhook.AttemptResult{Was: d, Now: failed})
	s.mustStand(t, failed)
}
