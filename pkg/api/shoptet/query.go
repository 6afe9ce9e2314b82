package shoptet

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
)

const (
	defaultPage = 20
	maxPage     = 500
)

// query reads the parameters of a list and collects what is wrong with them.
// Parameters that are not read are ignored.
type query struct {
	values url.Values
	errors []errorItem
}

func newQuery(r *api.Request) *query { return &query{values: parseQuery(r.URL.RawQuery)} }

// parseQuery splits a query as PHP does. [url.ParseQuery] drops parameters with
// a semicolon or a malformed escape, and so would hide a bad filter. Here a
// malformed escape stays as it is.
func parseQuery(raw string) url.Values {
	values := url.Values{}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		values.Add(unescape(name), unescape(value))
	}
	return values
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// get returns a parameter. If it is repeated, the last value counts, as in PHP.
func (q *query) get(name string) (value string, sent bool) {
	values := q.values[name]
	if len(values) == 0 {
		return "", false
	}
	return values[len(values)-1], true
}

func (q *query) add(parameter, message string) {
	q.errors = append(q.errors, errorItem{codeParameter, message, parameter})
}

// err returns a 400 with the collected errors, or nil.
func (q *query) err() error {
	if len(q.errors) == 0 {
		return nil
	}
	return &Error{http.StatusBadRequest, q.errors}
}

// page is the requested part of a list.
type page struct{ number, size int64 }

func (q *query) page() page {
	size, _ := q.positive("itemsPerPage", defaultPage)
	number, fits := q.positive("page", 1)
	if !fits { // it could not be returned unchanged
		q.add("page", "This parameter must fit 64 bits.")
	}
	return page{number: number, size: min(size, maxPage)}
}

// positive reads an integer of at least 1. If it does not fit 64 bits, n is the
// largest that does and fits is false.
func (q *query) positive(name string, otherwise int64) (n int64, fits bool) {
	value, sent := q.get(name)
	if !sent {
		return otherwise, true
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if errors.Is(err, strconv.ErrRange) && n > 0 && value[0] != '+' {
		return n, false
	}
	if err != nil || n < 1 || value[0] == '+' {
		q.add(name, "This parameter must be an integer, 1 or more.")
		return otherwise, true
	}
	return n, true
}

// window returns the range of a list of total items that is on the page.
func (p page) window(total int64) (from, to int64) {
	if p.number > p.pages(total) {
		return 0, 0
	}
	from = (p.number - 1) * p.size
	return from, min(from+p.size, total)
}

func (p page) pages(total int64) int64 { return (total + p.size - 1) / p.size }

// paginator describes a page. The requested page number is returned unchanged,
// even past the end.
type paginator struct {
	TotalCount   int64 `json:"totalCount"`
	Page         int64 `json:"page"`
	PageCount    int64 `json:"pageCount"`
	ItemsOnPage  int64 `json:"itemsOnPage"`
	ItemsPerPage int64 `json:"itemsPerPage"`
}

func (p page) paginator(total int64) paginator {
	from, to := p.window(total)
	return paginator{TotalCount: total, Page: p.number, PageCount: p.pages(total), ItemsOnPage: to - from, ItemsPerPage: p.size}
}

// oneOf reads a parameter that must have one of the values. It returns "" if
// the parameter was not sent.
func (q *query) oneOf(name string, values ...string) string {
	value, sent := q.get(name)
	if !sent {
		return ""
	}
	for _, v := range values {
		if v == value {
			return v
		}
	}
	q.add(name, "This parameter must be one of "+strings.Join(values, ", ")+".")
	return ""
}

// time reads a time in RFC 3339, in either letter case, with or without a colon
// in the zone, or without a zone, which means UTC. It returns the zero time if
// the parameter was not sent. A space is read as the + of the zone, since +
// means a space in a query.
func (q *query) time(name string) time.Time {
	value, sent := q.get(name)
	if !sent {
		return time.Time{}
	}
	if cut := strings.LastIndexByte(value, ' '); cut >= 0 {
		value = value[:cut] + "+" + value[cut+1:]
	}
	value = strings.ToUpper(value)
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t
		}
	}
	q.add(name, "This parameter must be a time such as 2018-05-29T09:02:27+0200.")
	return time.Time{}
}
