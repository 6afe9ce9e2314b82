package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// moment gives a time that no other test of the suite has anything due near.
func (s *suite) moment() time.Time {
	const day = 24 * time.Hour
	return at.Add(time.Duration(s.moments.Add(1)) * day)
}

// newDue makes a delivery whose attempt is due two minutes before the sweeper
// looks, at due.
func newDue(a webhook.Account, due time.Time) webhook.Delivery {
	d := newDelivery(a, 0)
	d.Payload = []byte(`{"of":"` + d.EventID + `"}`)
	d.Content = webhook.Event{Instance: d.Instance, Payload: d.Payload}.Content()
	d.Next, d.Due = due.Add(-2*time.Minute), due
	return d
}

// newDueTo makes a delivery to a webhook.
func newDueTo(w webhook.Webhook, due time.Time) webhook.Delivery {
	d := newDue(w.Account, due)
	d.Event, d.WebhookID, d.URL = w.Event, w.ID, w.URL
	return d
}

// mustKeep adds a delivery, fails the test unless its record is returned, and
// gives it as it is to be read: with its payload and with the place of that.
func (s *suite) mustKeep(t *testing.T, d webhook.Delivery) webhook.Delivery {
	t.Helper()
	got, err := s.Store.AddDelivery(s.context(t), d)
	if err != nil {
		t.Fatalf("AddDelivery(%s of %s): %v", d.EventID, d.Event, err)
	}
	payload := d.Payload
	d.Payload, d.PayloadRef = nil, got.PayloadRef
	same(t, "added delivery", []webhook.Delivery{got}, []webhook.Delivery{d})
	d.Payload = payload
	return d
}

// mustStand fails the test unless whoever reads a delivery is given want: by
// its id, for an attempt, and, without its payload, in the list.
func (s *suite) mustStand(t *testing.T, want webhook.Delivery) {
	t.Helper()
	ctx, store := s.context(t), s.Store
	got, err := store.Delivery(ctx, want.Account, want.ID())
	if err != nil {
		t.Fatalf("Delivery(%v, %s): %v", want.Account, want.ID(), err)
	}
	sameDelivery(t, "delivery", got, want)
	task, err := store.Task(ctx, want.Message())
	if err != nil {
		t.Fatalf("Task(%+v): %v", want.Message(), err)
	}
	sameDelivery(t, "delivery of the task", task.Delivery, want)
	mustBeUTC(t, got.Time, got.AcceptedAt, got.AttemptedAt, got.Next, got.Due)

	list := s.deliveries(t, want.Account, want.Time, 0)
	i := slices.IndexFunc(list, func(d webhook.Delivery) bool { return d.ID() == want.ID() })
	if i < 0 {
		t.Fatalf("delivery %s is read and not listed", want.ID())
	}
	want.Payload = nil
	sameDelivery(t, "delivery in the list", list[i], want)
}

// sameDelivery fails the test unless got is want. Of payloads that differ it
// says how long they are and where: they may be large.
func sameDelivery(t *testing.T, what string, got, want webhook.Delivery) {
	t.Helper()
	a, b := got.Payload, want.Payload
	if (a == nil) != (b == nil) || !bytes.Equal(a, b) {
		first := 0
		for first < min(len(a), len(b)) && a[first] == b[first] {
			first++
		}
		t.Fatalf("%s: the payload has %d bytes (nil: %t), want %d (nil: %t); they differ from byte %d",
			what, len(a), a == nil, len(b), b == nil, first)
	}
	got.Payload, want.Payload = nil, nil
	same(t, what, []webhook.Delivery{got}, []webhook.Delivery{want})
}

// payload makes a JSON string of so many bytes, with characters of each
// length, escapes, and what is special elsewhere.
func payload(size int) []byte {
	const odd = `ž😀\u0000\ud83d\ude00\n'#%\"\\ `
	text := strings.Repeat(odd, size/len(odd)+1)[:max(size-2, 0)/len(odd)*len(odd)]
	return fmt.Appendf(nil, `"%s%s"`, text, strings.Repeat("x", size-2-len(text)))
}

// strangeIDs are ids that no delivery has, beside d, which is there.
func strangeIDs(d webhook.Delivery) []string {
	id := d.ID()
	twin := d
	twin.EventID += "x"
	later := d
	later.Time = d.Time.Add(time.Millisecond)
	return []string{
		"", "0", "#", "D#", id[:12], id[:43], id + "0", " " + id, strings.ToUpper(id), "D#" + id,
		twin.ID(), later.ID(), id[:12] + "#" + id[12:], strings.Repeat("0", 44), strings.Repeat("f", 44), strings.Repeat("g", 44),
		strings.Repeat("é", 22), "\x00" + id[1:], "\xff" + id[1:], strings.Repeat("0", 5000),
	}
}
