package main

import (
	"fmt"
	"testing"
	"time"
)

// Each event of a request is checked for itself, in the order sent, and each
// that is accepted arrives once.
func TestEventsOfOneRequest(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	list := customers(t, where, s, c)
	operator := newOperator(t, where, s)
	at := time.Now().UTC().Truncate(time.Second)
	var events []string
	want := map[string]*customerOf{} // by webhook-id
	for i := range 32 {
		for _, customer := range list {
			events = append(events, customer.eventOf(t, fmt.Sprint("e", i), at, fmt.Sprint(i)))
		}
	}
	events = append(events, events[0], `{"account":"squake:demo","event":"nothing"}`, `{"account":"squake:nobody","event":"order"}`, `7`)
	results := operator.publish(t, events...)
	for i, r := range results[:96] {
		if r.Status != "accepted" || r.Delivery == nil || want[*r.Delivery] != nil {
			t.Fatalf("event %d: %+v, want a new delivery", i, r)
		}
		want[*r.Delivery] = list[i%3]
	}
	if first, r := results[0], results[96]; r.Status != "duplicate" || *r.Delivery != *first.Delivery {
		t.Errorf("the first event again: %+v", r)
	}
	for i, status := range map[int]string{97: "rejected", 98: "unknown_account", 99: "rejected"} {
		if r := results[i]; string(r.Status) != status || r.Delivery != nil {
			t.Errorf("event %d: %+v, want it %s", i, r, status)
		}
	}
	for range 96 {
		got := c.next(t)
		id := got.header.Get("Webhook-Id")
		if want[id] == nil {
			t.Fatalf("%q arrived twice, or was never accepted", id)
		}
		want[id].verified(t, got, id)
		delete(want, id)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	c.nothingMore(t)
}
