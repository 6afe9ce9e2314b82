package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// An answer 410 disables the webhook and says why; nothing is accepted for it
// until it is enabled, by the operator or by the customer's own change with the
// same URL.
func TestGoneDisablesUntilEnabled(t *testing.T) {
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	list := customers(t, where, s, c)
	operator := newOperator(t, where, s)
	same := func(customer *customerOf) string { return c.url + customer.path + "?secret=query-7f3a" }
	for _, customer := range list {
		enablings := map[string]func(){
			"by the operator": func() { where.run(t, "webhook", "enable", customer.id, "--account", customer.account) },
		}
		switch customer.api {
		case "squake":
			enablings["by the customer"] = func() {
				customer.call(t, s, http.StatusOK, "PUT", customer.own, `{"endpoint_url":"`+same(customer)+`"}`)
			}
		case "shoptet":
			enablings["by the customer"] = func() {
				customer.call(t, s, http.StatusOK, "PATCH", customer.own, `{"data":{"url":"`+same(customer)+`"}}`)
			}
		}
		for who, enable := range enablings {
			t.Run(customer.api+" "+who, func(t *testing.T) {
				isGone(t, where, c, customer)
				if got := operator.publish(t, `{"account":"`+customer.account+`","event":"`+customer.event+`"`+customer.instanceField()+`}`)[0]; got.Status != "no_webhook" || got.Error != "disabled" || got.Delivery != nil {
					t.Errorf("POST /events: %+v, want no_webhook, disabled", got)
				}
				if said := where.run(t, customer.publish()...); !strings.HasSuffix(said, "is disabled") {
					t.Errorf("publish said %q", said)
				}
				enable()
				if details := where.webhookDetails(t, customer); !details[0].Enabled || details[0].DisabledReason != "" {
					t.Errorf("webhook show: %+v, want it enabled", details[0])
				}
				id := customer.published(t, where)
				customer.verified(t, c.next(t), id)
				where.becomes(t, customer.account, id, attempted(1))
			})
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	c.nothingMore(t)
	contains(t, s.log.String(), `"msg":"webhook disabled"`)
	s.searchLogFor(t, "query-7f3a")
}

// isGone has a delivery answered 410, and demands that the webhook is disabled
// in all its events, and the delivery failed for good.
func isGone(t *testing.T, where dataDir, c *site, customer *customerOf) {
	t.Helper()
	c.status.Store(http.StatusGone)
	id := customer.published(t, where)
	customer.verified(t, c.next(t), id)
	d := where.becomes(t, customer.account, id, attempted(1))
	c.status.Store(http.StatusOK)
	if d.Status != webhook.StatusFailed || d.Open() || d.StatusCode != http.StatusGone {
		t.Errorf("the delivery is %+v, want it failed for good", d)
	}
	for _, w := range where.webhookDetails(t, customer) {
		if w.Enabled || w.DisabledReason != "the URL answered 410 Gone" {
			t.Errorf("webhook show: %+v, want it disabled because of the 410", w)
		}
	}
	contains(t, where.run(t, "webhook", "show", customer.id, "--account", customer.account), "enabled          no, the URL answered 410 Gone\n")
}

// webhookDetails are what webhook show tells.
func (p dataDir) webhookDetails(t testing.TB, customer *customerOf) (list []webhookDetails) {
	t.Helper()
	decode(t, p.run(t, "webhook", "show", "--json", customer.id, "--account", customer.account), &list)
	return list
}

// instanceField is the event's instance as a field of JSON, where there is one.
func (c *customerOf) instanceField() string {
	if c.instance == "" {
		return ""
	}
	return `,"instance":"` + c.instance + `"`
}
