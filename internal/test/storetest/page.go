package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// pages gives the deliveries of all pages of a range, with meanwhile done after
// each.
func (s *suite) pages(t *testing.T, a webhook.Account, r webhook.DeliveryRange, meanwhile func(page int)) []webhook.Delivery {
	t.Helper()
	var all []webhook.Delivery
	for page := 0; ; page++ {
		list, more, err := s.DeliveryPage(s.context(t), a, r)
		if err != nil || len(list) > r.Limit || more && len(list) == 0 || page > 1000 {
			t.Fatalf("DeliveryPage(%v, %+v) = %d deliveries, %t, %v, page %d", a, r, len(list), more, err, page)
		}
		if all = append(all, list...); !more {
			return all
		}
		r.After = all[len(all)-1].ID()
		meanwhile(page)
	}
}

// Pages of any size give each delivery of a time once, the latest first, also
// those of one millisecond.
func testDeliveryPages(t *testing.T, s *suite) {
	a := newAccount()
	for i := range 30 {
		d := newDelivery(a, i/3)
		d.Payload = payload(100 + i*100)
		s.mustAdd(t, d)
	}
	s.mustAdd(t, newDelivery(newAccount(), 5))
	whole := s.deliveries(t, a, time.Time{}, 0)
	ms := func(n int) time.Time { return at.Add(time.Duration(n) * time.Millisecond) }
	for name, tt := range map[string]struct {
		from, until time.Time
		want        []webhook.Delivery
	}{
		"all":           {time.Time{}, time.Time{}, whole},
		"from":          {ms(7), time.Time{}, whole[:9]},
		"until":         {time.Time{}, ms(7), whole[9:]},
		"between":       {ms(2), ms(5), whole[15:24]},
		"within the ms": {ms(2).Add(1), ms(5).Add(1), whole[12:21]},
		"nothing":       {ms(5), ms(5), nil},
		"reversed":      {ms(6), ms(5), nil},
		"before 1970":   {time.Time{}, time.Unix(-1, 0), nil},
		"far":           {ms(0), time.UnixMilli(webhook.MaxEventTime + 9), whole},
	} {
		for _, limit := range []int{1, 4, 30, 1000} {
			got := s.pages(t, a, webhook.DeliveryRange{From: tt.from, Until: tt.until, Limit: limit}, func(int) {})
			same(t, fmt.Sprintf("%s, pages of %d", name, limit), got, tt.want)
		}
	}
	// After a delivery outside the range.
	for id, want := range map[string][]webhook.Delivery{whole[0].ID(): whole[15:24], whole[29].ID(): nil} {
		same(t, "after "+id, s.pages(t, a, webhook.DeliveryRange{From: ms(2), Until: ms(5), After: id, Limit: 4}, func(int) {}), want)
	}
	for _, after := range []string{"x", whole[0].ID() + "0", whole[0].ID()[1:]} {
		if _, _, err := s.DeliveryPage(s.context(t), a, webhook.DeliveryRange{After: after, Limit: 4}); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("after %q: error = %v, want ErrInvalid", after, err)
		}
	}
}

// What was there all the time is listed once, though deliveries are added
// before and after the border of a page, and those on it change.
func testDeliveryPagesMeanwhile(t *testing.T, s *suite) {
	a := newAccount()
	for i := range 20 {
		s.mustAdd(t, newDelivery(a, 10*i))
	}
	before := s.deliveries(t, a, time.Time{}, 0)
	got := s.pages(t, a, webhook.DeliveryRange{Limit: 3}, func(page int) {
		border := before[3*page+2]
		s.mustAdd(t, newDelivery(a, 1000+page)) // on a page that was read
		s.mustRecord(t, webhook.AttemptResult{Was: border, Now: sent(border)})
	})
	same(t, "deliveries", got, before)
	late := newDelivery(a, 5)
	s.mustAdd(t, late)
	got = s.pages(t, a, webhook.DeliveryRange{Until: at.Add(15 * time.Millisecond), Limit: 2}, func(int) {})
	if len(got) != 3 || got[1].ID() != late.ID() {
		t.Errorf("%d deliveries with one that was added between two others", len(got))
	}
}
