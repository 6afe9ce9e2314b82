package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The ids are the same in every version: an event that is published again
// after an upgrade is the same delivery. They were computed apart from this
// program.
func TestDeliveryID(t *testing.T) {
	for _, tt := range []struct {
		event webhook.Event
		want  string
	}{
		{
			webhook.Event{
				Account: webhook.Account{API: "squake", ID: "acme"}, Name: "order.created", ID: "evt-1",
				Time: time.UnixMilli(1772366400123),
			},
			"019ca9450a7b" + "b3e7b223fa824b43702464ff8fff2798",
		},
		{
			webhook.Event{Account: webhook.Account{API: "shoptet", ID: "1"}, ID: strings.Repeat("e", 300), Time: time.UnixMilli(0)},
			"000000000000" + "c224dd95c15bef446a7751ba449825dc",
		},
	} {
		d := webhook.Delivery{Account: tt.event.Account, Event: tt.event.Name, EventID: tt.event.ID, Time: tt.event.Time}
		if got, ofDelivery := tt.event.DeliveryID(), d.ID(); got != tt.want || ofDelivery != tt.want {
			t.Errorf("ids of event %.10s = %s and %s, want %s", tt.event.ID, got, ofDelivery, tt.want)
		}
		if at, err := webhook.DeliveryTime(tt.want); err != nil || !at.Equal(tt.event.Time) {
			t.Errorf("DeliveryTime(%s) = %v, %v, want %v", tt.want, at, err, tt.event.Time)
		}
	}
}

// What tells two events of one identity apart is the same in every version,
// too. No payload is not an empty one, nor any that is JSON.
func TestContent(t *testing.T) {
	for _, tt := range []struct {
		event webhook.Event
		want  string
	}{
		{webhook.Event{Instance: "2024000001", Payload: []byte(`{"a":1}`)}, "7cfb6bc88c013c6a16170dde05843376"},
		{webhook.Event{Instance: "2024000001"}, "e2472a46558d8b55aa5014b5fd996e8f"},
		{webhook.Event{Payload: []byte{}}, "374708fff7719dd5979ec875d56cd228"},
	} {
		if got := tt.event.Content(); got != tt.want {
			t.Errorf("content of %q and %q = %s, want %s", tt.event.Instance, tt.event.Payload, got, tt.want)
		}
	}
}
