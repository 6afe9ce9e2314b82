package webhook_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

var (
	noon  = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	later = noon.Add(time.Hour)
)

// transitions is the table of webhook.Status: a row a status, a column a change.
const transitions = `
pending    delivered retrying failed pending   cancelled failed
retrying   delivered retrying failed retrying  cancelled failed
delivered  delivered retrying failed delivered delivered delivered
failed     delivered retrying failed retrying  failed    failed
cancelled  delivered retrying failed retrying  cancelled cancelled
`

// changes are in the order of the columns.
var changes = []func(webhook.Delivery) webhook.Delivery{
	func(d webhook.Delivery) webhook.Delivery { return d.Attempted(noon, 200, "", later) },
	func(d webhook.Delivery) webhook.Delivery { return d.Attempted(noon, 500, "answered 500", later) },
	func(d webhook.Delivery) webhook.Delivery { return d.Attempted(noon, 500, "answered 500", time.Time{}) },
	func(d webhook.Delivery) webhook.Delivery { return d.Retried(later) },
	func(d webhook.Delivery) webhook.Delivery { return d.Cancelled("cancelled: why") },
	func(d webhook.Delivery) webhook.Delivery { return d.GivenUp("given up") },
}

func TestTransitions(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(transitions), "\n")
	if len(rows) != len(webhook.Statuses()) {
		t.Fatalf("the table has %d rows, there are %d statuses", len(rows), len(webhook.Statuses()))
	}
	for _, row := range rows {
		names := strings.Fields(row)
		from, err := webhook.ParseStatus(names[0])
		if err != nil {
			t.Fatal(err)
		}
		was := webhook.Delivery{Status: from, Attempts: 1, Reason: "before", Sends: 3}
		for i, change := range changes {
			now := change(was)
			if now.Status.String() != names[i+1] {
				t.Errorf("%v, after change %d: %v, want %s", from, i, now.Status, names[i+1])
			}
			waits := i == 1 || i == 3
			if now.Open() != waits || now.Next.IsZero() == waits || !now.Due.Equal(now.Next) || now.Sends != 0 {
				t.Errorf("%v, after change %d: open %t, next %v, due %v, %d sends", from, i, now.Open(), now.Next, now.Due, now.Sends)
			}
			if attempted := i < 3; attempted != (now.Attempts == 2) || attempted != now.AttemptedAt.Equal(noon) {
				t.Errorf("%v, after change %d: %d attempts, the latest at %v", from, i, now.Attempts, now.AttemptedAt)
			}
		}
	}
}

// What was delivered stays so while the operator's retry waits, and whatever
// ends afterwards; a retry that is cancelled or given up ends as any other.
func TestRetryOfADelivered(t *testing.T) {
	d := webhook.Delivery{}.Attempted(noon, 204, "", later)
	if d = d.Cancelled("cancelled: why").GivenUp("given up"); d.Status != webhook.StatusDelivered || d.Reason != "" {
		t.Errorf("without a retry: %+v", d)
	}
	if d = d.Retried(later); d.Status != webhook.StatusDelivered || !d.Open() {
		t.Errorf("while the retry waits: %+v", d)
	}
	for want, ended := range map[webhook.Status]webhook.Delivery{
		webhook.StatusCancelled: d.Cancelled("why"), webhook.StatusFailed: d.GivenUp("why"),
	} {
		if ended.Status != want || ended.Reason != "why" || ended.StatusCode != http.StatusNoContent || ended.Open() {
			t.Errorf("%+v, want it %v", ended, want)
		}
	}
}

func TestStatusNames(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range webhook.Statuses() {
		name := s.String()
		if got, err := webhook.ParseStatus(name); err != nil || got != s || seen[name] || strings.Contains(name, "(") || !s.Valid() {
			t.Errorf("ParseStatus(%q) = %v, %v, want %d", name, got, err, s)
		}
		seen[name] = true
	}
	none := webhook.Status(len(seen))
	for _, name := range []string{"", "new", "Pending", none.String()} {
		if _, err := webhook.ParseStatus(name); !errors.Is(err, webhook.ErrInvalid) || !strings.Contains(err.Error(), "pending, retrying, delivered, failed, cancelled") {
			t.Errorf("ParseStatus(%q): error %v", name, err)
		}
	}
	if none.Valid() || none.Open() {
		t.Errorf("%v is valid: %t, open: %t", none, none.Valid(), none.Open())
	}
}
