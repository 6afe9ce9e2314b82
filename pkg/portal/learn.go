package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/hookline/hookline/pkg/signing/samples"
	"github.com/hookline/hookline/pkg/webhook"
)

// eventsView is the page of events that can be registered.
type eventsView struct {
	frame
	Word   string
	Events []eventLink
	Search *field
	Chosen string
	// Registered says that the chosen event has a webhook.
	Registered bool
	Payload    code
	NoPayload  bool
	Instance   string
	Wrong      string
}

type eventLink struct {
	Name                string
	Path                string
	Registered, Current bool
}

// showEvents serves GET /portal/events: all names, and a sample of one.
func (p *portal) showEvents(e *exchange) error {
	existing, err := e.api.Registry.List(e.Context(), e.session.Account)
	if err != nil {
		return err
	}
	has := func(name string) bool {
		return slices.ContainsFunc(existing, func(w webhook.Webhook) bool { return w.Event == name })
	}
	v := eventsView{frame: e.frame("Events"), Word: e.api.Event, Chosen: e.URL.Query().Get("event")}
	names := e.api.Events
	if len(names) == 0 || len(names) > mostChoices { // any name, or too many to list: those that are registered
		v.Search = &field{Name: "event", Label: "Name of the " + e.api.Event, Value: v.Chosen}
		names = nil
		for _, w := range existing[:min(len(existing), mostChoices)] {
			names = append(names, w.Event)
		}
	}
	if v.Chosen == "" && len(names) > 0 {
		v.Chosen = names[0]
	}
	for _, name := range names {
		v.Events = append(v.Events, eventLink{Name: name, Path: "/portal/events?event=" + url.QueryEscape(name), Registered: has(name), Current: name == v.Chosen})
	}
	if v.Chosen != "" {
		if v.Wrong = sentence(cut(v.Chosen, 64), e.api.CheckEvent(v.Chosen)); v.Wrong != "" {
			return e.page(http.StatusNotFound, "events", v)
		}
		v.Registered = has(v.Chosen)
		v.sample(p.Sendings[e.session.Account.API], e)
	}
	return e.page(http.StatusOK, "events", v)
}

// sample sets what a delivery of the chosen event looks like.
func (v *eventsView) sample(sending webhook.Sending, e *exchange) {
	if sending.Sample == nil {
		return
	}
	payload, instance := sending.Sample(v.Chosen)
	d := webhook.Delivery{Account: e.session.Account, Event: v.Chosen, EventID: "sample", Time: e.now.Truncate(1e9), Payload: payload, Instance: instance}
	body, err := sending.Body(d, webhook.Webhook{SendPayload: true})
	if err != nil {
		return
	}
	v.Instance = instance
	v.NoPayload = payload == nil
	v.Payload = code{ID: "sample", Title: "Body of " + v.Chosen, Text: pretty(body)}
}

// verifyView is the page that tells how a signature is checked.
type verifyView struct {
	frame
	API, Key      string
	Standard, Own []code
	Header        string
	AccountKey    bool
}

// showVerify serves GET /portal/verify.
func (p *portal) showVerify(e *exchange) error {
	v := verifyView{frame: e.frame("Verify"), API: e.api.Title, Key: e.api.Key, Header: e.api.Verification.Header, AccountKey: e.api.RenewsAccountKey}
	v.Standard = verifying("standard", "Standard Webhooks", samples.Standard())
	if v.Header != "" {
		v.Own = verifying("own", v.Header, samples.Own(v.Header, e.api.Verification.Hash))
	}
	return e.page(http.StatusOK, "verify", v)
}

// verifying returns code that verifies by something, as the page shows it.
func verifying(kind, by string, list []samples.Sample) []code {
	var shown []code
	for _, s := range list {
		shown = append(shown, code{ID: kind + "-" + s.Name, Label: s.Title, Title: "verify." + s.Ending, Of: "for " + by, Text: s.Text})
	}
	return shown
}

const (
	// mostTests is how many events the page of tests shows to choose from. Of
	// more, the name is typed.
	mostTests = 60
	// shownTestURL is how much of their URLs it shows.
	shownTestURL = 80
)

// testView is the page that sends samples.
type testView struct {
	frame
	Events field
	// Named says that there are too many events to choose from.
	Named    bool
	Failures []field
	Empty    empty
}

func (e *exchange) testView() (testView, error) {
	v := testView{frame: e.frame("Test"), Events: field{Name: "event", Label: capital(e.api.Event), Type: "radio", Single: true}}
	v.Empty = empty{Title: "Nothing to send to", Text: "Add a webhook, then see a sample arrive at it within seconds.", Link: "/portal/webhooks/new", Action: "Add a webhook", Main: true}
	existing, err := e.api.Registry.List(e.Context(), e.session.Account)
	if err != nil {
		return v, err
	}
	if len(existing) > mostTests {
		v.Named, v.Events.Label, v.Events.Value = true, "Name of the "+e.api.Event, e.FormValue("event")
		return v, nil
	}
	for _, w := range existing {
		c := choice{Value: w.Event, Label: w.Event, Chosen: w.Event == e.FormValue("event") || len(existing) == 1, Taken: w.Disabled, Note: cut(w.URL, shownTestURL)}
		if w.Disabled {
			c.Note = "is disabled"
		}
		v.Events.Choices = append(v.Events.Choices, c)
	}
	return v, nil
}

// showTest serves GET /portal/test.
func (p *portal) showTest(e *exchange) error {
	v, err := e.testView()
	if err != nil {
		return err
	}
	return e.page(http.StatusOK, "test", v)
}

// sendTest serves POST /portal/test. The page of the delivery shows what becomes
// of the sample.
func (p *portal) sendTest(e *exchange) error {
	name := e.PostForm.Get("event")
	recipients, err := p.Store.Recipients(e.Context(), []webhook.EventKey{{Account: e.session.Account, Event: name}})
	if err != nil {
		return err
	}
	var d webhook.Delivery
	if id := recipients[0].Webhook.ID; name == "" || id == "" {
		err = webhook.ErrNotFound
	} else {
		d, err = p.Tester.Test(e.Context(), e.session.Account, id, name)
	}
	var wrong string
	switch {
	case err == nil:
		return e.redirect("/portal/deliveries/" + d.ID() + "?done=test")
	case errors.Is(err, webhook.ErrDisabled):
		wrong = "Its webhook is disabled. Enable it to test it."
	case errors.Is(err, webhook.ErrNotFound), errors.Is(err, webhook.ErrInvalid): // perhaps since a moment
		wrong = "Choose one that has a webhook."
	default:
		return err
	}
	v, err := e.testView()
	if err != nil {
		return err
	}
	v.Events.Wrong = wrong
	v.Failures = failures(v.Events)
	return e.page(http.StatusUnprocessableEntity, "test", v)
}
