package operator

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// maxLimit and defaultLimit are how long a page of a list may be, and is.
	maxLimit     = 500
	defaultLimit = 100
)

// query reads the parameters of a request and keeps the first error.
type query struct {
	values url.Values
	err    error
}

// readQuery parses the query of a request. A parameter that is not among names,
// or stands twice, is an error, so that a misspelled one is not ignored.
func readQuery(r *api.Request, names ...string) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &query{err: invalid("", "The query must be well formed.")}
	}
	q := &query{values: values}
	for _, name := range names {
		if len(values[name]) > 1 {
			q.wrong(name, "%s must be sent once.", name)
		}
	}
	for name := range values {
		if !slices.Contains(names, name) {
			q.err = invalid("", "The query has an unknown parameter; there are: %s.", cmp.Or(strings.Join(names, ", "), "none"))
		}
	}
	return q
}

func (q *query) wrong(field, format string, args ...any) { q.fail(invalid(field, format, args...)) }

func (q *query) fail(err *Error) {
	if q.err == nil {
		q.err = err
	}
}

// text returns a parameter, empty if it is not sent.
func (q *query) text(name string) string { return q.values.Get(name) }

// time returns a time by RFC 3339, zero if it is not sent.
func (q *query) time(name string) time.Time {
	if !q.values.Has(name) {
		return time.Time{}
	}
	at, err := ParseTime(q.text(name))
	if err != nil {
		q.wrong(name, "%s must be a time by RFC 3339, such as 2026-01-15T10:30:00Z.", name)
	}
	if at.IsZero() { // which would mean that none is sent
		at = at.Add(1)
	}
	return at
}

// limit returns how many items a page may have.
func (q *query) limit() int {
	if !q.values.Has("limit") {
		return defaultLimit
	}
	text := q.text("limit")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit || strconv.Itoa(n) != text {
		q.wrong("limit", "limit must be a number of 1 to %d.", maxLimit)
	}
	return n
}

// cursor returns the position that a cursor of a list stands for, empty if none
// is sent.
func (q *query) cursor(list string) string {
	if !q.values.Has("cursor") {
		return ""
	}
	position, ok := parseCursor(list, q.text("cursor"))
	if !ok {
		q.fail(errCursor())
	}
	return position
}

// parseCursor returns the position in a list that newCursor was given.
func parseCursor(list, cursor string) (position string, ok bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	position, found := strings.CutPrefix(string(text), list+"\n")
	return position, err == nil && found && position != ""
}

func errCursor() *Error {
	return invalid("cursor", "cursor must be the next of the page before, of the same list.")
}

// newCursor returns the cursor of a position in a list, nil at its end. It
// repeats the list's name, so that the cursor of another is refused.
func newCursor(list, position string) *string {
	if position == "" {
		return nil
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(list + "\n" + position))
	return &text
}

// account returns the account in the path of a request that takes no
// parameters.
func (m manager) account(r *api.Request) (webhook.Account, error) {
	a, err := m.accountOf(r)
	return a, cmp.Or(err, readQuery(r).err)
}

// accountOf returns the account in a request's path.
func (m manager) accountOf(r *api.Request) (webhook.Account, error) {
	a, err := webhook.ParseAccount(r.PathValue("account"))
	if err != nil {
		return webhook.Account{}, invalid("account", "The account must be <api>:<id>, such as squake:acme; the id is 1 to 64 of A-Z a-z 0-9 _ -.")
	}
	api, known := m.apis[a.API]
	if !known {
		return webhook.Account{}, m.unknownAPI("account")
	}
	if err := api.CheckAccountID(a.ID); err != nil {
		return webhook.Account{}, invalid("account", "The account's id is not valid for this API: %v.", err)
	}
	return a, nil
}

// checkAPI checks the parameter api.
func (m manager) checkAPI(q *query, name webhook.API) {
	if _, known := m.apis[name]; !known {
		q.fail(m.unknownAPI("api"))
	}
}

func (m manager) unknownAPI(field string) *Error {
	var names []string
	for name := range m.apis {
		names = append(names, string(name))
	}
	slices.Sort(names)
	return invalid(field, "The API must be one of %s.", strings.Join(names, ", "))
}

// timestamp is a time in a response: RFC 3339 in UTC, with milliseconds.
type timestamp struct{ time.Time }

// MarshalJSON implements json.Marshaler. That of the time would leave out
// zeros at the end.
func (t timestamp) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}

// orNull returns nil for the zero time.
func orNull(t time.Time) *timestamp {
	if t.IsZero() {
		return nil
	}
	return &timestamp{t}
}
