package dynamostore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

func testDelivery() webhook.Delivery {
	return webhook.Delivery{
		Account: testAccount, Event: "order:create", EventID: "do-not-show", Time: testTime, Number: 1<<53 - 1,
		Instance: "2026/17", WebhookID: "w1", URL: "https://do-not-show.example", AcceptedAt: testTime.Add(time.Second),
		Attempts: 2, AttemptedAt: testTime.Add(time.Minute), Status: webhook.Failed, Active: true,
	}
}

func TestDeliveryItem(t *testing.T) {
	bare := webhook.Delivery{Account: testAccount, Event: "e", Time: testTime, WebhookID: "w", URL: "u", AcceptedAt: testTime}
	for _, want := range []webhook.Delivery{testDelivery(), bare} {
		it := encodeDelivery(want)
		it[attrAcceptance] = str("mark")
		got, err := decodeDelivery(testAccount, it)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	it := encodeDelivery(testDelivery())
	d := decoder{item: it}
	// testTime is 1772600767089 ms, or 0x19cb73d3271.
	if pk, sk := d.str("pk"), d.str("sk"); pk != "A#abbeycross#fleet-7" || !strings.HasPrefix(sk, "D#019cb73d3271#") || len(sk) != len("D#019cb73d3271#")+32 {
		t.Errorf("key is %q, %q", pk, sk)
	}
	// 8 days after acceptance, in seconds.
	if expiry := d.num("z"); expiry != 1772600768+8*86400 {
		t.Errorf("it expires at %d", expiry)
	}
	wrong := &types.AttributeValueMemberL{Value: []types.AttributeValue{str("do-not-show")}}
	for _, name := range []string{"sk", "i", "y", "u", "h", "l", "n", "a", "t", "s", "p", "c"} {
		it := encodeDelivery(testDelivery())
		it[name] = wrong
		if _, err := decodeDelivery(testAccount, it); err == nil || strings.Contains(err.Error(), "do-not-show") {
			t.Errorf("delivery with wrong %q: error = %v", name, err)
		}
	}
	for name, value := range map[string]types.AttributeValue{"s": num(3), "sk": str("D#soon#0")} {
		it := encodeDelivery(testDelivery())
		it[name] = value
		if _, err := decodeDelivery(testAccount, it); err == nil {
			t.Errorf("delivery with %q = %v was read", name, value)
		}
	}
}

// Every part of an identity makes another delivery, wherever the parts meet;
// nothing else does.
func TestDeliveryIdentity(t *testing.T) {
	same := testDelivery()
	same.Number, same.Instance, same.URL, same.Attempts, same.AcceptedAt = 1, "x", "x", 0, testTime
	same.Time = same.Time.Add(999 * time.Microsecond).In(time.FixedZone("CEST", 7200))
	if deliverySort(same) != deliverySort(testDelivery()) {
		t.Error("one identity has two keys")
	}
	seen := map[string]string{}
	for name, edit := range map[string]func(*webhook.Delivery){
		"itself":  func(*webhook.Delivery) {},
		"account": func(d *webhook.Delivery) { d.Account.ID = "fleet-70" },
		"dialect": func(d *webhook.Delivery) { d.Account.Dialect = "squake" },
		"event":   func(d *webhook.Delivery) { d.Event = "order:update" },
		"id":      func(d *webhook.Delivery) { d.EventID = "e2" },
		"parts":   func(d *webhook.Delivery) { d.Event, d.EventID = d.Event+d.EventID[:1], d.EventID[1:] },
		"time":    func(d *webhook.Delivery) { d.Time = d.Time.Add(time.Millisecond) },
	} {
		d := testDelivery()
		edit(&d)
		sk := deliverySort(d)
		if other, found := seen[sk]; found {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[sk] = name
	}
}

// The outcome of an addition by what came back for it. The mark tells whose
// record stands.
func TestOutcomeOfAddDelivery(t *testing.T) {
	ok := says(http.StatusOK, `{}`)
	standing := func(mark string) step {
		return says(http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",`+
			`"message":"m","Item":{"q":{"S":"`+mark+`"}}}`)
	}
	for name, tt := range map[string]struct {
		steps    []step
		want     error
		requests int
	}{
		"done":                      {[]step{ok}, nil, 1},
		"there":                     {[]step{standing("other")}, webhook.ErrExists, 1},
		"lost, then own":            {[]step{fails(io.EOF), standing("token-1")}, nil, 2},
		"silent, then own":          {[]step{silent, standing("token-1")}, nil, 2},
		"lost, then another's":      {[]step{says(500, ``), standing("other")}, webhook.ErrExists, 2},
		"lost, then done":           {[]step{says(500, ``), refuses("ThrottlingException"), ok}, nil, 3},
		"lost, then no rights":      {[]step{says(500, ``), refuses("AccessDeniedException")}, webhook.ErrUnknownOutcome, 2},
		"no table":                  {[]step{refuses("ResourceNotFoundException")}, ErrNoTable, 1},
		"a record of unknown calls": {[]step{refuses("ConditionalCheckFailedException")}, webhook.ErrExists, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sc := newScripted(t, tt.steps...)
				_, err := s.AddDelivery(t.Context(), testDelivery())
				if tt.want == nil {
					mustBe(t, err)
				} else {
					mustBe(t, err, tt.want)
				}
				if (err == nil) != (tt.want == nil) || len(sc.bodies) != tt.requests {
					t.Errorf("error = %v after %d requests, want %v after %d", err, len(sc.bodies), tt.want, tt.requests)
				}
				for _, body := range sc.bodies {
					if !strings.Contains(body, `"q":{"S":"token-1"}`) || !strings.Contains(body, `"TableName":"deliveries"`) {
						t.Errorf("request %s lacks the mark of the call, or is for another table", body)
					}
				}
			})
		})
	}
	s, sc := newScripted(t, ok)
	for _, at := range []time.Time{{}, time.UnixMilli(-1), time.UnixMilli(1 << 48)} {
		d := testDelivery()
		d.Time = at
		_, err := s.AddDelivery(t.Context(), d)
		if mustBe(t, err, webhook.ErrInvalid); len(sc.bodies) != 0 {
			t.Errorf("an event at %v was sent", at)
		}
	}
}

// The sort keys from which deliveries are read.
func TestDeliveriesFrom(t *testing.T) {
	for from, want := range map[time.Time]string{
		{}:                                     "D#000000000000",
		time.UnixMilli(-1):                     "D#000000000000",
		testTime:                               "D#019cb73d3271",
		testTime.Add(time.Nanosecond):          "D#019cb73d3272",
		time.UnixMilli(1<<48 - 1):              "D#ffffffffffff",
		time.UnixMilli(1<<48 - 1).Add(1):       "D#g",
		time.Unix(1<<40, 0):                    "D#g",
		testTime.In(time.FixedZone("x", 3600)): "D#019cb73d3271",
	} {
		if got := deliveriesFrom(from); got != want {
			t.Errorf("from %v: %q, want %q", from, got, want)
		}
	}
}

// A listing goes backwards through the pages, leaves out what has expired, and
// ends when it is told to.
func TestDeliveriesFollowPages(t *testing.T) {
	page := func(last string, times ...time.Time) step {
		items := make([]string, len(times))
		for i, at := range times {
			items[i] = fmt.Sprintf(`{"pk":{"S":"A#abbeycross#fleet-7"},"sk":{"S":"D#%012x#0"},"i":{"S":"i"},"y":{"S":"e"},`+
				`"u":{"S":"u"},"h":{"S":"w"},"c":{"N":"1"},"z":{"N":"%d"}}`, at.UnixMilli(), at.Unix())
		}
		body := `{"Items":[` + strings.Join(items, ",") + `]`
		if last != "" {
			body += `,"LastEvaluatedKey":{"pk":{"S":"A#abbeycross#fleet-7"},"sk":{"S":"` + last + `"}}`
		}
		return says(http.StatusOK, body+"}")
	}
	at := func(n int) time.Time { return testTime.Add(time.Duration(n) * time.Second) }
	for _, tt := range []struct{ stop, requests int }{{0, 3}, {2, 1}, {3, 3}} {
		s, sc := newScripted(t, page("D#9", at(5), at(4)), page("D#8"), page("", at(3), at(2)))
		s.now = func() time.Time { return at(2) }
		var got []time.Time
		err := s.Deliveries(t.Context(), testAccount, testTime, func(d webhook.Delivery) bool {
			got = append(got, d.Time)
			return len(got) != tt.stop
		})
		want := []time.Time{at(5), at(4), at(3)}
		if tt.stop != 0 {
			want = want[:tt.stop]
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" || len(sc.bodies) != tt.requests {
			t.Errorf("stop at %d: %d requests, %v (-want +got):\n%s", tt.stop, len(sc.bodies), err, diff)
		}
		var first, second map[string]any
		if err := errors.Join(json.Unmarshal([]byte(sc.bodies[0]), &first), json.Unmarshal([]byte(sc.bodies[len(sc.bodies)-1]), &second)); err != nil {
			t.Fatal(err)
		}
		if first["ScanIndexForward"] != false || first["ConsistentRead"] != true || first["TableName"] != "deliveries" {
			t.Errorf("query %s", sc.bodies[0])
		}
		if tt.requests == 3 && !strings.Contains(sc.bodies[2], `"D#8"`) {
			t.Errorf("the third page was not asked for after the second: %s", sc.bodies[2])
		}
	}
}

// Without a second table nothing is sent, and the error says why.
func TestNoDeliveriesTable(t *testing.T) {
	s, sc := newScripted(t, says(http.StatusOK, `{}`))
	s.deliveries = nil
	_, addErr := s.AddDelivery(t.Context(), testDelivery())
	for _, err := range []error{
		addErr,
		s.Deliveries(t.Context(), testAccount, testTime, func(webhook.Delivery) bool { return true }),
	} {
		if mustBe(t, err); !errors.Is(err, errNoDeliveries) || len(sc.bodies) != 0 {
			t.Errorf("error = %v after %d requests", err, len(sc.bodies))
		}
	}
}
