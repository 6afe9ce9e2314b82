package operator

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// recoverFields are the fields of a request to recover.
var recoverFields = []string{"from", "until", "event", "limit", "cursor", "as_of", "dry_run"}

// recovered is the response to a recovery. It has Matching in a dry run, and
// Resent otherwise.
type recovered struct {
	Resent   *int      `json:"resent,omitempty"`
	Matching *int      `json:"matching,omitempty"`
	Expired  int       `json:"expired"`
	AsOf     timestamp `json:"as_of"`
	Next     *string   `json:"next"`
}

// fieldReader reads the fields of a body and keeps the first error.
type fieldReader struct {
	object api.Object
	err    error
}

func (f *fieldReader) wrong(field, format string, args ...any) {
	if f.err == nil {
		f.err = invalid(field, format, args...)
	}
}

// text returns a string, empty if it is not sent.
func (f *fieldReader) text(field string) string {
	value, sent := f.object.Get(field)
	text, ok := api.AsString(value)
	if sent && (!ok || text == "") {
		f.wrong(field, "%s must be a string that is not empty.", field)
	}
	return text
}

// time returns a time by RFC 3339, zero if it is not sent.
func (f *fieldReader) time(field string) time.Time {
	if _, sent := f.object.Get(field); !sent {
		return time.Time{}
	}
	at, err := ParseTime(f.text(field))
	if err != nil || at.IsZero() {
		f.wrong(field, "%s must be a time by RFC 3339, such as 2026-01-15T10:30:00Z.", field)
	}
	return at
}

// number returns a whole number of 1 to most, most if it is not sent. 1.0 is one
// too, as JSON Schema has it.
func (f *fieldReader) number(field string, most int) int {
	value, sent := f.object.Get(field)
	if !sent {
		return most
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil || n != math.Trunc(n) || n < 1 || n > float64(most) {
		f.wrong(field, "%s must be a number of 1 to %d.", field, most)
	}
	return int(n)
}

func (f *fieldReader) bool(field string) bool {
	value, sent := f.object.Get(field)
	if sent && value.Kind() != 't' && value.Kind() != 'f' {
		f.wrong(field, "%s must be true or false.", field)
	}
	return value.Kind() == 't'
}

// readFields parses a body that is an object of these fields and no others.
func readFields(body []byte, names []string) (*fieldReader, error) {
	object, err := api.ParseObject(body)
	if err != nil {
		return nil, err
	}
	for _, member := range object {
		if !slices.Contains(names, member.Name) {
			return nil, invalid("", "The body has an unknown field; there are %s.", strings.Join(names, ", "))
		}
	}
	return &fieldReader{object: object}, nil
}

// readRecovery parses what is to be recovered of a list.
func readRecovery(body []byte, list string, now time.Time) (delivery.Recovery, error) {
	f, err := readFields(body, recoverFields)
	if err != nil {
		return delivery.Recovery{}, err
	}
	q := delivery.Recovery{
		From: f.time("from"), Until: f.time("until"), Event: f.text("event"), Limit: f.number("limit", delivery.MaxRecovered),
		AsOf: f.time("as_of"), DryRun: f.bool("dry_run"),
	}
	if text := f.text("cursor"); text != "" {
		var ok bool
		if q.Cursor, ok = parseCursor(list, text); !ok {
			f.err = cmp.Or(f.err, error(errCursor()))
		}
	}
	switch {
	case q.From.IsZero():
		f.wrong("from", "from is required: a time by RFC 3339, such as 2026-01-15T10:30:00Z.")
	case !q.Until.IsZero() && !q.Until.After(q.From):
		f.wrong("until", "until must be later than from.")
	case q.AsOf.After(now.Add(delivery.MaxAhead)):
		f.wrong("as_of", "as_of must not be in the future.")
	}
	return q, f.err
}

// recoverDeliveries serves POST /operator/accounts/{account}/recover.
func (m manager) recoverDeliveries(ctx context.Context, r *api.Request) (api.Response, error) {
	a, err := m.account(r)
	if err != nil {
		return api.Response{}, err
	}
	list := "recovery of " + a.String()
	request, err := readRecovery(r.Content, list, m.now())
	if err != nil {
		return api.Response{}, err
	}
	done, err := m.retrier.Recover(ctx, a, request)
	switch {
	case errors.Is(err, webhook.ErrInvalid):
		return api.Response{}, errCursor()
	case errors.Is(err, webhook.ErrNotFound):
		return api.Response{}, cmp.Or(m.open(ctx, a), unknown("account", err))
	case err != nil:
		return api.Response{}, err
	}
	body := recovered{Expired: done.Expired, AsOf: timestamp{done.AsOf}, Next: newCursor(list, done.Next)}
	if request.DryRun {
		body.Matching = &done.Resent
		return api.Response{Status: http.StatusOK, Body: body}, nil
	}
	body.Resent = &done.Resent
	return api.Response{Status: http.StatusAccepted, Body: body}, nil
}
