package operator

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// maxDepth is how deep a body may be nested to be read at all, by the decoder's
// own limit. A payload may be nested less deep ([api.MaxDepth]).
const maxDepth = 10_000

// readEvents parses the body: {"events": [1 to 100 values]}.
func readEvents(body []byte) ([]jsontext.Value, error) {
	object, err := api.ParseObject(body)
	switch {
	case err != nil && api.Depth(body) > maxDepth:
		return nil, invalid("", "The body must not be nested more than %d deep.", maxDepth)
	case err != nil:
		return nil, err
	}
	value, ok := object.Get("events")
	if !ok || len(object) != 1 {
		return nil, invalid("", `The body must be {"events": […]} and have no other field.`)
	}
	events, ok := api.AsArray(value)
	if !ok || len(events) == 0 || len(events) > delivery.MaxEvents {
		return nil, invalid("", "events must be an array of 1 to %d events.", delivery.MaxEvents)
	}
	return events, nil
}

// fields are the fields of an event. Others are errors, so that a misspelled
// one is not ignored silently.
var fields = []string{"account", "event", "id", "time", "instance", "payload"}

// readEvent reads one event. The error says which field is wrong; what an
// event's values may be, the Publisher checks.
func readEvent(value jsontext.Value, sendingOf func(webhook.API) (webhook.Sending, bool)) (webhook.Event, error) {
	object, ok := api.AsObject(value)
	if !ok {
		return webhook.Event{}, errors.New("must be an object")
	}
	for _, member := range object {
		if !slices.Contains(fields, member.Name) {
			return webhook.Event{}, errors.New("has an unknown field; there are " + strings.Join(fields, ", "))
		}
	}
	r := reader{object: object}
	account, name := r.text("account", true), r.text("event", true)
	event := webhook.Event{Name: name, ID: r.id(), Time: r.time()}
	if r.err == nil {
		event.Account, r.err = readAccount(account)
	}
	if sending, known := sendingOf(event.Account.API); known { // else the Publisher says so
		event.Instance = r.instance(sending.Instance)
	}
	event.Payload = r.payload()
	return event, r.err
}

func readAccount(text string) (webhook.Account, error) {
	account, err := webhook.ParseAccount(text)
	if err != nil {
		return webhook.Account{}, errors.New("account: must be <api>:<id>, such as squake:acme; the id is 1 to 64 of A-Z a-z 0-9 _ -")
	}
	return account, nil
}

// reader reads the fields of an event and keeps the first error.
type reader struct {
	object api.Object
	err    error
}

func (r *reader) wrong(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) text(field string, required bool) string {
	text, wrong := r.object.Text(field, func(string) string { return "" })
	switch {
	case wrong == api.FieldRequired && required:
		r.wrong("%s: required", field)
	case wrong != "" && wrong != api.FieldRequired:
		r.wrong("%s: %s", field, wrong)
	}
	return text
}

// id reads the publisher's id, which must not be empty if it is sent.
func (r *reader) id() string {
	id := r.text("id", false)
	if _, sent := r.object.Get("id"); sent && id == "" {
		r.wrong("id: must have 1 to 128 characters")
	}
	return id
}

// timeForm is RFC 3339, section 5.6. time.Parse checks the rest, but accepts
// more, such as a comma.
var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)

// ParseTime parses RFC 3339, with "t" and "z" equivalent to "T" and "Z". The
// error wraps [webhook.ErrInvalid].
func ParseTime(text string) (time.Time, error) {
	upper := strings.ToUpper(text)
	at, err := time.Parse(time.RFC3339, upper)
	if err != nil || !timeForm.MatchString(upper) {
		return time.Time{}, fmt.Errorf("%w: write it by RFC 3339, such as 2026-01-15T10:30:00Z", webhook.ErrInvalid)
	}
	return at, nil
}

// time reads the event's time.
func (r *reader) time() time.Time {
	text := r.text("time", false)
	if _, sent := r.object.Get("time"); !sent || r.err != nil {
		return time.Time{}
	}
	at, err := ParseTime(text)
	switch {
	case err != nil:
		r.wrong("time: must be RFC 3339, such as 2026-01-15T10:30:00Z")
	case at.IsZero(): // would mean that none was sent
		r.wrong("time: must be within the last 7 days and the next 5 minutes")
	}
	return at
}

// instance reads the event's instance, if the API has one.
func (r *reader) instance(has bool) string {
	_, sent := r.object.Get("instance")
	switch {
	case has && !sent:
		r.wrong("instance: required")
	case !has && sent:
		r.wrong("instance: this API has none")
	}
	return r.text("instance", false)
}

// payload reads the payload without white space between tokens. Numbers and
// strings are kept as written.
func (r *reader) payload() []byte {
	value, sent := r.object.Get("payload")
	if !sent {
		return nil
	}
	if err := value.Compact(); err != nil {
		r.wrong("payload: must be JSON")
	}
	return value
}
