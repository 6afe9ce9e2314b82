package shoptet

import (
	"testing"
	"time"
)

func newTestQuery(raw string) *query { return &query{values: parseQuery(raw)} }

func TestPage(t *testing.T) {
	for raw, want := range map[string]page{
		"":                                      {1, 20},
		"page=2&itemsPerPage=500":               {2, 500},
		"itemsPerPage=501":                      {1, 500},
		"itemsPerPage=99999999999999999999":     {1, 500},
		"page=9223372036854775807":              {9223372036854775807, 20},
		"page=007":                              {7, 20},
		"page=1&page=3":                         {3, 20},
		"language=cs&page=2&unknown=99999&x[]=": {2, 20},
		"%zz=1&a;b=%&&page=%32&=":               {2, 20},
	} {
		q := newTestQuery(raw)
		if got := q.page(); got != want || q.err() != nil {
			t.Errorf("%q: page %v, %v, want %v", raw, got, q.err(), want)
		}
	}
	for _, raw := range []string{"page=9223372036854775808", "page=-99999999999999999999", "itemsPerPage=-99999999999999999999", "itemsPerPage=%2B99999999999999999999", "page=0x1", "page=1_0", "page=%zz", "page=2%", "page=1;itemsPerPage=5"} {
		q := newTestQuery(raw)
		if q.page(); q.err() == nil || len(q.errors) != 1 {
			t.Errorf("%q: refused for %v, want one fault", raw, q.errors)
		}
	}
}

func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		page            page
		total, from, to int64
	}{
		{page{1, 20}, 0, 0, 0}, {page{1, 20}, 20, 0, 20}, {page{2, 20}, 20, 0, 0}, {page{2, 20}, 21, 20, 21},
		{page{9223372036854775807, 500}, 1000, 0, 0},
	} {
		if from, to := tt.page.window(tt.total); from != tt.from || to != tt.to {
			t.Errorf("%v of %d: %d to %d, want %d to %d", tt.page, tt.total, from, to, tt.from, tt.to)
		}
	}
}

func TestTime(t *testing.T) {
	want := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for _, raw := range []string{
		"2026-11-20T09:00:00Z", "2026-11-20t09:00:00z", "2026-11-20T10:00:00%2B01:00", "2026-11-20T10:00:00%2B0100",
		"2026-11-20T10:00:00+0100", "2026-11-20T10:00:00+01:00", "2026-11-20T09:00:00", "2026-11-20T09:00:00.000Z", "2026-11-20T08:00:00-0100",
	} {
		q := newTestQuery("from=" + raw)
		if got := q.time("from"); !got.Equal(want) || q.err() != nil {
			t.Errorf("%s: %v, %v, want %v", raw, got, q.err(), want)
		}
	}
	for _, raw := range []string{"", "2026-11-20", "yesterday", "2026-13-20T09:00:00Z", "2026-11-20T09:00:00Q", "1763629200",
		"2026-11-20T09:00:00%ZZ", "2026-11-20T09:00:00Z;"} {
		q := newTestQuery("from=" + raw)
		if got := q.time("from"); !got.IsZero() || q.err() == nil {
			t.Errorf("%q: %v, want it refused", raw, got)
		}
	}
}
