package shoptet

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
)

// reader checks the fields of one body and gathers what is wrong.
type reader struct {
	urls   validate.URLPolicy
	errors []errorItem
}

func (r *reader) add(instance, message string) {
	r.errors = append(r.errors, errorItem{codeInvalid, message, instance})
}

// readItems checks a body {"data":[…]}: more than 50 items first, then the
// fields of all of them.
func (h *handler) readItems(body []byte) ([]registry.Item, error) {
	object, err := api.ParseObject(body)
	if err != nil {
		return nil, err
	}
	data, sent := object.Get("data")
	values, isArray := api.AsArray(data)
	if len(values) > validate.MaxBatch {
		return nil, &Error{http.StatusRequestEntityTooLarge, []errorItem{
			{codeTooLarge, fmt.Sprintf("At most %d webhooks can be registered at once.", validate.MaxBatch), "data"},
		}}
	}
	r := &reader{urls: h.urls}
	r.refuseUnknown(object, "", "data")
	switch {
	case !sent:
		r.add("data", "This field is required.")
	case !isArray:
		r.add("data", "This field must be an array.")
	case len(values) == 0:
		r.add("data", "At least one webhook is required.")
	}
	items := make([]registry.Item, len(values))
	for i, value := range values {
		items[i] = r.item(fmt.Sprintf("data[%d]", i), value)
	}
	if len(r.errors) > 0 {
		return nil, &Error{http.StatusUnprocessableEntity, r.errors}
	}
	return items, nil
}

// item reads one element of data.
func (r *reader) item(at string, value jsontext.Value) registry.Item {
	object, ok := api.AsObject(value)
	if !ok {
		r.add(at, "This item must be an object.")
		return registry.Item{}
	}
	item := registry.Item{
		Event:       r.text(object, at, "event", checkEventName),
		URL:         r.text(object, at, "url", r.checkURL),
		SendPayload: r.sendPayload(object, at),
	}
	r.refuseUnknown(object, at+".", "event", "url", "sendPayload")
	return item
}

// text reads a required string. check says in whole sentences what is wrong.
func (r *reader) text(object api.Object, at, field string, check func(string) string) string {
	text, wrong := object.Text(field, check)
	switch wrong {
	case "":
		return text
	case api.FieldRequired, api.FieldNotString:
		wrong = "This field " + wrong + "."
	}
	r.add(at+"."+field, wrong)
	return text
}

func (r *reader) checkURL(url string) string {
	if err := r.urls.URL(url); err != nil {
		return "The URL " + err.Error() + "."
	}
	return ""
}

func checkEventName(event string) string {
	if slices.Contains(systemEvents, event) {
		return "System events cannot be registered."
	}
	if _, known := eventNumbers[event]; !known {
		return "This event does not exist."
	}
	return ""
}

// sendPayload reads "full", null or nothing.
func (r *reader) sendPayload(object api.Object, at string) bool {
	value, sent := object.Get("sendPayload")
	if !sent || value.Kind() == 'n' {
		return false
	}
	if text, ok := api.AsString(value); ok && text == full {
		return true
	}
	r.add(at+".sendPayload", `This field must be "full" or null.`)
	return false
}

func (r *reader) refuseUnknown(object api.Object, prefix string, known ...string) {
	for _, member := range object {
		if !slices.Contains(known, member.Name) {
			r.add(prefix+member.Name, "This field is unknown.")
		}
	}
}
