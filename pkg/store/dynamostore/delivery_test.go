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

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

// The outcome of an addition by what came back for it. The mark tells whose
// record stands.
func TestOutcomeOfAddDelivery(t *testing.T) {
	ok := says(http.StatusOK, `{}`)
	standing := func(mark string) step {
		record := recordOf(t, testDelivery())
		record[attrAcceptance] = str(mark)
		return stands(t, record)
	}
	for name, tt := range map[string]struct {
		steps    []step
		want     error
		requests int
	}{
		"done":                  {[]step{ok}, nil, 1},
		"there":                 {[]step{standing("other")}, webhook.ErrExists, 1},
		"lost, then own":        {[]step{fails(io.EOF), standing("token-1")}, nil, 2},
		"silent, then own":      {[]step{silent, standing("token-1")}, nil, 2},
		"lost, then another's":  {[]step{says(500, ``), standing("other")}, webhook.ErrExists, 2},
		"lost, then done":       {[]step{says(500, ``), refuses("ThrottlingException"), ok}, nil, 3},
		"lost, then no rights":  {[]step{says(500, ``), refuses("AccessDeniedException")}, webhook.ErrUnknownOutcome, 2},
		"no table":              {[]step{refuses("ResourceNotFoundException")}, ErrNoTable, 1},
		"refused for no record": {[]step{stands(t, nil)}, errFault, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sc := newScripted(t, tt.steps...)
				got, err := s.AddDelivery(t.Context(), testDelivery())
				if tt.want == nil || errors.Is(tt.want, errFault) {
					mustBe(t, err)
				} else {
					mustBe(t, err, tt.want)
				}
				want := webhook.Delivery{}
				if err == nil || errors.Is(err, webhook.ErrExists) {
					want = testDelivery()
					want.Payload = nil
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("the delivery that stands (-want +got):\n%s", diff)
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
			items[i] = fmt.Sprintf(`{"pk":{"S":"A#abbeycross#fleet-7"},"sk":{"S":"D#%012x#%032d"},"i":{"S":"i"},"y":{"S":"e"},`+
				`"u":{"S":"u"},"h":{"S":"w"},"c":{"N":"1"},"z":{"N":"%d"}}`, at.UnixMilli(), 0, at.Unix())
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
