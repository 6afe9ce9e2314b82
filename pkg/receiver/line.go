package receiver

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/terminal"
)

// line is the JSON form of a delivery.
type line struct {
	Time    string `json:"time"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	ID      string `json:"id,omitzero"`
	Seen    int    `json:"seen,omitzero"`
	Event   string `json:"event,omitzero"`
	Account string `json:"account,omitzero"`

	Verified bool `json:"verified"`
	// Scheme names the schemes by which it is verified. Reason says why it is
	// not.
	Scheme string `json:"scheme,omitzero"`
	Reason string `json:"reason,omitzero"`

	Status int `json:"status"`
	// Forwarded is the URL that it was passed on to, Error why that gave no
	// response.
	Forwarded  string `json:"forwarded,omitzero"`
	DurationMS *int64 `json:"duration_ms,omitzero"`
	Error      string `json:"error,omitzero"`

	Headers map[string]string `json:"headers"`
	// Body is the body itself if it is JSON, a string if it is other text.
	Body       jsontext.Value `json:"body,omitzero"`
	BodyBase64 []byte         `json:"body_base64,omitzero"`
}

// JSON returns a function that writes every delivery to w as one line of JSON.
// A body that is neither JSON nor text is written as body_base64.
func JSON(w io.Writer) func(Delivery) error {
	w = terminal.NewWriter(w)
	return func(d Delivery) error {
		written, err := marshal(d)
		if err != nil {
			return fmt.Errorf("write a delivery: %w", err)
		}
		if _, err := w.Write(append(written, '\n')); err != nil {
			return fmt.Errorf("write a delivery: %w", err)
		}
		return nil
	}
}

func marshal(d Delivery) ([]byte, error) {
	eventKey := d.origin()
	l := line{
		Time:     d.At.UTC().Format(milliseconds),
		Method:   d.Method,
		Path:     d.Path,
		ID:       d.Header.Get(idHeader),
		Seen:     d.Seen,
		Event:    eventKey.event,
		Account:  eventKey.account,
		Verified: len(d.Errors()) == 0,
		Scheme:   strings.Join(d.verified(), ", "),
		Reason:   strings.Join(texts(d.Errors()), "; "),
		Status:   d.Response.Status,
		Headers:  map[string]string{},
	}
	if f := d.Response.Forwarded; f != nil {
		l.Forwarded, l.DurationMS = f.URL, new(f.Duration.Milliseconds())
		if f.Error != nil {
			l.Error = f.Error.Error()
		}
	}
	for name, values := range d.Header {
		l.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	// A header may contain invalid UTF-8.
	options := json.JoinOptions(json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if d.Body == nil {
		return json.Marshal(l, options)
	}
	if l.Body = d.Body; l.Body.IsValid() {
		// This fails for a body nested almost as deeply as JSON may be.
		if written, err := json.Marshal(l, options); err == nil {
			return written, nil
		}
	}
	l.Body = nil
	if utf8.Valid(d.Body) {
		var err error
		if l.Body, err = jsontext.AppendQuote(nil, d.Body); err != nil {
			return nil, err
		}
	} else {
		l.BodyBase64 = d.Body
	}
	return json.Marshal(l, options)
}

// verified returns the names of the schemes by which the delivery is verified.
func (d Delivery) verified() []string {
	var names []string
	for _, check := range d.Checks {
		if check.Error == nil {
			names = append(names, check.Scheme)
		}
	}
	return names
}

func texts(errs []error) []string {
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return texts
}
