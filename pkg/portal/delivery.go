package portal

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

// deliveryView is the page of one delivery.
type deliveryView struct {
	frame
	ID, Event, EventID, Instance, WebhookID string
	URL                                     address
	State                                   state
	Reason                                  string
	Time, Accepted                          moment
	Timeline                                []event
	Earlier                                 int
	Body, Headers                           code
	CutBody, Pending                        bool
	// Again says that the delivery can be sent again, and else why not.
	Again string
}

const (
	// shownAttempts is how many attempts are shown, the latest ones.
	shownAttempts = 10
	// shownBody is how much of a body is shown, in bytes as they are escaped.
	shownBody = 16 << 10
)

// sent is a delivery with all that its page needs.
type sent struct {
	delivery  webhook.Delivery
	recipient webhook.Recipient
}

// findDelivery returns the delivery that the path names, as it is shown.
func (p *portal) findDelivery(e *exchange) (sent, error) {
	in, err := p.Store.AttemptInput(e.Context(), webhook.Message{Account: e.session.Account, ID: strings.ToLower(e.PathValue("delivery"))})
	if err != nil {
		return sent{}, err
	}
	d, ok := registry.ShownTo(in.Delivery, in.Recipient)
	if !ok {
		return sent{}, errNoPage
	}
	return sent{d, in.Recipient}, nil
}

// showDelivery serves GET /portal/deliveries/{delivery}.
func (p *portal) showDelivery(e *exchange) error {
	s, err := p.findDelivery(e)
	if err != nil {
		return err
	}
	attempts, err := p.Store.Attempts(e.Context(), s.delivery)
	if err != nil {
		return err
	}
	d := s.delivery
	v := deliveryView{
		frame: e.frame("Delivery"), ID: d.ID(), Event: d.Event, EventID: d.EventID, Instance: d.Instance, URL: address(d.URL), WebhookID: d.WebhookID,
		State: deliveryState(d), Reason: d.Reason, Time: e.at(d.Time), Accepted: e.at(d.AcceptedAt), Pending: e.pending(d),
	}
	v.Earlier = max(0, len(attempts)-shownAttempts)
	v.Timeline = e.timeline(d, attempts[v.Earlier:])
	body := p.body(s)
	v.Body = code{ID: "body", Title: "Body", Text: pretty(body)}
	v.Body.Text, v.CutBody = cutEscaped(v.Body.Text, shownBody)
	v.Headers = code{ID: "headers", Title: "Headers", Text: p.headers(d, body)}
	v.Again = s.notAgain()
	return e.page(http.StatusOK, "delivery", v)
}

// againTest says why a test is not sent again.
const againTest = "It is a test, which is attempted once. Send another from Test."

// notAgain says why a delivery cannot be sent again, empty if it can.
func (s sent) notAgain() string {
	switch {
	case s.delivery.Test:
		return againTest
	case s.recipient.Webhook.ID == "":
		return "Its event has no webhook now. Register one to send it again."
	case s.recipient.Webhook.Disabled:
		return "Its webhook is disabled. Enable it to send this again."
	}
	return ""
}

// timeline returns what happened and what comes, the latest first.
func (e *exchange) timeline(d webhook.Delivery, attempts []webhook.Attempt) []event {
	var found []event
	if d.Open() {
		next := event{Tone: toneWait, Title: "Attempt " + number(int(d.Attempts)+1) + " comes", At: e.at(d.Next)}
		if !d.Next.After(e.now) {
			next.Title = "Attempt " + number(int(d.Attempts)+1) + " is under way or about to be made"
		}
		found = append(found, next)
	}
	if d.Status == webhook.StatusCancelled {
		found = append(found, event{Tone: toneIdle, Title: "No further attempt", At: moment{}, Reason: d.Reason})
	}
	for _, a := range slices.Backward(attempts) {
		a.Response = bytes.TrimSpace(a.Response)
		one := event{Tone: toneOK, Title: "Attempt " + number(int(a.Number)) + " succeeded", At: e.at(a.At), Reason: a.Reason, Response: a.ResponseText()}
		if a.Reason != "" {
			one.Tone, one.Title = toneBad, "Attempt "+number(int(a.Number))+" failed"
		}
		if a.StatusCode != 0 {
			one.Notes = append(one.Notes, "HTTP "+strconv.Itoa(a.StatusCode))
			if a.Reason == webhook.ReasonStatus(a.StatusCode) { // which is said
				one.Reason = ""
			}
		}
		if a.Duration > 0 {
			one.Notes = append(one.Notes, duration(a.Duration))
		}
		found = append(found, one)
	}
	return append(found, event{Tone: toneIdle, Title: "Accepted", At: e.at(d.AcceptedAt)})
}

// body returns the bytes that are sent to the webhook as it is now.
func (p *portal) body(s sent) []byte {
	if sending, ok := p.Sendings[s.delivery.Account.API]; ok {
		if body, err := sending.Body(s.delivery, s.recipient.Webhook); err == nil {
			return body
		}
	}
	return s.delivery.Payload
}

// downloadBody serves GET /portal/deliveries/{delivery}/body: the very bytes
// that are signed.
func (p *portal) downloadBody(e *exchange) error {
	s, err := p.findDelivery(e)
	if err != nil {
		return err
	}
	e.w.Header().Set("Content-Type", "application/json")
	e.w.Header().Set("Content-Disposition", `attachment; filename="`+s.delivery.ID()+`.json"`)
	_, _ = e.w.Write(p.body(s)) // a client that has left needs nothing
	return nil
}

// headers lists the headers of the latest attempt, or of the first one that
// comes, but for what a key signs.
func (p *portal) headers(d webhook.Delivery, body []byte) string {
	when := d.AttemptedAt
	if when.IsZero() {
		when = cmp.Or(d.Next, d.AcceptedAt)
	}
	const hidden = "(made with your key; not shown)"
	lines := []string{
		"Content-Type: application/json", "User-Agent: Hookline/" + webhook.Version,
		"webhook-id: " + d.ID(), "webhook-timestamp: " + strconv.FormatInt(when.Unix(), 10), "webhook-signature: v1,… " + hidden,
	}
	if sending, ok := p.Sendings[d.Account.API]; ok {
		plain := sending.Header(webhook.Secret{}, when, body)
		all := sending.Header(webhook.NewSecret("0"), when, body) // for the names
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if value, shown := plain[name]; shown {
				lines = append(lines, name+": "+value)
			} else {
				lines = append(lines, name+": … "+hidden)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// pretty returns JSON with line ends and indents, and anything else as it is.
func pretty(body []byte) string {
	if len(body) == 0 {
		return "(none)"
	}
	value := jsontext.Value(slices.Clone(body))
	if err := value.Indent(jsontext.WithIndent("  ")); err != nil {
		return string(body)
	}
	return string(value)
}

// cutEscaped cuts a text that would have more than limit bytes as HTML.
func cutEscaped(text string, limit int) (_ string, cut bool) {
	size := 0
	for i, r := range text {
		switch r {
		case '"', '\'', '&', '<', '>', '+':
			size += 5
		default:
			size += len(string(r))
		}
		if size > limit {
			return text[:i] + "\n…", true
		}
	}
	return text, false
}

// sendAgain serves POST /portal/deliveries/{delivery}, by the rules of the
// operator's API.
func (p *portal) sendAgain(e *exchange) error {
	s, err := p.findDelivery(e)
	if err != nil {
		return err
	}
	back := "/portal/deliveries/" + s.delivery.ID()
	if s.delivery.Test {
		return &Error{http.StatusConflict, "It cannot be sent again", againTest, back, "Back to the delivery"}
	}
	if s.delivery.Open() && !s.delivery.Next.After(e.now) {
		return e.redirect(back + "?done=again")
	}
	_, err = p.retrier.Retry(e.Context(), s.delivery.Account, s.delivery.ID())
	switch {
	case errors.Is(err, webhook.ErrInvalid):
		return &Error{http.StatusConflict, "It cannot be sent again", "Its webhook is gone or disabled, or it was accepted more than 6 days ago.", back, "Back to the delivery"}
	case err != nil && !errors.Is(err, webhook.ErrChanged): // that is an attempt of this moment
		return err
	}
	return e.redirect(back + "?done=again")
}
