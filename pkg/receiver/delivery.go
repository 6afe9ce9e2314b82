package receiver

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Delivery is a request that was received.
type Delivery struct {
	// At is when the body had arrived.
	At     time.Time
	Method string
	// Path is the path and query as they were sent.
	Path   string
	Header http.Header
	// Body is nil if it has more than 1 MiB; TooLarge is set then.
	Body     []byte
	TooLarge bool
	// Checks are the signatures that were found, in a fixed order.
	Checks []Check
	// Unkeyed means that there was no key to verify with.
	Unkeyed bool
	// Seen counts how often this webhook-id was received, including this time.
	// It is 0 without an id.
	Seen int
	// Response is the response to the delivery.
	Response Response
}

// Errors returns why the delivery is not verified, each reason once. The list
// is empty if it is: then it is signed, and all its signatures are valid.
func (d Delivery) Errors() []error {
	if d.TooLarge {
		return []error{errTooLarge}
	}
	if len(d.Checks) == 0 {
		return []error{errNoSignature}
	}
	var errs []error
	for _, check := range d.Checks {
		if check.Error != nil && !slices.Contains(errs, check.Error) {
			errs = append(errs, check.Error)
		}
	}
	return errs
}

// origin is what a delivery's body says about its event.
type origin struct {
	// event and account are empty if the body does not have them: Squake's has
	// neither, AbbeyCross's has the event as "type", Shoptet's has both.
	event, account string
}

func (d Delivery) origin() origin {
	var body struct {
		Event   jsontext.Value `json:"event"`
		Type    jsontext.Value `json:"type"`
		EshopID jsontext.Value `json:"eshopId"`
	}
	if err := json.Unmarshal(d.Body, &body); err != nil {
		return origin{}
	}
	s := origin{event: text(body.Event)}
	if s.event == "" {
		s.event = text(body.Type)
	}
	if body.EshopID.Kind() == '0' {
		s.account = string(body.EshopID)
	}
	return s
}

// text returns the value of a JSON string, "" for any other value.
func text(value jsontext.Value) string {
	var s string
	if value.Kind() != '"' || json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}
