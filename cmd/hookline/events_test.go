package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Only the operator's tokens let events in, while they are good, and they open
// nothing else.
func TestEventsAreTheOperators(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	operator := newOperator(t, where, s)
	const body = `{"events":[{"account":"squake:demo","event":"order"}]}`
	for _, c := range []struct {
		method, path, line, body string
		want                     int
		response                 string
	}{
		{"POST", "/events", "Authorization: Bearer " + operator.token, body, 202, `{"results":[{"delivery":null,"status":"no_webhook"}]}`},
		{"POST", "/events", "Authorization: Bearer " + s.token(t, "squake"), body, 401, `{"error":{"code":"unauthorized"`},
		{"POST", "/events", "Authorization: Bearer " + s.token(t, "shoptet"), body, 401, `{"error":{"code":"unauthorized"`},
		{"POST", "/events", "X-Nothing: x", body, 401, `{"error":{"code":"unauthorized"`},
		{"POST", "/events", "Authorization: Bearer " + operator.token + "x", body, 401, `{"error":{"code":"unauthorized"`},
		{"GET", "/events", "Authorization: Bearer " + operator.token, "", 405, `{"error":{"code":"method_not_allowed"`},
		{"POST", "/events/more", "Authorization: Bearer " + operator.token, body, 404, `{"error":{"code":"not_found"`},
		{"POST", "/events", "Authorization: Bearer " + operator.token, `{"events":[]}`, 400, `{"error":{"code":"invalid_request"`},
		{"POST", "/events", "Authorization: Bearer " + operator.token, `{"events":[{}]`, 400, `{"error":{"code":"invalid_request"`},
		{"POST", "/events", "Authorization: Bearer " + operator.token, strings.Repeat(" ", 4<<20) + body, 400, `{"error":{"code":"invalid_request"`},
		{"POST", "/v2/webhooks", "Authorization: Bearer " + operator.token, `{}`, 401, `{"errors":[`},
		{"GET", "/v1/webhooks", "Authorization: Bearer " + operator.token, "", 401, `{"errorId":`},
		{"GET", "/api/webhooks", "Shoptet-Access-Token: " + operator.token, "", 401, `{"data":null`},
	} {
		if got := mustRespond(t, c.want, c.method, s.URL+c.path, c.body, c.line); !strings.HasPrefix(got, c.response) {
			t.Errorf("%s %s: %s, want %s", c.method, c.path, got, c.response)
		}
	}
	s.searchLogFor(t, operator.token)
}

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
