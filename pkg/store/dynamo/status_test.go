package dynamo

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// Items that earlier versions wrote, attribute by attribute, mean what they did.
// They wrote p only where it was true, and reasons as they are here.
func TestFormerStatuses(t *testing.T) {
	pending := func(it item) { it["p"] = &types.AttributeValueMemberBOOL{Value: true} }
	status := func(code, reason string) func(item) {
		return func(it item) {
			it["s"] = &types.AttributeValueMemberN{Value: code}
			if reason != "" {
				it["r"] = &types.AttributeValueMemberS{Value: reason}
			}
		}
	}
	next := func(it item) { it["x"] = &types.AttributeValueMemberN{Value: "1772600768000"} }
	for name, tt := range map[string]struct {
		written []func(item)
		want    webhook.Status
		open    bool
	}{
		"never attempted":  {[]func(item){pending, next}, webhook.StatusPending, true},
		"waiting":          {[]func(item){status("1", "answered 500"), pending, next}, webhook.StatusRetrying, true},
		"retried":          {[]func(item){status("1", "cancelled: the webhook is disabled"), pending, next}, webhook.StatusRetrying, true},
		"delivered":        {[]func(item){status("2", "")}, webhook.StatusDelivered, false},
		"sent once more":   {[]func(item){status("2", ""), pending, next}, webhook.StatusDelivered, true},
		"failed":           {[]func(item){status("1", "answered 410")}, webhook.StatusFailed, false},
		"given up":         {[]func(item){status("1", "given up after 6 days")}, webhook.StatusFailed, false},
		"webhook disabled": {[]func(item){status("1", "cancelled: the webhook is disabled")}, webhook.StatusCancelled, false},
		"account deleted":  {[]func(item){status("1", "cancelled: the account was deleted")}, webhook.StatusCancelled, false},
	} {
		it := item{
			"pk": str("A#abbeycross#fleet-7"), "sk": str("D#019cb73d3271#b3e7b223fa824b43702464ff8fff2798"), "i": str("1"), "y": str("order"),
			"u": str("https://receiver.example/"), "h": str("w1"), "c": num(1772600767089), "z": num(1773291967),
		}
		for _, write := range tt.written {
			write(it)
		}
		if d, err := decodeDelivery(testAccount, it); err != nil || d.Status != tt.want || d.Open() != tt.open {
			t.Errorf("%s: status %v, open %t, %v; want %v, %t", name, d.Status, d.Open(), err, tt.want, tt.open)
		}
	}
}

// Earlier versions refuse a number above 2 and a p that is no BOOL. What they
// make of each status is what they would have written.
func TestStatusesForEarlierVersions(t *testing.T) {
	for _, tt := range []struct {
		delivery webhook.Delivery
		code     int64
		active   bool
	}{
		{webhook.Delivery{}.Retried(testTime), 0, true},
		{webhook.Delivery{}.Attempted(testTime, 500, "answered 500", testTime), 1, true},
		{webhook.Delivery{}.Attempted(testTime, 200, "", testTime), 2, false},
		{webhook.Delivery{}.Attempted(testTime, 200, "", testTime).Retried(testTime), 2, true},
		{webhook.Delivery{}.GivenUp("given up after 6 days"), 1, false},
		{webhook.Delivery{}.Cancelled("cancelled: the webhook is disabled"), 1, false},
	} {
		it := item{}
		putStatus(it, tt.delivery)
		d := decoder{item: it}
		if code, active := d.optionalNum("s"), d.flag("p"); d.err != nil || code != tt.code || active != tt.active {
			t.Errorf("%v: s = %d, p = %t, %v; want %d, %t", tt.delivery.Status, code, active, d.err, tt.code, tt.active)
		}
	}
}
