package receiver

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Delivery is a request that came in.
type Delivery struct {
	// At is when its body had arrived.
	At     time.Time
	Method string
	// Path is the path and query as they were sent.
	Path   string
	Header http.Header
	// Body is nil when there was more of it than 1 MiB: then TooLarge is set.
	Body     []byte
	TooLarge bool
	// Checks are the signatures found, in an order of their own.
	Checks []Check
	// Seen counts how often its webhook-id came, this time included; 0 without
	// one.
	Seen int
	// Response is what it gets.
	Response Response
}

// Errors says why the delivery is not verified, each reason once; none if it
// is: then it is signed, and every signature on it is right.
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

// origin is what a delivery's body says it is about.
type origin struct {
	// event and account are empty where the body does not say: Squake's says
	// neither, AbbeyCross's the event as "type", Shoptet's both.
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

// text is what a JSON string says; empty for any other value.
func text(value jsontext.Value) string {
	var s string
	if value.Kind() != '"' || json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}
