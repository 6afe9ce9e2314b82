package portal

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

// mostChoices is how many events are shown to choose from. Of more, names are
// typed.
const mostChoices = 150

// webhookForm is the form that adds or changes a webhook.
type webhookForm struct {
	Events, URL, Payload field
	// Lines says that events are typed, one on each line.
	Lines bool
	// AsksEvents, AsksURL and AsksPayload say which fields there are.
	AsksEvents, AsksURL, AsksPayload bool
	// General is what is wrong with all of it.
	General field
}

func (f *webhookForm) failures() []field { return failures(f.Events, f.URL, f.General) }

// formView is the page that adds a webhook.
type formView struct {
	frame
	Form     *webhookForm
	Failures []field
}

// addForm returns an empty form for a webhook.
func (e *exchange) addForm(existing []webhook.Webhook) *webhookForm {
	f := &webhookForm{AsksEvents: true, AsksURL: true, AsksPayload: e.api.Payload}
	f.URL = e.urlField("")
	f.Payload = payloadField(false)
	f.Events = field{Name: "event", Label: capital(e.api.Event), Type: "radio", Hint: "Each can have one webhook."}
	if e.api.Several {
		f.Events.Label, f.Events.Type = capital(e.api.Event)+"s", "checkbox"
		f.Events.Hint = "Each can have one webhook. All that you choose are registered together, or none, 50 at most."
	}
	f.Lines = len(e.api.Events) == 0 || len(e.api.Events) > mostChoices
	if f.Lines {
		f.Events.Hint += " Write one on each line."
		return f
	}
	for _, name := range e.api.Events {
		taken := slices.ContainsFunc(existing, func(w webhook.Webhook) bool { return w.Event == name })
		c := choice{Value: name, Label: name, Taken: taken}
		if taken {
			c.Note = "has a webhook"
		}
		f.Events.Choices = append(f.Events.Choices, c)
	}
	return f
}

// editForm returns the form that changes a webhook as it is, nil if the API
// changes none.
func (e *exchange) editForm(g webhook.Group) *webhookForm {
	if !e.api.ChangesURL && !e.api.ChangesEvent && !e.api.ChangesPayload {
		return nil
	}
	f := &webhookForm{
		AsksEvents: e.api.ChangesEvent, AsksURL: e.api.ChangesURL, AsksPayload: e.api.ChangesPayload,
		URL: e.urlField(g.URL), Payload: payloadField(g.SendPayload),
	}
	f.Events = field{Name: "event", Label: capital(e.api.Event), Type: "radio", Value: g.Event}
	for _, name := range e.api.Events {
		f.Events.Choices = append(f.Events.Choices, choice{Value: name, Label: name, Chosen: name == g.Event})
	}
	return f
}

func (e *exchange) urlField(value string) field {
	name := e.api.URL
	label := "URL"
	if !strings.EqualFold(name, label) {
		label += " (" + name + ")"
	}
	hint := "Where your receiver listens: https, reachable from the internet."
	if e.api.URLs.AllowPrivate {
		hint = "Where your receiver listens. This server accepts private addresses too."
	}
	return field{Name: "url", Label: label, Hint: hint, Value: value, Inputmode: "url"}
}

func payloadField(on bool) field {
	f := field{Name: "payload", Label: "Send the payload", Hint: "Otherwise a delivery says what happened, and not the data."}
	if on {
		f.Value = "yes"
	}
	return f
}

// capital returns text with its first letter in upper case.
func capital(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[size:]
}

// sentence makes a sentence of what is wrong with something.
func sentence(thing, wrong string) string {
	if wrong == "" {
		return ""
	}
	if r, _ := utf8.DecodeRuneInString(wrong); unicode.IsUpper(r) {
		return wrong
	}
	return thing + " " + strings.TrimSuffix(wrong, ".") + "."
}

// newWebhook serves GET /portal/webhooks/new.
func (p *portal) newWebhook(e *exchange) error {
	if !e.session.Rights.Has(webhook.Write) {
		return errReadOnly
	}
	existing, err := e.api.Registry.List(e.Context(), e.session.Account)
	if err != nil {
		return err
	}
	f := e.addForm(existing)
	if name := e.URL.Query().Get("event"); name != "" {
		f.choose([]string{name})
	}
	return e.page(http.StatusOK, "new", formView{frame: e.frame("Add a webhook"), Form: f})
}

// choose fills in the events, in the order in which they are chosen.
func (f *webhookForm) choose(events []string) {
	if f.Lines {
		f.Events.Value = strings.Join(events, "\n")
		return
	}
	for i := range f.Events.Choices {
		f.Events.Choices[i].Chosen = slices.Contains(events, f.Events.Choices[i].Value)
	}
}

// register serves POST /portal/webhooks.
func (p *portal) register(e *exchange) error {
	if err := e.open(); err != nil {
		return err
	}
	existing, err := e.api.Registry.List(e.Context(), e.session.Account)
	if err != nil {
		return err
	}
	f := e.addForm(existing)
	events := e.sentEvents(f)
	f.choose(events)
	f.URL.Value = e.PostForm.Get("url")
	f.Payload = payloadField(e.PostForm.Has("payload"))
	e.checkEvents(f, events)
	f.URL.Wrong = e.checkURL(f.URL.Value)
	var made registry.Registration
	if len(f.failures()) == 0 {
		items := make([]registry.Item, len(events))
		for i, name := range events {
			items[i] = registry.Item{Event: name, URL: f.URL.Value, SendPayload: e.api.Payload && f.Payload.Value != ""}
		}
		made, err = e.api.Registry.Register(e.Context(), e.session.Account, items)
		if err != nil {
			if twice := e.sentTwice(err, events, f.URL.Value); twice != nil {
				return twice(e)
			}
			if f.Events.Wrong = conflict(err, events); f.Events.Wrong == "" {
				return err
			}
		}
	}
	if found := f.failures(); len(found) > 0 {
		return e.page(http.StatusUnprocessableEntity, "new", formView{frame: e.frame("Add a webhook"), Form: f, Failures: found})
	}
	id := made.Webhooks[0].ID
	if made.SigningKey.Reveal() == "" {
		return e.redirect("/portal/webhooks/" + id + "?done=registered")
	}
	return e.keyPage("The webhook is registered", "Your receiver checks with it that a delivery is genuine: Verify shows how.", made.SigningKey, "/portal/webhooks/"+id)
}

// sentEvents returns the events of the form that was sent.
func (e *exchange) sentEvents(f *webhookForm) []string {
	if !f.Lines {
		return e.PostForm["event"]
	}
	return strings.Fields(e.PostForm.Get("event"))
}

// checkEvents sets what is wrong with the events, by the API's rules.
func (e *exchange) checkEvents(f *webhookForm, events []string) {
	switch {
	case len(events) == 0:
		f.Events.Wrong = "Choose at least one."
	case len(events) > 1 && !e.api.Several:
		f.Events.Wrong = "Choose one."
	case len(events) > validate.MaxBatch:
		f.Events.Wrong = "Choose " + number(validate.MaxBatch) + " at most."
	}
	if f.Events.Wrong != "" {
		return
	}
	for _, name := range events {
		if wrong := e.api.CheckEvent(name); wrong != "" {
			f.Events.Wrong = cut(name, 64) + ": " + sentence("It", wrong)
			return
		}
	}
	if repeats := validate.Repeats(events); len(repeats) > 0 {
		f.Events.Wrong = events[repeats[0]] + " stands twice."
	} else if excluded := validate.Excluded(events, e.api.Excluding); len(excluded) > 0 {
		f.Events.Wrong = events[excluded[0]] + " cannot be registered together with another of these."
	}
}

func (e *exchange) checkURL(text string) string {
	if text == "" {
		return "The URL is required."
	}
	if err := e.api.URLs.URL(text); err != nil {
		return sentence("The URL", err.Error())
	}
	return ""
}

// conflict says why events cannot be registered. It returns "" for an error
// that says nothing about them.
func conflict(err error, events []string) string {
	if taken, ok := errors.AsType[*webhook.TakenError](err); ok {
		var found []string
		for _, name := range events {
			if _, ok := taken.IDs[name]; ok {
				found = append(found, name)
			}
		}
		return "Webhook already exists for this event: " + list(found) + "."
	}
	if excluded, ok := errors.AsType[*webhook.ExcludedError](err); ok {
		return excluded.Found[0].Event + " cannot be registered while " + excluded.Found[0].By + " is."
	}
	if errors.Is(err, webhook.ErrTooMany) {
		return "The account would have more than " + number(webhook.MaxWebhooks) + " webhooks."
	}
	return ""
}

// changeWebhook serves POST /portal/webhooks/{id}.
func (p *portal) changeWebhook(e *exchange) error {
	g, o, err := e.group()
	if err != nil {
		return err
	}
	f := e.editForm(g)
	if f == nil {
		return errNoPage
	}
	if err := e.open(); err != nil {
		return err
	}
	name := g.Event
	if f.AsksEvents {
		name = e.PostForm.Get("event")
		f.choose([]string{name})
		e.checkEvents(f, e.PostForm["event"])
	}
	f.URL.Value = e.PostForm.Get("url")
	f.URL.Wrong = e.checkURL(f.URL.Value)
	if f.AsksPayload {
		f.Payload = payloadField(e.PostForm.Has("payload"))
	}
	if len(f.failures()) == 0 {
		_, err = e.api.Registry.Change(e.Context(), e.session.Account, g.ID, func(records []webhook.Webhook) error {
			records[0].Event, records[0].URL = name, f.URL.Value
			if f.AsksPayload {
				records[0].SendPayload = f.Payload.Value != ""
			}
			return nil
		})
		if err == nil {
			return e.redirect("/portal/webhooks/" + g.ID + "?done=changed")
		}
		if f.Events.Wrong = conflict(err, []string{name}); f.Events.Wrong == "" {
			return err
		}
	}
	return e.webhookPage(http.StatusUnprocessableEntity, g, o, f)
}
