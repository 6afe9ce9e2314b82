package functions_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/api/shoptet"
)

// maxPage is the largest page in bytes.
const maxPage = 60_000

// A page takes at most three requests to DynamoDB, one of which is for the
// session and its account. Others take more:
//   - A delivery names its webhook and its payload, and its failed attempts, if
//     any, are a range of their own.
//   - Counting for a recovery reads up to ten pages of deliveries, and account and
//     webhooks as sending again does.
//   - What fails is in an index of eight partitions.
//
// A session that the operator began takes one more: the item that ends it.
func testPageRequests(t *testing.T, p *pipeline) {
	c := p.register(t, shoptet.API())
	event := c.occurrence("large")
	event["payload"] = map[string]string{"text": strings.Repeat("0123456789abcdef", 1000)} // an item of its own
	c.attempt(t, c.publishOne(t, event), http.StatusServiceUnavailable, 1, 0)
	hook, failed := "/portal/webhooks/"+p.stack.webhooks(t, c.account)[0].ID, "/portal/deliveries/"+c.messages()[0].ID
	c.attempt(t, c.publishOne(t, c.occurrence("at once")), http.StatusOK, 1, 0)
	delivered := "/portal/deliveries/" + c.messages()[1].ID
	since := time.Now().UTC().Add(-time.Hour).Format("2006-01-02T15:04")
	v, link := p.visitor(t), p.operate(t, "POST", "/accounts/"+c.account.String()+"/portal-links", "{}", http.StatusCreated)["url"].(string)
	enter := strings.TrimPrefix(link, portalURL.String())
	pages := map[string]int{
		"/portal/webhooks": 3, "/portal/webhooks/new": 2, hook: 3, hook + "/delete": 3, hook + "/disable": 3, hook + "/enable": 3, "/portal/key": 1,
		"/portal/deliveries": 3, "/portal/deliveries?event=order%3Acreate&status=failed": 3, delivered: 3, failed: 4, failed + "/body": 3,
		"/portal/recover": 1, "/portal/recover?since=" + since: 4,
		"/portal/test": 2, "/portal/events": 2, "/portal/verify": 1, "/portal/nothing": 0,
	}
	v.count("Portal", map[string]int{"/portal/webhooks": 0, enter: 1})
	v.enter(link)
	v.count("Portal", pages)

	operator, account := p.visitor(t), "/portal/operator/accounts/"+c.account.String()
	operator.enter(p.operate(t, "POST", "/portal-links", "{}", http.StatusCreated)["url"].(string))
	operator.count("PortalOperator", map[string]int{
		"/portal/operator/accounts": 3, "/portal/operator/accounts?api=shoptet": 3, "/portal/operator/accounts/new": 1, account: 3,
		account + "/links/new": 2, account + "/links/end": 2, account + "/tokens/new": 2, account + "/tokens/token/revoke": 2,
		"/portal/operator/failing?api=shoptet": 10,
	})
	operator.Get(account)
	operator.Post(account + "/enter")
	operator.count("Portal", map[string]int{"/portal/webhooks": 4, "/portal/verify": 2})
}

// count opens pages, and compares how many requests to DynamoDB the function
// makes for each. No page is too large.
func (v *visitor) count(function string, want map[string]int) {
	v.Helper()
	if v.watches[function] == nil {
		v.Get("/portal/verify") // starts it
	}
	got := map[string]int{}
	for _, page := range slices.Sorted(maps.Keys(want)) {
		before := v.watches[function].requests()
		v.Get(page)
		got[page] = v.watches[function].requests() - before
		if v.Status >= http.StatusInternalServerError || len(v.Page) > maxPage {
			v.Errorf("%s: %d, %d bytes", page, v.Status, len(v.Page))
		}
		v.Logf("%d requests, %5d bytes: %s", got[page], len(v.Page), page)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		v.Errorf("requests to DynamoDB (-want +got):\n%s", diff)
	}
}
